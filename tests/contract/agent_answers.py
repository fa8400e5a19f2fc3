"""What an agent does with each answer, and what it says: the table for clients in any language.

The rows say what has to come of an answer; they are written by hand, and the client is tested with
them. Requests and answers are made by the contract's own models.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from licensing.contract.agents import (
    Capabilities,
    JwksReply,
    LeaseView,
    LoginReply,
    LoginRequest,
    ValidateReply,
    ValidateRequest,
)
from licensing.contract.fields import instant
from licensing.contract.licenses import LicenseView
from licensing.contract.problems import ErrorCode, GatewayMessage, Problem, ProblemError
from licensing.domain.license import Kind, Status
from licensing.domain.refusal import RefusalCode
from licensing.domain.validation import Code, NextStep
from licensing_agent.lifecycle import LicenseState
from licensing_agent.obstacles import Obstacle
from tests.agent.samples import JWKS, LICENSE_ID, LICENSE_KEY, MACHINE, lease_token
from tests.unit.domain.test_lease import ISSUER
from tests.unit.samples import DAY, NOW

NONCE: Final = "n-1"
"""The nonce of the question that is answered."""
DEVICE_KEY: Final = "AkXIZFzonb59ZmGwyKgi3H3BwMi6amevqdKQiLZhdtc"
"""The thumbprint of the agent's device key."""
LAST: Final = "bGluay0x"
NEXT: Final = "bGluay0y"
"""The ids of the lease that the agent has, and of the one in the answer."""

CURRENT: Final = lease_token(now=NOW - 13 * 3600, id=LAST, nonce="n-0")
ENDING: Final = lease_token(now=NOW - DAY + 400, id=LAST, nonce="n-0")
LAPSED: Final = lease_token(now=NOW - 2 * DAY, id=LAST, nonce="n-0")
GRANTED: Final = lease_token(id=NEXT)
OVER: Final = lease_token(now=NOW - 2 * DAY, id=NEXT)

Step = Literal["validate", "login", "login with key", "fetch keys"]
Answer = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What an agent has when it asks; ``lease`` is what it works on or has worked on."""

    asks: Step
    has_license: bool = True
    lease: str | None = CURRENT
    presents: str | None = CURRENT
    device_key: str = DEVICE_KEY
    failures: int = 0
    has_just_logged_in: bool = False
    last_was_over: bool = False
    refused: Code | None = None


SITUATIONS: Final[Mapping[str, Situation]] = {
    "new": Situation(asks="login", has_license=False, lease=None, presents=None),
    "given up": Situation(asks="login", has_license=False, lease=None),
    "working": Situation(asks="validate"),
    "working, after eight failures": Situation(asks="validate", failures=8),
    "working, with another device key than at its login": Situation(
        asks="validate", device_key="_7b1Wl2vNnPnYB9sDbTq1T4YF4O0oUq3m5o0o0o0o0o"
    ),
    "its lease is over": Situation(asks="validate", lease=LAPSED, presents=LAPSED),
    "its lease is over, and a login was tried": Situation(
        asks="validate", lease=LAPSED, presents=LAPSED, failures=1
    ),
    "just logged in": Situation(asks="validate", has_just_logged_in=True),
    "the last answer was a lease that was over": Situation(
        asks="validate", lease=LAPSED, presents=LAPSED, last_was_over=True
    ),
    "separated from its machine": Situation(asks="login with key", lease=None),
    "its lease ends in 400 seconds, after eight failures": Situation(
        asks="validate", lease=ENDING, presents=ENDING, failures=8
    ),
    "blocked": Situation(asks="validate", lease=None, failures=1, refused=Code.DETACHED),
    "working, and asked to log in": Situation(asks="login with key"),
}


@dataclass(frozen=True, kw_only=True)
class After:
    """What the agent is and does then. ``wait`` is in seconds, at least and at most.

    ``presents`` is the id of the lease that goes with the next question, and ``keeps_nonce`` says
    that this one is asked again. ``says`` is what the person reads: where ``said_by`` is a pointer,
    the answer's own words from there; elsewhere the agent's, which need not be these.
    """

    state: LicenseState
    next: Step
    wait: tuple[int, int]
    has_license: bool = True
    works_on: str | None = None
    presents: str | None = LAST
    keeps_nonce: bool = False
    says: str | None = None
    said_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of the table. ``answer`` is None where none came."""

    name: str
    before: str
    answer: Answer | None
    after: After


