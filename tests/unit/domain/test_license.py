"""The licence: every transition, who holds what, and the order in which a validation answers."""

import itertools
from dataclasses import replace

import pytest

from licensing.domain.device_key import InvalidProof, Proof
from licensing.domain.errors import StaleProof
from licensing.domain.lease_chain import Chain, Left, Link
from licensing.domain.license import HOUR, TRANSITIONS, Action, LastSeen, License, State, Status
from licensing.domain.organization import (
    Organization,
    Policy,
    PolicyFloor,
    SubscriptionStatus,
)
from licensing.domain.refusal import RefusalCode, Refused
from licensing.domain.validation import Code, PresentedAgent, check
from tests.unit.samples import (
    NOW,
    OTHER_MACHINE,
    license,
    machine,
    organization,
    subscription,
)

# The whole state machine: from, then what each action leads to; `-` is refused.
ACTIONS = ("revoke", "detach", "attach", "dissociate", "reassign", "expire", "reinstate")
TABLE = """
    active       revoked  detached  active    dissociated  -       expired  active
    detached     revoked  detached  active    dissociated  -       -        -
    dissociated  revoked  -         -         dissociated  active  -        -
    expired      revoked  detached  expired   dissociated  -       expired  active
    revoked      revoked  -         -         -            -       -        -
"""
EXPECTED = {
    (row.split()[0], action): target
    for row in TABLE.strip().splitlines()
    for action, target in zip(ACTIONS, row.split()[1:], strict=True)
}
REFUSED = sorted(step for step, target in EXPECTED.items() if target == "-")
REPEATED = sorted(step for step, target in EXPECTED.items() if target == step[0])
CHANGES = sorted(EXPECTED.keys() - set(REFUSED) - set(REPEATED))


def after(state: str, action: str, now: int = NOW + 60) -> License | Refused:
    return license(state=State(state)).after(Action(action), now)


OPEN = {
    State.ACTIVE: ["detach", "dissociate", "revoke"],
    State.DETACHED: ["attach", "dissociate", "revoke"],
    State.DISSOCIATED: ["revoke"],
    State.EXPIRED: ["detach", "dissociate", "revoke"],
    State.REVOKED: [],
}
"""What an administrator is offered, from the mildest to the gravest."""


# -- R21: transitions ------------------------------------------------------------------------------


@pytest.mark.parametrize("state", State)
def test_r21_what_an_administrator_is_offered_would_change_the_license(state: State) -> None:
    record = license(state=state)
    assert record.open_actions == OPEN[state]
    for action in record.open_actions:
        changed = record.after(action, NOW)
        assert isinstance(changed, License)
        assert changed.state is not state


def test_r21_the_table_of_transitions_is_exactly_this() -> None:
    assert set(EXPECTED) == {(state.value, action.value) for state in State for action in Action}
    assert {
        (start.value, action.value): target.value for (start, action), target in TRANSITIONS.items()
    } == {step: target for step, target in EXPECTED.items() if target != "-"}


@pytest.mark.parametrize(("state", "action"), CHANGES)
def test_who_works_on_after_a_block_begins_a_new_chain(state: str, action: str) -> None:
    chain = Chain(
        Link("current", NOW, NOW + 60),
        "203.0.113.7",
        is_presented=True,
        left=(Left("other", NOW),),
        returned_at=(NOW,),
    )
    before = license(state=State(state), chain=chain)
    changed = before.after(Action(action), NOW)
    assert isinstance(changed, License)
    # That one was presented is remembered: a key alone is not enough from then on (R37).
    anew = Chain(is_presented=True)
    assert changed.chain == (anew if action == "attach" else before.chain)


@pytest.mark.parametrize(("state", "action"), CHANGES)
def test_r21_a_transition_changes_the_state_and_what_marks_the_change_alone(
    state: str, action: str
) -> None:
    before = license(state=State(state), revision=7, last_seen=LastSeen(NOW, "4.5", None))
    assert before.after(Action(action), NOW + 60) == replace(
        before, state=State(EXPECTED[state, action]), revision=8, updated_at=NOW + 60
    )


@pytest.mark.parametrize(("state", "action"), REPEATED)
def test_r21_a_repetition_changes_nothing_at_all(state: str, action: str) -> None:
    before = license(state=State(state))
    assert before.after(Action(action), NOW + 60) is before


@pytest.mark.parametrize(("state", "action"), REFUSED)
def test_r21_a_refused_transition_names_the_action_and_the_state(state: str, action: str) -> None:
    assert after(state, action) == Refused(
        RefusalCode.INVALID_TRANSITION, f"Cannot {action} a license that is {state}."
    )


