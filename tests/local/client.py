"""An HTTP client that knows the service's JSON, and how users log in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from time import monotonic
from typing import Any
from urllib.parse import urlsplit


class UnexpectedAnswerError(Exception):
    """The service answered something else than was expected; the message shows the answer."""


@dataclass(frozen=True)
class Answer:
    """What the service answered; `body` is {} when there is none."""

    status: int
    headers: Mapping[str, str]
    body: Any

    def __getitem__(self, path: str) -> Any:
        """A field of the body: `answer["license.id"]`; None when it is not there."""
        value = self.body
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        return value

    def expect(self, status: int, **fields: Any) -> "Answer":
        """This answer, if it has this status and these fields in its body."""
        wrong = [f"{k} {self[k]!r} instead of {v!r}" for k, v in fields.items() if self[k] != v]
        if self.status != status:
            wrong.insert(0, f"status {self.status} instead of {status}")
        if wrong:
            raise UnexpectedAnswerError(f"{'; '.join(wrong)}, in the answer {self.body}")
        return self


_IDLE_SECONDS = 20.0
"""Less than the service leaves a silent connection open for."""


class Client:
    """A connection to the service, which is made anew after a long silence or an error."""

    def __init__(self, url: str) -> None:
        """`url` is the service's, as in `http://127.0.0.1:8080`."""
        self.url = url
        parts = urlsplit(url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        # All such names are this machine, and not every resolver knows it (RFC 6761, 6.3).
        is_here = (parts.hostname or "").endswith(".localhost")
        self._host = {"Host": parts.netloc} if is_here else {}
        address = f"127.0.0.1:{parts.port or kind.default_port}" if is_here else parts.netloc
        self._http: HTTPConnection = kind(address, timeout=60)
        self._used = monotonic()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request, with a user's `token` if there is one."""
        sent = {"Content-Type": "application/json"} if body is not None else {}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        payload = None if body is None else json.dumps(body)
        if monotonic() - self._used > _IDLE_SECONDS:
            self._http.close()
        try:
            self._http.request(method, path, payload, self._host | sent | dict(headers or {}))
            response = self._http.getresponse()
            text = response.read()
        except (OSError, HTTPException):
            self._http.close()  # else it would refuse whatever is asked next
            raise
        self._used = monotonic()
        received = {name.lower(): value for name, value in response.getheaders()}
        try:
            document = json.loads(text) if text else {}
        except ValueError as error:
            raise UnexpectedAnswerError(
                f"{method} {path} is answered with status {response.status} and no JSON: "
                f"{text[:200]!r}. Is it this service that is there?"
            ) from error
        return Answer(response.status, received, document)

    def log_in(self, client_id: str, username: str, password: str) -> Answer:
        """Ask the identity provider for a user's tokens, as on AWS."""
        request = {
            "AuthFlow": "USER_PASSWORD_AUTH",
            "ClientId": client_id,
            "AuthParameters": {"USERNAME": username, "PASSWORD": password},
        }
        headers = {
            "X-Amz-Target": "AWSCognitoIdentityProviderService.InitiateAuth",
            "Content-Type": "application/x-amz-json-1.1",
        }
        return self.call("POST", "/", request, headers=headers)