# -- answers ---------------------------------------------------------------------------------------


def json_answer(status: int, body: Any, **headers: str) -> Answer:
    """An answer in JSON."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"status": status, "headers": told, "body": body}


def page(status: int, **headers: str) -> Answer:
    """A page of somebody else's."""
    told = {"content-type": "text/html", **headers}
    return {"status": status, "headers": told, "text": "<!doctype html><title>Notice</title>"}


def validated(**changed: Any) -> Answer:
    """The service's answer to a validation."""
    reply = ValidateReply(
        valid=True,
        code=Code.VALID,
        message="The license is valid.",
        action=NextStep.CONTINUE,
        license=_license(),
        lease=_lease(),
        nonce=NONCE,
        server_time=instant(NOW),
    )
    return json_answer(200, reply.model_copy(update=changed).model_dump(mode="json"))


def refused(code: Code, action: NextStep | None = None, **changed: Any) -> Answer:
    """The service says no to a validation."""
    meaning = code.meaning
    return validated(
        **{
            "valid": False,
            "code": code,
            "message": meaning.message,
            "action": action or meaning.action,
            "license": _license() if meaning.shows_license else None,
            "lease": None,
            **changed,
        }
    )


def logged_in(status: int = 201, **changed: Any) -> Answer:
    """The service's answer to a login."""
    reply = LoginReply(
        license=_license(),
        license_key=LICENSE_KEY,
        lease=_lease(),
        capabilities=Capabilities(save_configuration=True),
        created=status == 201,
        server_time=instant(NOW),
    )
    return json_answer(status, reply.model_copy(update=changed).model_dump(mode="json"))


def problem(
    code: ErrorCode | RefusalCode, detail: str, pointer: str | None = None, **headers: str
) -> Answer:
    """A problem of the service's."""
    errors = None if pointer is None else [ProblemError(pointer=pointer, detail=detail)]
    told = Problem.of(code, detail, errors)
    return json_answer(told.status, told.model_dump(mode="json", exclude_none=True), **headers)


def _license() -> LicenseView:
    return LicenseView(
        id=LICENSE_ID,
        kind=Kind.STANDARD,
        status=Status.ACTIVE,
        organization_id="acme",
        environment="production",
        primary=False,
        issued_at=instant(NOW - DAY),
        valid_until=instant(NOW + 300 * DAY),
        leased_until=instant(NOW + DAY),
    )


