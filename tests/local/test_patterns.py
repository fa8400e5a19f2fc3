"""Patterns match what EventBridge's match, or are refused when the stack starts."""

from typing import Any

import pytest

from tests.local.patterns import Pattern
from tests.local.template import TemplateError

EVENT = {
    "source": "billing",
    "detail-type": "SubscriptionChanged",
    "detail": {"status": "paused", "version": 7, "trial": True, "note": None, "tags": ["a", "b"]},
}


@pytest.mark.parametrize(
    "pattern",
    [
        {"source": ["billing"]},
        {"source": ["crm", "billing"], "detail-type": ["SubscriptionChanged"]},
        {"source": [{"prefix": "bill"}]},
        {"source": ["crm", {"prefix": ""}]},
        {"detail": {"status": ["paused"], "version": [7]}},
        {"detail": {"trial": [True], "note": [None]}},
        {"detail": {"tags": ["b", "c"]}},
        {"detail": {"tags": [{"prefix": "a"}]}},
    ],
)
def test_an_event_matches_a_pattern_whose_every_field_it_has(pattern: Any) -> None:
    assert Pattern.of(pattern).matches(EVENT)


@pytest.mark.parametrize(
    "pattern",
    [
        {"source": ["Billing"]},
        {"source": ["billing"], "detail-type": ["InvoicePaid"]},
        {"source": [{"prefix": "illing"}]},
        {"detail": {"status": ["paused"], "version": ["7"]}},
        {"detail": {"version": [True]}},
        {"detail": {"trial": [1]}},
        {"detail": {"version": [{"prefix": "7"}]}},
        {"detail": {"tags": ["c"]}},
        {"detail": {"reason": [None]}},
        {"detail": {"status": {"code": ["paused"]}}},
        {"account": ["1"]},
    ],
)
def test_an_event_does_not_match_when_one_field_is_missing_or_other(pattern: Any) -> None:
    assert not Pattern.of(pattern).matches(EVENT)


@pytest.mark.parametrize(
    "pattern",
    [
        {},
        {"source": "billing"},
        {"source": []},
        {"detail": {}},
        {"source": [["billing"]]},
        {"source": [{"suffix": "ing"}]},
        {"source": [{"anything-but": ["crm"]}]},
        {"source": [{"prefix": {"equals-ignore-case": "BILL"}}]},
        {"detail": {"version": [{"numeric": [">", 5]}]}},
        {"detail": {"reason": [{"exists": False}]}},
        {"$or": [{"source": ["billing"]}]},
    ],
)
def test_a_pattern_that_is_not_known_here_is_refused_and_never_guessed(pattern: Any) -> None:
    with pytest.raises(TemplateError):
        Pattern.of(pattern)
