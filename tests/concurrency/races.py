"""The nine races that processes run: what meets, and what must come of it, whoever is first.

Each is one instance of `Race`. Its verdict names what happened, so that a run can tell whether
either end has come about often enough.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from licensing.device import Proof
from licensing.errors import StaleProof
from licensing.generate import Generated
from licensing.keys import LicenseKey
from licensing.license import Action, Code, License, State
from licensing.login import Issued
from licensing.machine import Credentials, Machine
from licensing.refusal import RefusalCode, Refused
from licensing.subscribe import Registered
from licensing.sweep import SETTLING_SECONDS
from tests.concurrency.racers import Hand, Race
from tests.concurrency.tasks import in_shard_of, machine
from tests.faults.crowd import crowd
from tests.world import NOON, YEAR

if TYPE_CHECKING:
    from licensing.dynamo.values import Item

VALIDATIONS = 3
"""How often an agent validates while its licence is being revoked."""

END = NOON + 1000
READS = 4
"""Up to so many reads less one keep the quicker act back, so that either may be the first."""

LOOKS = 30
"""How often Bolt looks whether a machine is free before it tries all the same."""

LATE = END + SETTLING_SECONDS + 1


class Told(NamedTuple):
    """What somebody who logged in is told: a licence, or why not."""

    license_id: str | None
    key: LicenseKey | None
    created: bool
    refused: Refused | None

    @classmethod
    def of(cls, answer: Issued | Refused) -> Told:
        if isinstance(answer, Refused):
            return cls(None, None, created=False, refused=answer)
        return cls(answer.record.id, answer.key, answer.created, None)


class Scene(NamedTuple):
    """One round's names. `holder` is the licence that is there already, if any is."""

    number: int
    holder: Told | None = None
    comes_back: bool = False
    reads: int = 0

    @property
    def acme(self) -> str:
        return f"acme-{self.number}"

    @property
    def bolt(self) -> str:
        return f"bolt-{self.number}"

    def machine(self, which: int = 0, **other: str) -> Credentials:
        """One of the round's own machines."""
        return machine(2 * self.number + which, **other)

    @property
    def held(self) -> Told:
        assert self.holder is not None
        return self.holder

    @property
    def key(self) -> LicenseKey:
        assert self.held.key is not None
        return self.held.key

    @property
    def license_id(self) -> str:
        assert self.held.license_id is not None
        return self.held.license_id


@dataclass(frozen=True)
class _Organizations:
    """Organizations of each round, as the service would have left them."""

    names: tuple[str, ...]
    max_agents: int | None = None

    def __call__(self, number: int) -> Iterator[Item]:
        for name in self.names:
            yield from crowd(
                f"{name}-{number}",
                range(0),
                until=NOON + YEAR,
                now=NOON,
                max_agents=self.max_agents,
            )


_ACME = _Organizations(("acme",))
_ACME_WITH_ONE_SEAT = _Organizations(("acme",), max_agents=1)
_BOTH = _Organizations(("acme", "bolt"))


def _empty(_: Hand, __: random.Random, number: int) -> Scene:
    return Scene(number)


def _held(hand: Hand, chance: random.Random, number: int) -> Scene:
    """Acme holds a machine; it may want it back once it has let it go."""
    scene = Scene(number, comes_back=chance.random() < 0.5, reads=chance.randrange(READS))
    return scene._replace(holder=Told.of(hand.do(hand.login(scene.acme, scene.machine()))))


def _wait(hand: Hand, scene: Scene) -> None:
    for _ in range(scene.reads):
        hand.store.organization(scene.acme)


def _acme_logs_in(hand: Hand, scene: Scene) -> Told:
    return Told.of(hand.do(hand.login(scene.acme, scene.machine(), subject="alice")))


def _bolt_logs_in(hand: Hand, scene: Scene) -> Told:
    return Told.of(hand.do(hand.login(scene.bolt, scene.machine(), subject="boris")))


# -- first logins -------------------------------------------------------------------------------


def _one_organization_has_it(_: Hand, scene: Scene, acme: Told, bolt: Told) -> str:
    winner = scene.acme if acme.refused is None else scene.bolt
    won, lost = (acme, bolt) if winner == scene.acme else (bolt, acme)
    assert won.created, (acme, bolt)
    assert lost.refused == Refused(
        RefusalCode.MACHINE_REGISTERED,
        f"Your machine is already registered with {winner.capitalize()}.",
    ), (acme, bolt)
    return winner.partition("-")[0]


two_organizations = Race(_empty, (_acme_logs_in, _bolt_logs_in), _one_organization_has_it, _BOTH)


def _amir_logs_in(hand: Hand, scene: Scene) -> Told:
    return Told.of(hand.do(hand.login(scene.acme, scene.machine(), subject="amir")))


def _both_have_one_license(_: Hand, __: Scene, alice: Told, amir: Told) -> str:
    assert alice.refused is None, alice
    assert amir.refused is None, amir
    assert alice.license_id == amir.license_id
    assert alice.key is not None
    assert amir.key is not None
    assert alice.key.reveal() == amir.key.reveal()
    assert alice.created is not amir.created
    return "alice" if alice.created else "amir"


