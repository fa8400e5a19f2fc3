"""What an answer means: how long to leave the service alone, and whether it has refused at all."""

import json
from typing import Any

import pytest

from licensing_agent import words
from licensing_agent.lifecycle import FetchKeys, Login, Validate
from licensing_agent.protocol.outcomes import Failed, KeysFetched, Outcome, Refused
from licensing_agent.storage.state import KeptLicense
from licensing_agent.wire import Answer, Request, fetch_keys, outcome
from tests.agent.samples import JWKS, KEYS, LICENSE_ID, LICENSE_KEY, MACHINE

DATE = "Sun, 06 Nov 2033 08:47:37 GMT"
LATER = "Sun, 06 Nov 2033 08:49:37 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "9" * 400}, 999_999_999),
        ({"retry-after": LATER, "date": DATE}, 120),
        ({"retry-after": DATE, "date": LATER}, 0),
        ({"retry-after": LATER}, None),
        ({"retry-after": "soon", "date": DATE}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 -2359", "date": DATE}, None),
        ({"retry-after": "\N{SUPERSCRIPT TWO}"}, None),
        ({}, None),
    ],
)
def test_patience_is_asked_for_in_seconds_or_until_a_date_by_the_services_clock(
    headers: dict[str, str], seconds: float | None
) -> None:
    answered = outcome(fetch_keys(FetchKeys()), Answer(status=503, headers=headers, body=b""))
    assert isinstance(answered, Failed)
    assert answered.retry_after == seconds


def test_keys_that_are_none_are_no_answer() -> None:
    request = fetch_keys(FetchKeys())
    for body in (b"{}", b"[]", b'{"keys": {}}', b'{"keys": [], "keys": []}', b"\xff"):
        assert isinstance(outcome(request, Answer(status=200, headers={}, body=body)), Failed)
    assert isinstance(outcome(request, Answer(status=404, headers={}, body=b"{}")), Failed)


def test_the_issuer_of_the_keys_is_told_where_the_service_names_it() -> None:
    for issuer, told in (("urn:x", "urn:x"), (None, None), (7, None)):
        body = json.dumps(JWKS | {"issuer": issuer}).encode()
        answered = outcome(fetch_keys(FetchKeys()), Answer(status=200, headers={}, body=body))
        assert answered == KeysFetched(KEYS, told)


# -- refusals ------------------------------------------------------------------------------------

HELD = KeptLicense(
    key=LICENSE_KEY, id=LICENSE_ID, organization_id="acme", save_configuration=True, device_key=None
)
REVOKED: dict[str, Any] = {
    "valid": False,
    "code": "REVOKED",
    "message": "Log in.",
    "action": "login",
    "license": None,
    "lease": None,
    "nonce": "n-1",
    "server_time": "2030-01-01T00:00:00Z",
}
NO_SEAT: dict[str, Any] = {
    "type": "urn:licensing:problem:seat_limit_reached",
    "title": "Conflict",
    "status": 409,
    "detail": "No seat is free.",
    "code": "seat_limit_reached",
}


def validated(body: dict[str, Any]) -> Outcome:
    return asked(Validate(HELD, None), 200, body)


def logged_in(status: int, body: dict[str, Any]) -> Outcome:
    return asked(Login(None), status, body)


def asked(step: Validate | Login, status: int, body: dict[str, Any]) -> Outcome:
    request = Request(step=step, method="POST", path="/", nonce="n-1", credentials=MACHINE)
    return outcome(request, Answer(status=status, headers={}, body=json.dumps(body).encode()))


def test_a_refusal_is_one_where_it_answers_this_question() -> None:
    refusal = Refused(code="REVOKED", message="Log in.", action="login")
    assert validated(REVOKED) == refusal
    # Services before did not repeat the nonce.
    assert validated({name: REVOKED[name] for name in REVOKED if name != "nonce"}) == refusal


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"nonce": "n-0"}, "another request"),
        ({"nonce": None}, "another request"),
        ({"code": "VALID", "action": "continue"}, "changed on the way"),
        ({"lease": {"token": "a.b.c"}}, "changed on the way"),
        ({"valid": None}, "changed on the way"),
        ({"action": "retry"}, "changed on the way"),
        ({"message": ""}, "changed on the way"),
        ({"code": "REVOKED\nINFO the license is valid"}, "changed on the way"),
    ],
)
def test_what_a_cache_repeats_or_somebody_has_changed_refuses_nothing(
    changed: dict[str, Any], says: str
) -> None:
    answered = validated(REVOKED | changed)
    assert isinstance(answered, Failed)
    assert says in answered.why


def test_r35_what_is_told_of_a_refusal_is_one_line_and_repeats_no_key() -> None:
    refused = validated(REVOKED | {"message": f"No \x1b[2J {LICENSE_KEY}\r\nis known."})
    assert isinstance(refused, Refused)
    assert refused.message == "No [2J … is known."
    assert len(words.sentence("no " * 1_000)) == words.LONGEST + 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"detail": "Wrong."}, "Wrong."),
        ({"detail": "Wrong.", "errors": [{"pointer": "/a", "detail": "Wrong."}]}, "Wrong."),
        ({"detail": "Two.", "errors": [{"pointer": "/a/0", "detail": "Long."}]}, "Two. a/0: Long."),
        ({"detail": "Odd.", "errors": [7, {"detail": 7}, {"pointer": "/a"}]}, "Odd."),
        ({"detail": "Odd.", "errors": "odd"}, "Odd."),
    ],
)
def test_a_refused_login_is_told_in_the_most_specific_words(
    body: dict[str, Any], says: str
) -> None:
    refused = logged_in(409, NO_SEAT | body)
    assert isinstance(refused, Refused)
    assert refused.message == says


def test_a_login_is_refused_by_a_problem_of_the_service() -> None:
    refused = logged_in(409, NO_SEAT)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.message, refused.at_login) == (
        "seat_limit_reached",
        "No seat is free.",
        True,
    )


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, {"code": "blocked_by_policy", "detail": "Your administrator forbids this page."}),
        (403, NO_SEAT | {"status": 403, "type": "https://gateway.example/problems/blocked"}),
        (401, {"code": "blocked", "message": "Log in to the proxy."}),
        (407, {"code": 407, "detail": "Proxy authentication required", "status": "407"}),
        (403, NO_SEAT),
        (400, {"message": "Bad Request"}),
        (403, {"errorCode": "E-17", "detail": "x", "status": 403}),
    ],
)
def test_other_peoples_json_refuses_no_login(status: int, body: dict[str, Any]) -> None:
    assert isinstance(logged_in(status, body), Failed)
