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
from licensing.domain.drift import Evidence
from licensing.domain.errors import Unavailable
from licensing.domain.keyring import Keyring
from licensing.domain.lease import LeaseTerms
from licensing.domain.license import Action, License, State
from licensing.domain.machine import Machine
from licensing.domain.machine_claims import Claim, Claims
from licensing.domain.organization import Organization, Policy, PolicyFloor
from licensing.domain.refusal import RefusalCode, Refused
from licensing.usecases.agent_requests import Login
from licensing.usecases.amend_organization import Amendment, AmendOrganization, Decision
from licensing.usecases.change_license import ChangeLicense
from licensing.usecases.follow_machine import FollowMachine, ObservedAgent
from licensing.usecases.log_in import LogIn
from licensing.usecases.login import Issued
from licensing.usecases.optimistic import retry
from licensing.usecases.ports import Change, LoginView, Outcome, ProofUse
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

    def record_use(self, _before: License, _after: License) -> Outcome:
        raise AssertionError("nothing is used here")

    def note_reading(self, *_: Any, **__: Any) -> None:
        raise AssertionError("something is to be changed")

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
    seen = ObservedAgent(renamed, machine(computer_name="ACME-PC-02"), "4.5.0.0", Evidence.LOGIN)
    follow = FollowMachine(store)

    def decide() -> License:
        before = store.record
        return follow.committed(before, follow.followed(before, seen, CONTEXT), CONTEXT)

    adapted = retry(decide)
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

    def note_reading(self, *_: Any, **__: Any) -> None:
        raise AssertionError("something is to be changed")


def test_a_decision_that_others_always_overtake_is_not_taken_and_may_be_repeated() -> None:
    store = Governed()
    with pytest.raises(Unavailable, match="several places at once"):
        AmendOrganization(store, PolicyFloor())(
            "acme", Amendment({}, Decision(block_clones=True)), by(OPERATOR)
        )
    assert store.attempts == 8


KEYRING = Keyring({1: bytes(32)})
ALICE = Caller("alice", "acme", frozenset({Role.MEMBER}))


class Keys:
    def keyring(self, at_least: int = 1) -> Keyring:
        assert at_least == 1
        return KEYRING


@dataclass
class LastSeat:
    """A store of which each look at a login shows something else; whatever is committed is late."""

    views: Sequence[LoginView]
    record: License
    looks: int = 0
    noted: int = 0

    def login_view(self, *_: Any) -> LoginView:
        self.looks += 1
        return self.views[self.looks - 1]

    def license(self, _id: str) -> License | None:
        return self.record

    def organization(self, _id: str) -> Organization | None:
        raise AssertionError("the view has it")

    def license_and_organization(self, *_: Any) -> tuple[License | None, Organization | None]:
        raise AssertionError("the view has both")

    def claims(self, _pairs: Collection[bytes]) -> Claims:
        raise AssertionError("the machine has not changed")

    def record_refusal(self, _refusal: RefusedAttempt) -> None:
        raise AssertionError("nobody else has the machine")

    def note_each(self, *_: Any, **__: Any) -> None:
        self.noted += 1

    def record_use(self, *_: Any) -> Outcome:
        return Outcome.COMMITTED

    def use_proofs(self, _use: ProofUse) -> None:
        raise AssertionError("the agent has no device key")

    def commit(self, *_: Any, **__: Any) -> Outcome:
        return Outcome.CONFLICT


def _log_in(store: LastSeat) -> LogIn:
    return LogIn(
        store, Keys(), LeaseTerms("urn:test", 60), PolicyFloor(), accepts_older_agents=True
    )


@pytest.mark.parametrize("state", [State.REVOKED, State.DISSOCIATED])
def test_r15_a_license_that_ends_between_the_two_reads_of_a_login_is_not_its_answer(
    state: State,
) -> None:
    here = Machine.of(credentials(), KEYRING.hashing_key)
    ended = license(machine=here, identity=here.identity(), state=state)
    full = organization(max_agents=1, seats=1)
    claims = {
        pair: Claim({"acme": {"production": ended.id}}, exclusive=True) for pair in here.pairs()
    }
    views = [LoginView(claims, full, None), *[LoginView({}, full, None)] * 2]
    store = LastSeat(views, ended)
    answer = _log_in(store)(Login(credentials(), "production", "4.5.0.0"), by(ALICE))
    assert isinstance(answer, Refused)
    assert answer.code is RefusalCode.SEAT_LIMIT_REACHED
    assert store.looks == 3


