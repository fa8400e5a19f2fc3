"""Changes of an organization: when they are met already, who may make them, and contention."""

from typing import Any

import pytest

from licensing.domain.audit import OrganizationNote
from licensing.domain.caller import Caller, Role
from licensing.domain.errors import Unavailable
from licensing.domain.organization import Organization, SubscriptionStatus
from licensing.domain.refusal import only_super_admins
from licensing.usecases.change_subscription import ChangeSubscription, OrganizationSpec
from licensing.usecases.expected import ANY_VERSION
from licensing.usecases.ports import Outcome
from tests.unit.samples import CONTEXT, NOW, YEAR, by, organization, subscription


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
    wanted = OrganizationSpec("acme", "Acme", subscription(), 5)
    assert organization(**({"max_agents": 5} | difference)).meets(wanted.terms) is met


class Contended:
    """A store in which another change always comes first."""

    def organization(self, _id: str) -> Organization | None:
        return organization()

    def commit_organization(self, *_: Any, **__: Any) -> Outcome:
        return Outcome.CONFLICT

    def note(self, _note: OrganizationNote) -> None:
        raise AssertionError("nothing is ignored")

    def note_reading(self, *_: Any, **__: Any) -> None:
        raise AssertionError("something is to be changed")


WANTED = OrganizationSpec("acme", "Acme Ltd", subscription(), 5)
USE_CASE = ChangeSubscription(Contended())
OPERATOR = Caller("olivia", "vendor", frozenset({Role.SUPER_ADMIN}))


def test_r24_only_the_operator_changes_an_organization() -> None:
    admin = Caller("ada", "acme", frozenset({Role.ORG_ADMIN}))
    answer = USE_CASE.by_administrator(WANTED, by(admin), expected_version=ANY_VERSION)
    assert answer == only_super_admins()


def test_r24_a_change_that_others_always_overtake_says_that_it_may_be_repeated() -> None:
    with pytest.raises(Unavailable, match="several places at once"):
        USE_CASE.by_administrator(WANTED, by(OPERATOR), expected_version=ANY_VERSION)
    with pytest.raises(Unavailable, match="several places at once"):
        USE_CASE.by_billing("acme", WANTED.terms, CONTEXT, version=1)
