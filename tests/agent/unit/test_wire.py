"""How long the service asks to be left alone, in whatever form it says so."""

import pytest

from licensing_agent.lifecycle import FetchKeys
from licensing_agent.protocol.outcomes import Failed
from licensing_agent.wire import Answer, fetch_keys, outcome

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