def test_r02_r06_a_seat_that_the_agent_itself_has_just_taken_is_not_missing() -> None:
    here = Machine.of(credentials(), KEYRING.hashing_key)
    mine = license(machine=here, identity=here.identity())
    full, free = organization(max_agents=1, seats=1), organization(max_agents=1, seats=0)
    claims = {
        pair: Claim({"acme": {"production": mine.id}}, exclusive=True) for pair in here.pairs()
    }
    store = LastSeat(
        [
            LoginView({}, full, None),  # somebody else has the last seat
            LoginView({}, free, None),  # it is free: another login of this agent takes it first
            LoginView({}, full, None),  # claims were read before that, the organization after it
            LoginView(claims, full, None),
        ],
        mine,
    )
    answer = _log_in(store)(Login(credentials(), "production", "4.5.0.0"), by(ALICE))
    assert isinstance(answer, Issued)
    assert (answer.record.id, store.looks) == (mine.id, 4)


def test_r06_an_organization_that_is_full_at_two_looks_has_no_seat() -> None:
    full = organization(max_agents=1, seats=1)
    store = LastSeat([LoginView({}, full, None)] * 2, license())
    answer = _log_in(store)(Login(credentials(), "production", "4.5.0.0"), by(ALICE))
    assert isinstance(answer, Refused)
    assert (answer.code, store.looks) == (RefusalCode.SEAT_LIMIT_REACHED, 2)
    assert store.noted == 1, "on record once, however often it was looked"


def test_r02_r38_an_agent_that_the_member_has_just_added_is_not_refused() -> None:
    here = Machine.of(credentials(), KEYRING.hashing_key)
    mine = license(machine=here, identity=here.identity())
    own = organization(policy=Policy(agents_per_member=1))
    claims = {
        pair: Claim({"acme": {"production": mine.id}}, exclusive=True) for pair in here.pairs()
    }
    # Claims were read before another login of this agent was through, the count after it.
    store = LastSeat([LoginView({}, own, None, 1), LoginView(claims, own, None, 1)], mine)
    answer = _log_in(store)(Login(credentials(), "production", "4.5.0.0"), by(ALICE))
    assert isinstance(answer, Issued)
    assert (answer.record.id, store.looks) == (mine.id, 2)


def test_r06_r38_of_two_limits_the_one_that_two_looks_find_is_told() -> None:
    full = organization(max_agents=1, seats=1, policy=Policy(agents_per_member=1))
    free = replace(full, seats=0)
    store = LastSeat([LoginView({}, full, None, 0), *[LoginView({}, free, None, 1)] * 2], license())
    answer = _log_in(store)(Login(credentials(), "production", "4.5.0.0"), by(ALICE))
    assert isinstance(answer, Refused)
    assert (answer.code, store.looks) == (RefusalCode.MEMBER_LIMIT_REACHED, 3)


class Unsettled(DynamoStore):
    """A table in which another older agent has joined the machine whenever one looks."""

    def _run(self, steps: Sequence[Write], *, name: str) -> list[tuple[Write, "StoredItem"]]:
        (step, *_) = [step for step in steps if step.released is not None]
        attempt = int(name.rpartition("/")[2])
        assert step.released is not None
        other = replace(license(exclusive=False), organization_id=f"other-{attempt}")
        return [(step, items.claim_item(step.released, other))]


def test_r31_to_leave_a_machine_that_others_keep_joining_is_decided_about_anew() -> None:
    client: Any = None
    store = Unsettled(client, "licenses", retry_policy=client)
    record = license(exclusive=False)
    left = record.after(Action.REVOKE, NOW)
    assert isinstance(left, License)
    event = audit.of_license(EventType.LICENSE_REVOKED, record, left, id="evt_1", origin=ORIGIN)
    assert store.commit([Change(record, left, event)]) is Outcome.CONFLICT