def test_r21_a_new_license_is_in_its_first_revision_not_primary_and_unseen() -> None:
    new = license()
    assert (new.revision, new.primary, new.last_seen) == (1, False, None)


def test_a_proof_counts_once() -> None:
    proved = license(device_key="its key").proved(Proof("its key", 5, "one"), NOW)
    assert proved == license(device_key="its key", proved_ms=5)
    for made_ms in (4, 5):
        with pytest.raises(
            StaleProof,
            match=r"^The proof was already used\. Make a new proof with the nonce of this answer",
        ):
            proved.proved(Proof("its key", made_ms, "other"), NOW)


def test_r17_a_sighting_is_of_the_version_and_the_address_of_now_and_of_all_hours() -> None:
    first = license().sighted(NOW, "4.5", "203.0.113.7")
    assert first == LastSeen(NOW, "4.5", "203.0.113.7", 0b1)
    again = license(last_seen=first).sighted(NOW + 2 * HOUR, "4.6", "198.51.100.9")
    assert again == LastSeen(NOW + 2 * HOUR, "4.6", "198.51.100.9", 0b101)


def test_r21_the_table_cannot_be_changed_by_accident() -> None:
    with pytest.raises(TypeError):
        TRANSITIONS[State.REVOKED, Action.REINSTATE] = State.ACTIVE  # type: ignore[index] # the point


@pytest.mark.parametrize("action", Action)
def test_r18_r24_nothing_brings_a_revoked_license_back(action: Action) -> None:
    revoked = license(state=State.REVOKED)
    result = revoked.after(action, NOW)
    assert isinstance(result, Refused) or result is revoked


@pytest.mark.parametrize(("state", "action"), CHANGES)
def test_r21_time_never_runs_backwards_in_a_license(state: str, action: str) -> None:
    before = license(state=State(state), updated_at=NOW, revision=3)
    changed = before.after(Action(action), NOW - 3600)
    assert isinstance(changed, License)
    assert (changed.revision, changed.updated_at) == (4, NOW)


# -- R6, R10: what a licence holds -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "is_bound"),
    [
        (State.ACTIVE, True),
        (State.DETACHED, True),
        (State.EXPIRED, True),
        (State.DISSOCIATED, False),
        (State.REVOKED, False),
    ],
)
def test_r06_r10_a_license_holds_its_machines_pairs_and_a_seat_only_while_bound(
    state: State, *, is_bound: bool
) -> None:
    assert license(state=state).is_bound is is_bound
    assert license(state=state).claims == (machine().pairs() if is_bound else frozenset())


# -- R2, R3: the key -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"state": State.REVOKED},
        {"machine": OTHER_MACHINE},
        {"computer_name": "renamed"},
        {"primary": True},
        {"agent_version": "5.0.0.0"},
        {"issued_by": "amir"},
        {"revision": 9, "updated_at": NOW + 1},
    ],
)
def test_r02_r07_a_license_keeps_its_key_whatever_happens_to_it(change: dict[str, object]) -> None:
    assert license(**change).key(b"secret") == license().key(b"secret")


@pytest.mark.parametrize(
    "other",
    [
        {"id": "lic_0123456789abcdeg"},
        {"organization_id": "bolt"},
        {"environment": "staging"},
        {"identity": OTHER_MACHINE.identity()},
        {"secret_version": 2},
    ],
)
def test_r03_another_license_has_another_key(other: dict[str, object]) -> None:
    assert license(**other).key(b"secret").reveal() != license().key(b"secret").reveal()


# -- R14: status -----------------------------------------------------------------------------------

STATUSES = ["active", "suspended", "expired", "detached", "dissociated", "revoked"]
ENDED = subscription(0)
PAUSED = subscription(status=SubscriptionStatus.PAUSED)


def test_r14_the_statuses_are_the_states_and_what_a_subscription_makes_of_them() -> None:
    assert [status.value for status in Status] == STATUSES
    assert {state.value for state in State} == set(STATUSES) - {"suspended"}


@pytest.mark.parametrize("state", [State.ACTIVE, State.EXPIRED])
def test_r14_what_the_sweep_has_marked_takes_no_part_in_the_status(state: State) -> None:
    record = license(state=state)
    assert record.status(subscription(), NOW) is Status.ACTIVE
    assert record.status(ENDED, NOW) is Status.EXPIRED
    assert record.status(PAUSED, NOW) is Status.SUSPENDED


