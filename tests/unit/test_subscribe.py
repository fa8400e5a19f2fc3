"""What it means that an organization already is as somebody wants it."""

from typing import Any

import pytest

from licensing.organization import SubscriptionStatus
from licensing.subscribe import Wanted
from tests.unit.samples import NOW, YEAR, organization, subscription


@pytest.mark.parametrize(
    ("difference", "met"),
    [
        ({}, True),
        ({"seats": 3}, True),
        ({"version": 7, "updated_at": NOW + 5, "announced_days": 30}, True),
        ({"name": "Acme Ltd"}, False),
        ({"subscription": subscription(YEAR + 1)}, False),
        ({"subscription": subscription(status=SubscriptionStatus.PAUSED)}, False),
        ({"max_agents": None}, False),
        ({"max_agents": 6}, False),
    ],
)
def test_r24_a_wish_is_met_by_name_subscription_and_limit_alone(
    difference: dict[str, Any], *, met: bool
) -> None:
    wanted = Wanted("acme", "Acme", subscription(), 5)
    assert wanted.is_met_by(organization(**({"max_agents": 5} | difference))) is met
