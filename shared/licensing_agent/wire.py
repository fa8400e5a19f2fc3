"""The service's requests and answers: how the first are written, and what the second mean.

What this module guarantees:

* A request's body is encoded once: what is signed is what is sent.
* An answer is a refusal only where the service itself has refused, in its own form. A proxy's page,
  a redirection, another status and JSON that is not of this service are no answers: the service
  could not be asked.
"""

from __future__ import annotations

import email.utils
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Literal, cast

from licensing_agent import proof
from licensing_agent.lifecycle import FetchKeys, Login, Validate
from licensing_agent.machine.identity import Machine
from licensing_agent.protocol import lease, strict_json
from licensing_agent.protocol.credentials import Credentials
from licensing_agent.protocol.outcomes import (
    Action,
    Failed,
    KeysFetched,
    LoggedIn,
    Outcome,
    Refused,
    Unproven,
    Valid,
)

LARGEST_ANSWER: Final = 262_144
"""Bytes: what is longer is none of the service's."""

_ACTIONS: Final = frozenset({"continue", "login", "logout"})
_NO_LOGIN_HELPS: Final = frozenset({"DETACHED", "SUSPENDED", "EXPIRED"})
"""Codes after which an agent waits until somebody has acted; none of them asks for a login."""
_ABOUT_PROOFS: Final = frozenset({"PROOF_REQUIRED", "PROOF_INVALID"})
_NO_PROOF_AT_LOGIN: Final = "proof_required"
_PROOF_POINTER: Final = "/headers/dpop"
_OF_A_KEY: Final = frozenset(
    {"on_behalf_login_disabled", "temporary_license_not_usable", "license_still_bound"}
)
_UNKNOWN_KEY: Final = ("not_found", "/license_key")
_OF_ANOTHER_ENVIRONMENT: Final = ("invalid_request", "/environment")
_PROBLEM: Final = "urn:licensing:problem:"
_OF_GATEWAY: Final = "Unauthorized"
_PROOF_NONCE: Final = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]{1,256}")  # RFC 9449, 8.1
_JSON: Final = {"Content-Type": "application/json"}
_GARBLED: Final = Failed(why="The answer is not from the service, or was changed on the way.")
_TO_ANOTHER: Final = Failed(
    why="The answer is to another request: something on the way repeats what it has seen earlier."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request; what it sends is not for any log.

    ``credential`` is what the service knows the sender by, which a proof goes with.
    """

    step: Login | Validate | FetchKeys
    method: Literal["GET", "POST"]
    path: str
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    credential: str = field(default="", repr=False)
    nonce: str = field(default="", repr=False)
    credentials: Credentials | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who asks: the machine as it is now, and the agent on it."""

    machine: Machine
    environment: str
    agent_version: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def login(step: Login, sender: Sender, *, token: str, nonce: str) -> Request:
    """A person logs in. Raises :class:`UnicodeEncodeError` for what cannot be sent."""
    credentials = sender.machine.credentials()
    asked = {
        "machine": credentials.as_sent(),
        "environment": sender.environment,
        "agent_version": sender.agent_version,
        "license_key": step.license_key,
        "nonce": nonce,
        "lease": step.link,
    }
    return Request(
        step=step,
        method="POST",
        path="/v1/licenses",
        headers={"Authorization": f"Bearer {token}", **_JSON},
        credential=token,
        nonce=nonce,
        credentials=credentials,
        body=_encoded(asked),
    )


def validate(step: Validate, sender: Sender, *, nonce: str) -> Request:
    """The agent proves itself with its key. Raises as :func:`login` does."""
    credentials = sender.machine.credentials()
    asked = {
        "license_key": step.license.key,
        "organization_id": step.license.organization_id,
        "environment": sender.environment,
        "machine": credentials.as_sent(),
        "agent_version": sender.agent_version,
        "nonce": nonce,
        "lease": step.link,
    }
    return Request(
        step=step,
        method="POST",
        path="/v1/licenses/validate",
        headers=_JSON,
        credential=step.license.key,
        nonce=nonce,
        credentials=credentials,
        body=_encoded(asked),
    )


def fetch_keys(step: FetchKeys) -> Request:
    """The public keys."""
    return Request(step=step, method="GET", path="/.well-known/jwks.json")


def proved(request: Request, token: str) -> Request:
    """A request with the proof of a device key."""
    return replace(request, headers={**request.headers, "DPoP": token})


def freshness(request: Request, nonce: str | None, *, is_wanted: bool) -> str | None:
    """What shows a proof to be fresh: the presented lease, while that is in its time.

    Else, and where the service has asked for it (``is_wanted``), the service's own ``nonce`` (R36).
    """
    fresh_by = request.step.fresh_by if isinstance(request.step, Validate) else None
    return nonce if is_wanted else fresh_by or nonce


def asks_for_proof(answer: Answer) -> bool:
    """Whether the service wants the request again, with a proof that has its newest nonce."""
    try:
        return proof.is_asked_for(answer.status, strict_json.read_object(answer.body))
    except ValueError:
        return False


def proof_nonce(answer: Answer) -> str | None:
    """The service's nonce for the next proof, if it has told one: in a header or in a problem."""
    told: list[object] = [answer.headers.get("dpop-nonce")]
    if answer.status == 401:  # some proxies let no header through that they do not know
        with suppress(ValueError):
            told.append(strict_json.read_object(answer.body).get("dpop_nonce"))
    # Whoever answers in the service's place must not make requests that nobody takes.
    return next((one for one in told if isinstance(one, str) and _PROOF_NONCE.fullmatch(one)), None)


def outcome(request: Request, answer: Answer) -> Outcome:
    """What an answer means."""
    if answer.status >= 500 or answer.status in {408, 425, 429}:
        why = f"The service is busy or failed (status {answer.status})."
        return Failed(why=why, retry_after=_retry_after(answer.headers))
    try:
        body = strict_json.read_object(answer.body)
        if answer.status >= 400:
            return _refusal(request, answer.status, body)
        if answer.status not in {200, 201}:
            return _GARBLED
        match request.step:
            case Login():
                return _logged_in(request, body)
            case Validate():
                return _validated(request, body)
            case _:
                issuer = body.get("issuer")
                told = issuer if isinstance(issuer, str) else None
                return KeysFetched(lease.public_keys(body), told)
    except (ValueError, OverflowError):
        return _GARBLED


def _refusal(request: Request, status: int, body: Mapping[str, object]) -> Outcome:
    if not isinstance(request.step, Login):
        # A validation is refused with status 200. Whatever this is, it is not about the licence.
        return Failed(why=f"The service did not accept the request (status {status}).")
    if status == 401 and body.get("message") == _OF_GATEWAY:
        message = "The service does not accept your sign-in. Sign in again."
        return Refused(code="unauthorized", message=message, action="login", at_login=True)
    code, message = _text(body, "code"), _text(body, "detail")
    # Other people's problems have a code and a detail, too.
    if body.get("type") != f"{_PROBLEM}{code}" or body.get("status") != status:
        return _GARBLED
    pointers = _pointers(body)
    if code == _NO_PROOF_AT_LOGIN or _PROOF_POINTER in pointers:
        return Unproven(message=message)
    about_key = code in _OF_A_KEY or any(
        _is_about_key(request, request.step, code, one) for one in pointers
    )
    return Refused(code=code, message=message, action="login", at_login=True, about_key=about_key)


def _is_about_key(request: Request, step: Login, code: str, pointer: str) -> bool:
    """Whether a refusal is for the licence of the key, and not for how the request is written.

    The licence's own key is well written: where that is refused, something has changed the request.
    A key is for one environment, and the agent may have been given another since its last lease.
    """
    if (code, pointer) != _OF_ANOTHER_ENVIRONMENT:
        return (code, pointer) == _UNKNOWN_KEY
    asked = strict_json.read_object(request.body or b"{}").get("environment")
    return step.link is None or lease.environment(step.link) != asked


def _pointers(body: Mapping[str, object]) -> set[str]:
    """What of the request a problem is about."""
    errors = body.get("errors")
    named = errors if isinstance(errors, list) else []
    return {str(one.get("pointer")) for one in named if isinstance(one, dict)}


def _logged_in(request: Request, body: Mapping[str, object]) -> Outcome:
    license = _object(body, "license")
    if request.credentials is None:
        return _GARBLED
    return LoggedIn(
        license_key=_text(body, "license_key"),
        lease=_text(_object(body, "lease"), "token"),
        license_id=_text(license, "id"),
        organization_id=_text(license, "organization_id"),
        save_configuration=_object(body, "capabilities").get("save_configuration") is True,
        nonce=request.nonce,
        credentials=request.credentials,
        server_time=_instant(body, "server_time"),
    )


def _validated(request: Request, body: Mapping[str, object]) -> Outcome:
    if body.get("valid") is True and request.credentials is not None:
        granted = _object(body, "lease")
        return Valid(
            lease=_text(granted, "token"),
            renew_after=_instant(granted, "renew_after"),
            server_time=_instant(body, "server_time"),
            nonce=request.nonce,
            credentials=request.credentials,
        )
    if body.get("nonce", request.nonce) != request.nonce:
        return _TO_ANOTHER
    action, code, message = (_text(body, name) for name in ("action", "code", "message"))
    is_refusal = body.get("valid") is False and body.get("lease") is None and code != "VALID"
    if not is_refusal or action not in _ACTIONS:
        return _GARBLED
    if code in _NO_LOGIN_HELPS and action == "login":
        return _GARBLED
    if code in _ABOUT_PROOFS:
        return Unproven(message=message)
    return Refused(code=code, message=message, action=cast("Action", action))


def _encoded(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _object(body: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = body.get(name)
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - of the answer, not of a caller
    return value


def _text(body: Mapping[str, object], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError("not a text")
    return value


def _instant(body: Mapping[str, object], name: str) -> float:
    moment = datetime.fromisoformat(_text(body, name))
    if moment.tzinfo is None:
        raise ValueError("not an instant")
    return moment.timestamp()


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, whether the header counts them or names a date (RFC 9110)."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        # By the service's own clock: this machine's may be wrong.
        until, since = (
            email.utils.parsedate_to_datetime(date).astimezone(UTC)
            for date in (text, headers.get("date", ""))
        )
    except (ValueError, OverflowError):
        return None
    return max(0.0, (until - since).total_seconds())