def _lease(token: str = GRANTED, *, since: int = NOW) -> LeaseView:
    return LeaseView(
        token=token, expires_at=instant(since + DAY), renew_after=instant(since + DAY // 2)
    )


# -- what comes of them ----------------------------------------------------------------------------

_AT_ONCE: Final = (0, 0)
_LATER: Final = (450, 1350)


def works(presents: str = LAST, wait: tuple[int, int] = (0, 2), **changed: Any) -> After:
    """It works on, and asks again."""
    usual = After(
        state=LicenseState.GRACE,
        next="validate",
        wait=wait,
        works_on=LAST,
        presents=presents,
        keeps_nonce=True,
    )
    return replace(usual, **changed)


def obstructed(obstacle: Obstacle, details: str = "", **changed: Any) -> After:
    """It works on: something is in the way."""
    return works(**{"says": obstacle.told(details), **changed})


def stops(asks: Step, wait: tuple[int, int], says: str, **changed: Any) -> After:
    """It stops, and says what the service says."""
    usual = After(state=LicenseState.REFUSED, next=asks, wait=wait, says=says, said_by="/message")
    return replace(usual, **changed)


def not_let_in(says: str, wait: tuple[int, int] = _LATER, **changed: Any) -> After:
    """It stays without a license: the person was not logged in."""
    usual = After(
        state=LicenseState.REFUSED,
        next="login",
        wait=wait,
        has_license=False,
        presents=None,
        keeps_nonce=True,
        says=says,
        said_by="/detail",
    )
    return replace(usual, **changed)


def unanswered_login(says: str | None, wait: tuple[int, int] = (0, 2), **changed: Any) -> After:
    """It stays without a license: something is in the way."""
    usual = not_let_in("", wait)
    stays = {"state": LicenseState.SIGNED_OUT, "says": says, "said_by": None}
    return replace(usual, **{**stays, **changed})


_RENEWED: Final = works(
    NEXT, (43_200, 54_000), state=LicenseState.VALID, works_on=NEXT, keeps_nonce=False
)


def rows() -> Iterator[Row]:
    """The table."""
    yield from _good()
    yield from _refusals()
    yield from _about_proofs()
    yield from _no_answers()
    yield from _logins()
    yield from _login_refusals()


def _good() -> Iterator[Row]:
    yield Row(
        name="VALID, and its lease holds", before="working", answer=validated(), after=_RENEWED
    )
    yield Row(
        name="VALID, after the lease was over",
        before="its lease is over",
        answer=validated(),
        after=_RENEWED,
    )
    late = validated(lease=_lease(OVER, since=NOW - 2 * DAY))
    idle = works(NEXT, _AT_ONCE, state=LicenseState.UNREACHABLE, works_on=None, keeps_nonce=False)
    yield Row(
        name="VALID, and its lease is over already: the answer to a question of long ago",
        before="its lease is over",
        answer=late,
        after=idle,
    )
    told = "The lease in the service's answer is over already."
    yield Row(
        name="the same again",
        before="the last answer was a lease that was over",
        answer=late,
        after=replace(idle, wait=(0, 2), says=told),
    )
    for name, why, token in (
        ("for another question", "wrong_nonce", lease_token(id=NEXT, nonce="n-9")),
        ("of another license", "wrong_license", lease_token(license_id="lic_fedcba9876543210")),
        ("of another machine", "wrong_machine", lease_token(machine_thumbprint="another")),
        ("that another key has signed", "wrong_signature", _another_signed()),
        ("that is none", "malformed", f"{GRANTED[:-1]}!"),
    ):
        yield Row(
            name=f"VALID, with a lease {name}",
            before="working",
            answer=validated(lease=_lease(token)),
            after=works(says=f"The lease in the service's answer is not valid: {why}."),
        )
    yield Row(
        name="VALID, with a lease of a key that is not known",
        before="working",
        answer=validated(lease=_lease(lease_token(kid="another"))),
        after=works(next="fetch keys", wait=_AT_ONCE),
    )
    yield Row(
        name="VALID, without a lease",
        before="working",
        answer=validated(lease=None),
        after=obstructed(Obstacle.NOT_OF_SERVICE),
    )


def _another_signed() -> str:
    """A lease with the signature of another one."""
    return f"{GRANTED.rpartition('.')[0]}.{CURRENT.rpartition('.')[2]}"


def _refusals() -> Iterator[Row]:
    for code in (Code.NOT_FOUND, Code.ORGANIZATION_MISMATCH, Code.REVOKED):
        gives_up = stops("login", _AT_ONCE, code.meaning.message, has_license=False)
        yield Row(name=code, before="working", answer=refused(code), after=gives_up)
    yield Row(
        name="REVOKED, right after a login",
        before="just logged in",
        answer=refused(Code.REVOKED),
        after=replace(gives_up, wait=_LATER),
    )
    for code in (Code.DISSOCIATED, Code.MACHINE_MISMATCH):
        again = stops("login with key", _AT_ONCE, code.meaning.message)
        yield Row(name=code, before="working", answer=refused(code), after=again)
    for code in (Code.DETACHED, Code.SUSPENDED, Code.EXPIRED):
        blocked = stops("validate", _LATER, code.meaning.message)
        yield Row(name=code, before="working", answer=refused(code), after=blocked)
    partner = Code.REVOKED.meaning.message_to_partner or ""
    yield Row(
        name="REVOKED with the action logout, as for a temporary license",
        before="working",
        answer=refused(Code.REVOKED, NextStep.LOGOUT, message=partner),
        after=stops("validate", _LATER, partner),
    )
    says = "This is new."
    for action, comes in (
        ("login", stops("login", _AT_ONCE, says, has_license=False)),
        ("logout", stops("validate", _LATER, says)),
    ):
        yield Row(
            name=f"a code that is not listed, with the action {action}",
            before="working",
            answer=_unlisted(action, says),
            after=comes,
        )
    yield Row(
        name="an action that is none",
        before="working",
        answer=_unlisted("explode", says),
        after=obstructed(Obstacle.NOT_OF_SERVICE),
    )
    yield Row(
        name="DETACHED, to another question",
        before="working",
        answer=refused(Code.DETACHED, nonce="n-9"),
        after=obstructed(Obstacle.OF_ANOTHER_REQUEST),
    )
    yield Row(
        name="DETACHED with the action login, which never goes with it",
        before="working",
        answer=refused(Code.DETACHED, NextStep.LOGIN),
        after=obstructed(Obstacle.NOT_OF_SERVICE),
    )
    for name, answer in (
        ("the action continue, without VALID", _unlisted("continue", says)),
        ("a code that is a number", _unlisted("logout", says, code=7)),
        ("REVOKED, with a lease", refused(Code.REVOKED, lease=_lease())),
        ("VALID that is false", validated(valid=False, lease=None)),
        ("REVOKED that is true", refused(Code.REVOKED, valid=True)),
    ):
        yield Row(
            name=name,
            before="working",
            answer=answer,
            after=obstructed(Obstacle.NOT_OF_SERVICE),
        )


def _unlisted(action: str, says: str, code: object = "NEW_CODE") -> Answer:
    answer = refused(Code.REVOKED, message=says)
    return {**answer, "body": {**answer["body"], "code": code, "action": action}}


def _about_proofs() -> Iterator[Row]:
    for code in (Code.PROOF_REQUIRED, Code.PROOF_INVALID):
        says: dict[str, Any] = {"says": code.meaning.message, "said_by": "/message"}
        yield Row(name=code, before="working", answer=refused(code), after=works(**says))
        idle = works(state=LicenseState.UNREACHABLE, works_on=None, next="login with key", **says)
        yield Row(
            name=f"{code}, and no lease holds",
            before="its lease is over",
            answer=refused(code),
            after=replace(idle, wait=_AT_ONCE),
        )
        yield Row(
            name=f"{code}, and no lease holds, after the first time",
            before="its lease is over, and a login was tried",
            answer=refused(code),
            after=replace(idle, wait=(0, 4)),
        )
    yield Row(
        name="PROOF_INVALID, for a device key that is not the login's",
        before="working, with another device key than at its login",
        answer=refused(Code.PROOF_INVALID),
        after=works(wait=_AT_ONCE, next="login with key", **says),
    )


def _no_answers() -> Iterator[Row]:
    lost = "The answer is lost."
    yield Row(name="no answer", before="working", answer=None, after=works(says=lost))
    yield Row(
        name="503, to be tried again tomorrow: an eighth of what is left, and another eighth",
        before="its lease ends in 400 seconds, after eight failures",
        answer=problem(ErrorCode.UNAVAILABLE, "Try again.", retry_after="86400"),
        after=obstructed(Obstacle.DOWN, "status 503: Try again.", wait=(50, 100)),
    )
    yield Row(
        name="no answer for the ninth time",
        before="working, after eight failures",
        answer=None,
        after=works(wait=(0, 512), says=lost),
    )
    for name, answer in (
        ("VALID, after the block is lifted", validated()),
        ("no answer: it stays blocked", None),
    ):
        stays = stops("validate", (0, 4), Code.DETACHED.meaning.message, keeps_nonce=True)
        yield Row(
            name=name,
            before="blocked",
            answer=answer,
            after=replace(stays, said_by=None) if answer is None else _RENEWED,
        )
    yield Row(
        name="no answer, and no lease holds",
        before="its lease is over",
        answer=None,
        after=works(state=LicenseState.UNREACHABLE, works_on=None, says=lost),
    )
    down = problem(ErrorCode.UNAVAILABLE, "Try again.", retry_after="30")
    for name, obstacle, answer, details, wait in (
        ("503", Obstacle.DOWN, down, "status 503: Try again.", (30, 32)),
        (
            "429, to be tried again tomorrow",
            Obstacle.BUSY,
            json_answer(429, {"message": "Too Many Requests"}, retry_after="86400"),
            "status 429: Too Many Requests",
            (1800, 1802),
        ),
        (
            "503, to be tried again at a time",
            Obstacle.DOWN,
            problem(
                ErrorCode.UNAVAILABLE,
                "Try again.",
                date="Sun, 06 Nov 2033 08:47:37 GMT",
                retry_after="Sun, 06 Nov 2033 08:49:37 GMT",
            ),
            "status 503: Try again.",
            (120, 122),
        ),
        ("502, a page", Obstacle.DOWN, page(502), "status 502", (0, 2)),
        ("403, a page", Obstacle.FORBIDDEN, page(403), "status 403", (0, 2)),
        ("404, a page", Obstacle.WRONG_PATH, page(404), "status 404", (0, 2)),
        (
            "302, to a captive portal",
            Obstacle.LED_ELSEWHERE,
            page(302, location="https://login.example/?to=x"),
            "status 302, to login.example",
            (0, 2),
        ),
        ("200, a page", Obstacle.CAPTIVE_PORTAL, page(200), "status 200", (0, 2)),
        ("200, JSON of something else", Obstacle.NOT_OF_SERVICE, json_answer(200, {}), "", (0, 2)),
        (
            "401, a gateway's",
            Obstacle.FORBIDDEN,
            json_answer(401, GatewayMessage(message="Unauthorized").model_dump()),
            "status 401: Unauthorized",
            (0, 2),
        ),
        (
            "400, the service's own: at a validation no status but 200 is a refusal",
            Obstacle.NOT_ACCEPTED,
            problem(ErrorCode.INVALID_REQUEST, "Correct the request.", "/machine"),
            "status 400: Correct the request.",
            (0, 2),
        ),
    ):
        yield Row(
            name=name,
            before="working",
            answer=answer,
            after=obstructed(obstacle, details, wait=wait),
        )


def _logins() -> Iterator[Row]:
    begun = works(
        NEXT,
        _AT_ONCE,
        works_on=NEXT,
        keeps_nonce=False,
    )
    for name, before, answer in (
        ("201: a new license", "new", logged_in()),
        ("200: the license that this agent had", "new", logged_in(200)),
        ("200: another login, after the license was given up", "given up", logged_in(200)),
        ("200: bound here again", "separated from its machine", logged_in(200)),
    ):
        yield Row(name=name, before=before, answer=answer, after=begun)
    yield Row(
        name="200, with a lease that is over already: the answer to a login of long ago",
        before="new",
        answer=logged_in(200, lease=_lease(OVER, since=NOW - 2 * DAY)),
        after=replace(begun, state=LicenseState.UNREACHABLE, works_on=None),
    )
    for name, token, says in (
        (
            "of another service",
            lease_token(issuer="urn:other"),
            (
                "The lease in the service's answer is not valid: wrong_issuer. Compare the agent's "
                "issuer with the one that the service names at /.well-known/jwks.json."
            ),
        ),
        (
            "for another question",
            lease_token(nonce="n-9"),
            "The lease in the service's answer is not valid: wrong_nonce.",
        ),
    ):
        yield Row(
            name=f"201, with a lease {name}",
            before="new",
            answer=logged_in(lease=_lease(token)),
            after=unanswered_login(says),
        )
    yield Row(
        name="201, with a license key that was changed on the way",
        before="new",
        answer=logged_in(license_key=f"{LICENSE_KEY[:-1]}0"),
        after=unanswered_login(
            "The license key in the service's answer was changed on the way: log in again."
        ),
    )
    yield Row(name="no answer", before="new", answer=None, after=unanswered_login(_LOST))
    yield Row(
        name="503",
        before="new",
        answer=problem(ErrorCode.UNAVAILABLE, "Try again.", retry_after="30"),
        after=unanswered_login(Obstacle.DOWN.told("status 503: Try again."), (30, 32)),
    )
    busy = problem(RefusalCode.FORBIDDEN, "Later.")
    yield Row(
        name="429 is no refusal, whatever its body is",
        before="new",
        answer={**busy, "status": 429, "body": {**busy["body"], "status": 429}},
        after=unanswered_login(Obstacle.BUSY.told("status 429: Later.")),
    )
    own = {"title": "Blocked", "detail": "Blocked.", "code": "forbidden", "status": 403}
    own["type"] = "urn:licensing:problem:forbidden"
    for name, changed in (
        ("somebody else's problem", {"type": "about:blank"}),
        ("a problem of another type than its code", {"code": "blocked"}),
        ("a problem with another status", {"status": 409}),
    ):
        yield Row(
            name=f"403, {name}",
            before="new",
            answer=json_answer(403, own | changed),
            after=unanswered_login(Obstacle.FORBIDDEN.told("status 403: Blocked.")),
        )


_LOST: Final = "The answer is lost."
_PERSONS: Final[Mapping[RefusalCode, str]] = {
    RefusalCode.FORBIDDEN: "Super-admins do not log in on agents.",
    RefusalCode.ON_BEHALF_DISABLED: "You cannot log in for another organization.",
    RefusalCode.MACHINE_REGISTERED: "Your machine is already registered with Acme.",
    RefusalCode.DEVICE_KEY: "This agent's license is bound to another device key.",
    RefusalCode.AGENT_BLOCKED: "Agent is Blocked.",
    RefusalCode.SEAT_LIMIT_REACHED: "All 10 seats are taken.",
    RefusalCode.MEMBER_LIMIT_REACHED: "You have added as many agents as you may.",
    RefusalCode.SUBSCRIPTION_ENDED: "The subscription has ended.",
}


def _login_refusals() -> Iterator[Row]:
    for code, detail in _PERSONS.items():
        answer = problem(code, detail)
        yield Row(name=code, before="new", answer=answer, after=not_let_in(detail))
    anew = "The service does not accept your sign-in. Sign in again."
    yield Row(
        name="401 of the gateway: the token is not accepted",
        before="new",
        answer=json_answer(401, GatewayMessage(message="Unauthorized").model_dump()),
        after=not_let_in(anew, (60, 60), said_by=None),
    )
    expired = "The token has expired. Log in again."
    yield Row(
        name="unauthorized",
        before="new",
        answer=problem(ErrorCode.UNAUTHORIZED, expired),
        after=not_let_in(expired, (60, 60)),
    )
    no_proof = "This license requires a proof of the device key."
    for name, answer in (
        ("proof_required", problem(RefusalCode.PROOF_REQUIRED, no_proof)),
        (
            "invalid_request, about the proof",
            problem(ErrorCode.INVALID_REQUEST, no_proof, "/headers/dpop"),
        ),
    ):
        yield Row(
            name=name,
            before="new",
            answer=answer,
            after=unanswered_login(no_proof, said_by="/detail"),
        )
    bound = (
        "Agent needs to be dissociated first from the portal, before reassigning the same license "
        "key."
    )
    without = unanswered_login(
        None, (2, 2), state=LicenseState.UNREACHABLE, has_license=True, presents=LAST
    )
    for name, answer in (
        ("license_still_bound: without the key", problem(RefusalCode.LICENSE_STILL_BOUND, bound)),
        (
            "not_found, about the key: without it",
            problem(RefusalCode.NOT_FOUND, "There is no such license.", "/license_key"),
        ),
        (
            "temporary_license_not_usable: without the key",
            problem(RefusalCode.TEMPORARY_NOT_USABLE, "It is in use on another machine."),
        ),
    ):
        yield Row(name=name, before="separated from its machine", answer=answer, after=without)
    yield Row(
        name="on_behalf_login_disabled, with a key: without it",
        before="separated from its machine",
        answer=problem(RefusalCode.ON_BEHALF_DISABLED, _PERSONS[RefusalCode.ON_BEHALF_DISABLED]),
        after=without,
    )
    unknown = "There is no such organization."
    yield Row(
        name="not_found, about something else than the key",
        before="separated from its machine",
        answer=problem(RefusalCode.NOT_FOUND, unknown),
        after=not_let_in(unknown, next="login with key", has_license=True, presents=LAST),
    )
    seats = _PERSONS[RefusalCode.SEAT_LIMIT_REACHED]
    yield Row(
        name="seat_limit_reached, with the key of a license that waits",
        before="separated from its machine",
        answer=problem(RefusalCode.SEAT_LIMIT_REACHED, seats),
        after=not_let_in(seats, next="login with key", has_license=True, presents=LAST),
    )
    yield Row(
        name="seat_limit_reached, while a lease holds",
        before="working, and asked to log in",
        answer=problem(RefusalCode.SEAT_LIMIT_REACHED, seats),
        after=works(next="login with key", wait=_LATER, says=seats, said_by="/detail"),
    )


# -- as data, and as a table -----------------------------------------------------------------------


def answers() -> dict[str, Any]:
    """The table, whole requests and answers in it."""
    return {
        "issuer": ISSUER,
        "environment": "production",
        "now": NOW,
        "machine": MACHINE.as_sent(),
        "jwks": JwksReply.model_validate({**JWKS, "issuer": ISSUER}).model_dump(mode="json"),
        "situations": {name: _situation(has) for name, has in SITUATIONS.items()},
        "rows": [_row(row) for row in rows()],
    }


def _situation(has: Situation) -> dict[str, Any]:
    license = {
        "id": LICENSE_ID,
        "organization_id": "acme",
        "license_key": LICENSE_KEY,
        "device_key": DEVICE_KEY,
    }
    return {
        "license": license if has.has_license else None,
        "lease": has.lease and {"token": has.lease, "nonce": "n-0"},
        "presents": has.presents,
        "device_key": has.device_key,
        "failures": has.failures,
        "has_just_logged_in": has.has_just_logged_in,
        "last_was_over": has.last_was_over,
        "refused": None if has.refused is None else _refusal(has.refused),
        "asks": has.asks,
        "request": _request(has),
    }


def _refusal(code: Code) -> dict[str, str]:
    return {"code": code, "message": code.meaning.message, "action": code.meaning.action}


def _request(has: Situation) -> dict[str, Any]:
    """What an agent sends."""
    asked = {
        "machine": MACHINE.as_sent(),
        "environment": "production",
        "agent_version": "4.5.0.0",
        "nonce": NONCE,
        "lease": has.presents,
    }
    if has.asks == "validate":
        path = "/v1/licenses/validate"
        asked = {"license_key": LICENSE_KEY, "organization_id": "acme", **asked}
        ValidateRequest.model_validate(asked)
    else:
        path = "/v1/licenses"
        asked["license_key"] = LICENSE_KEY if has.asks == "login with key" else None
        LoginRequest.model_validate(asked)
    return {"method": "POST", "path": path, "body": asked}


def _row(row: Row) -> dict[str, Any]:
    after = row.after
    return {
        "name": row.name,
        "situation": row.before,
        "answer": row.answer,
        "after": {
            "state": after.state,
            "works": after.works_on is not None,
            "works_on": after.works_on,
            "has_license": after.has_license,
            "presents": after.presents,
            "keeps_nonce": after.keeps_nonce,
            "next": after.next,
            "wait": list(after.wait),
            "says": after.says,
            "said_by": after.said_by,
        },
    }


_NAMES: Final = {LAST: "the last", NEXT: "the new one", None: "none"}


def table() -> str:
    """The table in Markdown."""
    head = (
        "| the agent | is answered | is then | next | waits | presents | says |",
        "|---|---|---|---|---|---|---|",
    )
    return "".join(f"{line}\n" for line in (*head, *map(_line, rows())))


def _line(row: Row) -> str:
    after, has = row.after, SITUATIONS[row.before]
    question = "login" if has.asks.startswith("login") else "validation"
    least, most = (f"{seconds:,.0f}" for seconds in after.wait)
    kept = "" if after.has_license or not has.has_license else ", without the license"
    again = ", again" if after.keeps_nonce else ""
    cells = (
        f"{row.before}: {question}",
        row.name,
        f"{after.state}{kept}",
        after.next,
        least if least == most else f"{least} to {most}",
        f"{_NAMES[after.presents]}{again}",
        after.says or "",
    )
    return f"| {' | '.join(cells)} |"