@pytest.mark.parametrize("state", [State.DETACHED, State.DISSOCIATED, State.REVOKED])
def test_r14_a_blocked_or_ended_license_shows_that_whatever_the_subscription(state: State) -> None:
    for terms in (subscription(), ENDED, PAUSED):
        assert license(state=state).status(terms, NOW).value == state.value


# -- R13: validation -------------------------------------------------------------------------------


ACME = organization()


def code(
    record: License | None = None,
    customer: Organization | None = ACME,
    *,
    claimed: str = "acme",
    environment: str | None = "production",
    on: str = "this machine",
    proof: Proof | InvalidProof | None = None,
    now: int = NOW,
) -> Code:
    return check(
        record or license(),
        customer,
        PresentedAgent(
            claimed, environment, OTHER_MACHINE if on == "another machine" else machine(), proof
        ),
        floor=PolicyFloor(),
        now=now,
    )


def test_r13_the_codes_are_these_in_this_order() -> None:
    assert [code.value for code in Code] == [
        "NOT_FOUND",
        "ORGANIZATION_MISMATCH",
        "REVOKED",
        "DISSOCIATED",
        "MACHINE_MISMATCH",
        "PROOF_REQUIRED",
        "PROOF_INVALID",
        "DETACHED",
        "SUSPENDED",
        "EXPIRED",
        "VALID",
    ]


def test_r13_of_all_reasons_to_refuse_the_first_in_the_order_is_answered() -> None:
    cases = itertools.product(
        ("acme", "bolt"),  # the organization that the caller names
        (True, False),  # whether there is one of that name
        State,
        ("this machine", "another machine"),
        (None, "production", "staging"),  # the environment that the caller names
        SubscriptionStatus,
        (NOW - 1, NOW, NOW + 1),  # when the subscription ends
        (None, "jkt"),  # the licence's device key
        (None, Proof("jkt", 1, "a"), Proof("other", 1, "b"), InvalidProof("torn")),
        (True, False),  # whether the organization requires one
    )
    answered = set()
    for claimed, exists, state, on, environment, status, end, key, proof, required in cases:
        # The order of R13, written down a second time.
        reasons = [
            # What something on the way has changed says nothing of the licence (R36).
            ("PROOF_INVALID", key and isinstance(proof, InvalidProof)),
            ("ORGANIZATION_MISMATCH", claimed != "acme" or not exists),
            ("REVOKED", state == "revoked"),
            ("DISSOCIATED", state == "dissociated"),
            ("MACHINE_MISMATCH", on == "another machine" or environment == "staging"),
            ("PROOF_REQUIRED", (key or required) and proof is None),
            ("PROOF_INVALID", required and isinstance(proof, InvalidProof)),
            ("PROOF_INVALID", key and proof != Proof(key, 1, "a")),
            ("PROOF_REQUIRED", required and key is None),
            ("DETACHED", state == "detached"),
            ("SUSPENDED", status in {"paused", "cancelled"}),
            ("EXPIRED", end <= NOW),
            ("VALID", True),
        ]
        expected = next(name for name, applies in reasons if applies)
        named = organization(
            id=claimed,
            subscription=subscription(end - NOW, status),
            policy=Policy(require_device_key=required),
        )
        answer = code(
            license(state=state, device_key=key),
            named if exists else None,
            claimed=claimed,
            environment=environment,
            on=on,
            proof=proof,
        )
        assert answer == expected, (claimed, state, on, environment, status, end, key, proof)
        answered.add(answer)
    assert answered == set(Code) - {Code.NOT_FOUND}  # answered before the licence is looked at


def test_r09_r13_a_machine_that_has_changed_one_component_is_still_the_machine() -> None:
    renamed = machine(computer_name="renamed")
    assert (
        check(
            license(),
            organization(),
            PresentedAgent("acme", None, renamed, None),
            floor=PolicyFloor(),
            now=NOW,
        )
        is Code.VALID
    )


@pytest.mark.parametrize("state", [State.ACTIVE, State.EXPIRED])
def test_r14_r27_valid_until_the_last_second_and_expired_from_the_first_after(state: State) -> None:
    customer = organization(subscription=subscription(1000))
    assert code(license(state=state), customer, now=NOW + 999) is Code.VALID
    assert code(license(state=state), customer, now=NOW + 1000) is Code.EXPIRED


def test_r14_one_write_to_the_subscription_decides_for_a_license_that_nobody_touched() -> None:
    record = license()
    assert code(record, organization(subscription=ENDED)) is Code.EXPIRED
    assert code(record, organization(subscription=PAUSED)) is Code.SUSPENDED
    assert code(record, organization(subscription=subscription())) is Code.VALID
