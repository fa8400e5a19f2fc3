"""Use cases that others overtake: they decide anew, and end when that does not end."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from licensing.adapters.dynamo import DynamoStore, items
from licensing.adapters.dynamo.writes import Write
from licensing.domain import audit
from licensing.domain.audit import EventType, RefusedAttempt
from licensing.domain.caller import Caller, Role
from licensing.domain.errors import Unavailable
from licensing.domain.license import Action, License
from licensing.domain.machine_claims import Claims
from licensing.domain.organization import Organization
from licensing.usecases.change_license import ChangeLicense
from licensing.usecases.change_policy import ChangePolicy, Decision
from licensing.usecases.follow_machine import FollowMachine, ObservedAgent
from licensing.usecases.ports import Change, Outcome
from tests.unit.samples import CONTEXT, NOW, ORIGIN, by, credentials, license, machine, organization

if TYPE_CHECKING:
    from licensing.adapters.dynamo.values import StoredItem

OPERATOR = Caller("olivia", "vendor", frozenset({Role.SUPER_ADMIN}))


@dataclass
class Overtaken:
    """A store in which another change of the licence comes first, as its outcomes say."""

    outcomes: Iterator[Outcome]
    record: License

    def license(self, _id: str) -> License | None:
        return self.record

    def organization(self, _id: str) -> Organization | None:
        return organization()

    def license_and_organization(self, *_: Any) -> tuple[License | None, Organization | None]:
        return self.record, None

    def claims(self, _pairs: Collection[bytes]) -> Claims:
        return {}

    def record_refusal(self, _refusal: RefusedAttempt) -> None:
        raise AssertionError("nothing is refused here")

    def commit(self, changes: Sequence[Change], **_: Any) -> Outcome:
        (change,) = changes
        assert change.before == self.record, "decided on what is not so any more"
        outcome = next(self.outcomes)
        if outcome is Outcome.CONFLICT:
            self.record = self.record.changed(NOW, label=f"revision {self.record.revision + 1}")
        return outcome


def test_r18_a_license_that_is_always_changed_first_is_not_revoked_and_may_be_again() -> None:
    store = Overtaken(iter([Outcome.CONFLICT] * 8), license())
    with pytest.raises(Unavailable, match="several places at once"):
        ChangeLicense(store).apply(Action.REVOKE, license().id, by(OPERATOR))
    assert next(store.outcomes, None) is None, "eight times"


def test_r11_a_drift_that_is_overtaken_by_a_label_is_made_on_top_of_it() -> None:
    store = Overtaken(iter([Outcome.CONFLICT, Outcome.COMMITTED]), license())
    renamed = credentials(computer_name="ACME-PC-02")
    seen = ObservedAgent(renamed, machine(computer_name="ACME-PC-02"), "4.5.0.0")
    adapted = FollowMachine(store)(license(), seen, CONTEXT)
    assert (adapted.computer_name, adapted.label) == ("ACME-PC-02", "revision 2")
    assert adapted.revision == 3


class Governed:
    """A store in which another change of the organization always comes first."""

    attempts = 0

    def organization(self, _id: str) -> Organization | None:
        return organization()

    def commit_organization(self, *_: Any, **__: Any) -> Outcome:
        self.attempts += 1
        return Outcome.CONFLICT


def test_a_decision_that_others_always_overtake_is_not_taken_and_may_be_repeated() -> None:
    store = Governed()
    with pytest.raises(Unavailable, match="several places at once"):
        ChangePolicy(store)("acme", Decision(block_clones=True), by(OPERATOR))
    assert store.attempts == 8


class Unsettled(DynamoStore):
    """A table in which another older agent has joined the machine whenever one looks."""

    def _run(self, steps: Sequence[Write], *, name: str) -> list[tuple[Write, "StoredItem"]]:
        (step, *_) = [step for step in steps if step.pair is not None]
        attempt = int(name.rpartition("/")[2])
        assert step.pair is not None
        other = replace(license(exclusive=False), organization_id=f"other-{attempt}")
        return [(step, items.claim_item(step.pair, other))]


def test_r31_a_machine_that_others_keep_joining_is_decided_about_anew() -> None:
    client: Any = None
    store = Unsettled(client, "licenses", retry_policy=client)
    record = license(exclusive=False)
    event = audit.of_license(EventType.LICENSE_ISSUED, None, record, id="evt_1", origin=ORIGIN)
    assert store.commit([Change(None, record, event)]) is Outcome.CONFLICT
