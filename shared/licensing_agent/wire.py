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
from urllib.parse import urlsplit

from licensing_agent import proof, words
from licensing_agent.lifecycle import FetchKeys, Login, Validate
from licensing_agent.machine.identity import Machine
from licensing_agent.obstacles import Obstacle
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

_REFUSED: Final = frozenset({"login", "logout"})
"""What a refusal can tell an agent to do."""
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
_CODE: Final = re.compile(r"\w{1,64}", re.ASCII)
_JSON: Final = {"Content-Type": "application/json"}
_GARBLED: Final = Failed(why=Obstacle.NOT_OF_SERVICE.told())
_TO_ANOTHER: Final = Failed(why=Obstacle.OF_ANOTHER_REQUEST.told())
_MOST_ERRORS: Final = 3
"""How many wrong fields of a request a message tells of."""
_OTHERS: Final[Mapping[int, Obstacle]] = {
    **dict.fromkeys((401, 403, 451), Obstacle.FORBIDDEN),
    **dict.fromkeys((404, 405, 410, 421), Obstacle.WRONG_PATH),
    **dict.fromkeys((408, 425, 429), Obstacle.BUSY),
    407: Obstacle.PROXY_LOGIN,
    511: Obstacle.CAPTIVE_PORTAL,
}
"""What a status means in an answer that is not the service's own."""


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
    status = answer.status
    try:
        body: Mapping[str, object] = strict_json.read_object(answer.body)
    except ValueError:
        return _no_answer(answer, {})
    if status >= 500 or _OTHERS.get(status) is Obstacle.BUSY:
        return _no_answer(answer, body)
    try:
        if status >= 400:
            return _refusal(request, answer, body)
        if status not in {200, 201}:
            return _no_answer(answer, body)
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


def _no_answer(answer: Answer, body: Mapping[str, object]) -> Failed:
    """What is not the service's, or says that it cannot answer: ``body`` is its JSON."""
    status, said = answer.status, _said(body)
    details = f"status {status}: {said}" if said else f"status {status}"
    if status >= 400:
        by_gateway = Obstacle.NOT_ACCEPTED if said else Obstacle.NOT_OF_SERVICE
        other = Obstacle.DOWN if status >= 500 else by_gateway
        found = _OTHERS.get(status, other)
    elif status >= 300:
        found = Obstacle.LED_ELSEWHERE
        host = _host(answer.headers.get("location", ""))
        details = f"status {status}, to {host}" if host else details
    else:
        is_page = answer.body.lstrip().startswith(b"<") or "html" in answer.headers.get(
            "content-type", ""
        )
        found = Obstacle.CAPTIVE_PORTAL if is_page else Obstacle.NOT_OF_SERVICE
    return Failed(why=found.told(details), retry_after=_retry_after(answer.headers))


def _refusal(request: Request, answer: Answer, body: Mapping[str, object]) -> Outcome:
    status, code = answer.status, body.get("code")
    # Other people's problems have a code and a detail, too.
    is_own = body.get("type") == f"{_PROBLEM}{code}" and body.get("status") == status
    if not isinstance(request.step, Login):
        # A validation is refused with status 200. Whatever this is, it is not about the licence.
        if not is_own:
            return _no_answer(answer, body)
        return Failed(why=Obstacle.NOT_ACCEPTED.told(f"status {status}: {_said(body)}"))
    if status == 401 and body.get("message") == _OF_GATEWAY:
        message = "The service does not accept your sign-in. Sign in again."
        return Refused(code="unauthorized", message=message, action="login", at_login=True)
    if not is_own:
        return _no_answer(answer, body)
    code, _ = _code(body), _text(body, "detail")
    message = _said(body)
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


def _said(body: Mapping[str, object]) -> str:
    """The most specific sentence of an answer: of a problem, of a gateway; nothing if it has none.

    Where several fields are wrong, each is told of.
    """
    told = body.get("detail") or body.get("message") or body.get("Message") or ""
    said = told if isinstance(told, str) else ""
    wrong = [
        f"{str(one.get('pointer', '')).strip('/')}: {detail}"
        for one in _errors(body)
        if isinstance(detail := one.get("detail"), str) and detail not in said
    ]
    return words.sentence(" ".join([said, "; ".join(wrong[:_MOST_ERRORS])]))


def _host(location: str) -> str:
    """Where a redirection leads: the host alone, as all else may have a ticket in it."""
    try:
        return words.line(urlsplit(location).hostname or "")
    except ValueError:
        return ""


def _errors(body: Mapping[str, object]) -> list[dict[str, object]]:
    errors = body.get("errors")
    return [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []


def _pointers(body: Mapping[str, object]) -> set[str]:
    """What of the request a problem is about."""
    return {str(one.get("pointer")) for one in _errors(body)}


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
    action, code, message = _text(body, "action"), _code(body), _text(body, "message")
    message = words.sentence(message)
    is_refusal = body.get("valid") is False and body.get("lease") is None and code != "VALID"
    if not is_refusal or action not in _REFUSED:
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


def _code(body: Mapping[str, object]) -> str:
    code = _text(body, "code")
    if not _CODE.fullmatch(code):
        raise ValueError("not a code")
    return code


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