two_users = Race(
    _empty,
    (_acme_logs_in, _amir_logs_in),
    _both_have_one_license,
    _ACME_WITH_ONE_SEAT,
)


def _other_agent_logs_in(hand: Hand, scene: Scene) -> Told:
    return Told.of(hand.do(hand.login(scene.acme, scene.machine(1), subject="amir")))


def _one_has_the_seat(_: Hand, __: Scene, one: Told, other: Told) -> str:
    won, lost = (one, other) if one.refused is None else (other, one)
    assert won.created, (one, other)
    assert lost.refused is not None, (one, other)
    assert lost.refused.code is RefusalCode.SEAT_LIMIT_REACHED, lost
    return "one" if won is one else "other"


last_seat = Race(
    _empty,
    (_acme_logs_in, _other_agent_logs_in),
    _one_has_the_seat,
    _ACME_WITH_ONE_SEAT,
)


# -- proofs ----------------------------------------------------------------------------------------

_PROOF = Proof("its key", 2)


def _proving(hand: Hand, _: random.Random, number: int) -> Scene:
    """Acme's agent holds a device key."""
    scene = Scene(number)
    login = hand.login(scene.acme, scene.machine(), proof=replace(_PROOF, made_ms=1))
    return scene._replace(holder=Told.of(hand.do(login)))


def _show_proof(hand: Hand, scene: Scene) -> bool:
    """Whether the proof has counted; the other one shows the same, as one who has overheard it."""
    task = hand.validate(scene.key, scene.acme, scene.machine(), proof=_PROOF, now=NOON)
    try:
        return bool(hand.do(task).code is Code.VALID)
    except StaleProof:
        return False


def _it_counts_once(hand: Hand, scene: Scene, one: bool, other: bool) -> str:  # noqa: FBT001
    assert one is not other, (one, other)
    assert not _show_proof(hand, scene)
    return "one" if one else "other"


one_proof = Race(_proving, (_show_proof, _show_proof), _it_counts_once, _ACME)


# -- what an administrator ends -------------------------------------------------------------------


def _revoke(hand: Hand, scene: Scene) -> int:
    """When the revocation has answered."""
    answer = hand.do(hand.act(Action.REVOKE, scene.license_id))
    assert isinstance(answer, License), answer
    return time.monotonic_ns()  # one clock for all processes of a machine


def _validate_on(hand: Hand, scene: Scene) -> list[tuple[int, Code]]:
    """When each validation started, and its code; each notes a sighting (R17)."""
    seen = []
    for number in range(1, VALIDATIONS + 1):
        started = time.monotonic_ns()
        now = NOON + number * hand.sighting_interval
        verdict = hand.do(hand.validate(scene.key, scene.acme, scene.machine(), now=now))
        seen.append((started, verdict.code))
    return seen


def _late_ones_are_refused(
    hand: Hand, scene: Scene, revoked_at: int, seen: Sequence[tuple[int, Code]]
) -> str:
    codes = [code for _, code in seen]
    assert set(codes) <= {Code.VALID, Code.REVOKED}
    assert codes == sorted(codes, reverse=True), f"revoked, and not any more: {codes}"
    late = {code for started, code in seen if started > revoked_at}
    assert late <= {Code.REVOKED}, f"valid after the revocation has answered: {seen}"
    last = hand.do(hand.validate(scene.key, scene.acme, scene.machine(), now=NOON))
    assert last.code is Code.REVOKED
    return f"{codes.count(Code.VALID)} valid"


revoke_against_validate = Race(_held, (_revoke, _validate_on), _late_ones_are_refused, _ACME)


def _dissociate(hand: Hand, scene: Scene) -> Told | None:
    """Let the machine go; half of the time its agent wants it back at once, with its key."""
    answer = hand.do(hand.act(Action.DISSOCIATE, scene.license_id))
    assert isinstance(answer, License), answer
    if not scene.comes_back:
        return None
    return Told.of(hand.do(hand.login(scene.acme, scene.machine(), key=scene.key)))


def _bolt_logs_in_sometime(hand: Hand, scene: Scene) -> Told:
    """At once, or, where its owner wants it back, as soon as the machine is seen to be free."""
    pairs = Machine.of(scene.machine(), hand.keyrings.keyring().hashing_key).pairs()
    for _ in range(LOOKS if scene.comes_back else 0):
        if not hand.store.claims(pairs):
            break
    else:
        _wait(hand, scene)
    return _bolt_logs_in(hand, scene)


def _it_has_one_owner(hand: Hand, scene: Scene, back: Told | None, bolt: Told) -> str:
    """Bolt has it, or Acme has it again, or nobody has."""
    owner = hand.do(hand.validate(scene.key, scene.acme, scene.machine(), now=NOON)).code
    if bolt.refused is None:
        assert bolt.created
        assert bolt.key is not None
        assert hand.do(hand.validate(bolt.key, scene.bolt, scene.machine(), now=NOON)).code is (
            Code.VALID
        )
        assert owner is Code.DISSOCIATED
        assert back is None or (
            back.refused is not None and back.refused.code is RefusalCode.MACHINE_REGISTERED
        ), back
        return "bolt"
    assert bolt.refused.code is RefusalCode.MACHINE_REGISTERED
    if back is None:
        assert owner is Code.DISSOCIATED
        return "nobody"
    assert back.license_id == scene.license_id, back
    assert owner is Code.VALID
    return "acme"


dissociate_against_login = Race(
    _held, (_dissociate, _bolt_logs_in_sometime), _it_has_one_owner, _BOTH
)


# -- renewal --------------------------------------------------------------------------------------


def _ended(hand: Hand, chance: random.Random, number: int) -> Scene:
    """A subscription that has ended; half of the time its licence is marked already."""
    scene = Scene(number)
    hand.do(hand.put(scene.acme, until=END))
    scene = scene._replace(holder=Told.of(hand.do(hand.login(scene.acme, scene.machine()))))
    if chance.random() < 0.5:
        _sweep(hand, scene, END)
    return scene


def _sweep(hand: Hand, scene: Scene, now: int) -> None:
    hand.sweep(now=now, workers=1)(in_shard_of(hand.store, scene.acme))


def _renew(hand: Hand, scene: Scene) -> Registered | Refused:
    answer: Registered | Refused = hand.do(
        hand.put(scene.acme, version=1, until=END + YEAR, now=LATE)
    )
    return answer


def _sweep_late(hand: Hand, scene: Scene) -> None:
    _sweep(hand, scene, LATE)


def _renewal_wins(hand: Hand, scene: Scene, renewed: Registered | Refused, _: None) -> str:
    assert isinstance(renewed, Registered), renewed
    _sweep(hand, scene, LATE + SETTLING_SECONDS)
    organization = hand.store.organization(scene.acme)
    record = hand.store.license(scene.license_id)
    assert organization is not None
    assert organization.subscription.valid_until == END + YEAR
    assert record is not None
    assert record.state is State.ACTIVE
    return "marked before" if record.revision > 1 else "renewed before"


renewal_against_sweep = Race(_ended, (_renew, _sweep_late), _renewal_wins)


# -- drift ----------------------------------------------------------------------------------------


def _drifted(scene: Scene) -> Credentials:
    """Acme's machine, renamed."""
    return scene.machine(computer_name=f"new-{scene.number}")


def _validate_drifted(hand: Hand, scene: Scene) -> Code:
    code: Code = hand.do(hand.validate(scene.key, scene.acme, _drifted(scene), now=NOON)).code
    return code


def _bolt_wants_new_pair(hand: Hand, scene: Scene) -> Told:
    """A machine that shares with Acme's only the pair of MAC address and new name."""
    _wait(hand, scene)
    wanted = scene.machine(computer_name=f"new-{scene.number}", machine_id=f"else-{scene.number}")
    return Told.of(hand.do(hand.login(scene.bolt, wanted, subject="boris")))


def _one_has_the_pair(hand: Hand, scene: Scene, code: Code, bolt: Told) -> str:
    assert code is Code.VALID  # the licence itself goes on, wherever its claims are
    record = hand.store.license(scene.license_id)
    assert record is not None
    has_moved = record.machine == Machine.of(_drifted(scene), hand.keyrings.keyring().hashing_key)
    assert has_moved is (bolt.refused is not None), (has_moved, bolt)
    assert bolt.refused is None or bolt.refused.code is RefusalCode.MACHINE_REGISTERED
    return "acme" if has_moved else "bolt"


drift_against_login = Race(
    _held,
    (_validate_drifted, _bolt_wants_new_pair),
    _one_has_the_pair,
    _BOTH,
)


# -- temporary licences ---------------------------------------------------------------------------


def _generated(hand: Hand, _: random.Random, number: int) -> Scene:
    scene = Scene(number)
    answer = hand.do(hand.generate(scene.acme))
    assert isinstance(answer, Generated), answer
    return scene._replace(holder=Told(answer.record.id, answer.key, created=True, refused=None))


def _pavel(hand: Hand, scene: Scene) -> Told:
    return Told.of(hand.do(hand.use(scene.key, "pavel", scene.machine(0))))


def _petra(hand: Hand, scene: Scene) -> Told:
    """On the other machine; in every third round it is Pavel there, in every third his own."""
    way = scene.number % 3
    return Told.of(
        hand.do(
            hand.use(
                scene.key, "pavel" if way == 1 else "petra", scene.machine(0 if way == 2 else 1)
            )
        )
    )


def _one_is_tied(hand: Hand, scene: Scene, one: Told, other: Told) -> str:
    won, lost = (one, other) if one.refused is None else (other, one)
    assert won.license_id == scene.license_id, (one, other)
    assert lost.refused is not None, (one, other)
    assert lost.refused.code is RefusalCode.TEMPORARY_NOT_USABLE
    record = hand.store.license(scene.license_id)
    assert record is not None
    assert record.revision == 2
    return "one" if won is one else "other"


first_use = Race(_generated, (_pavel, _petra), _one_is_tied, _ACME)
