"""The rules once more, as plain dictionaries: what the service must answer, whatever it is made of.

A `Reference` knows nothing of tables, conditions, transactions or indexes, and does one thing after
the other. Its answers are those of the rules: who holds a machine, which licence an agent gets,
what is valid. The marks of the sweep are no part of it, since no answer depends on them (R14).
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import product

from tests.property.chained import (
    UNCHAINED,
    Asked,
    Chained,
    Moment,
    Question,
    case_of,
    led_on,
    meet,
)

FIRST_EXCLUSIVE = "4.4.0.0"
LEASE_SECONDS = 86_400
LENT_ONCE_IN = 30 * 86_400
MOVES_ONCE_IN = 7 * 86_400
PUT_BACK_WITHIN = 30 * 86_400
SEEN_ONCE_IN = 900
MOST_REPORTED = 4
AT_HEAD = ("repeats", "current")
FOREVER = 1 << 62

SHARED_MAC = "00059a3c7a00"
"""Of a VPN's adapter, on every computer that has it."""
SHARED_ID = "03000200-0400-0500-0006-000700080009"
"""Of firmware whose maker has set none."""
LOCAL_MAC = "52112233aa55"
DEFAULT_NAME = "localhost"

Pair = tuple[str, str, str]


@dataclass(frozen=True)
class Shown:
    """A proof: of which device key, and how new the service's nonce in it is.

    `made` is None where it is over a link instead, `over`, perhaps for that one's first half only.
    """

    key: str
    made: int | None
    over: str | None = None
    is_early: bool = False


@dataclass(frozen=True)
class Card:
    """A computer as it shows itself. MAC addresses agree when they have one in common (R9)."""

    machine_id: str | None
    macs: frozenset[str]
    name: str | None

    @property
    def usable(self) -> "Card":
        """What of it counts: not what unrelated computers have, too (R12)."""
        id = None if self.machine_id == SHARED_ID else self.machine_id
        return Card(id, self.macs - {SHARED_MAC}, self.name)

    @property
    def named_macs(self) -> frozenset[str]:
        """The addresses that count beside its name: no given one beside a default name (R12)."""
        return self.macs - {LOCAL_MAC} if self.name == DEFAULT_NAME else self.macs

    def agrees_with(self, other: "Card") -> bool:
        """Whether two of three components are the same."""
        ids = self.machine_id is not None and self.machine_id == other.machine_id
        names = self.name is not None and self.name == other.name
        if ids:
            return names or bool(self.macs & other.macs)
        return names and bool(self.named_macs & other.named_macs)

    def agrees_in_one(self, other: "Card") -> bool:
        """Whether one component is the same, which is enough beside a proof of the device key."""
        ids = self.machine_id is not None and self.machine_id == other.machine_id
        names = self.name not in (None, DEFAULT_NAME) and self.name == other.name
        return ids or names or bool(self.macs & other.macs)

    def contradicts(self, other: "Card") -> bool:
        """Whether both have addresses of makers, and none in common (R9)."""
        own, others = self.macs - {LOCAL_MAC}, other.macs - {LOCAL_MAC}
        return bool(own and others) and not own & others

    def pairs(self) -> frozenset[Pair]:
        """All that two computers which agree have at least one of."""
        ids, names = _known(self.machine_id), _known(self.name)
        return frozenset(
            [("id+name", *pair) for pair in product(ids, names)]
            + [("id+mac", *pair) for pair in product(ids, self.macs)]
            + [("mac+name", *pair) for pair in product(self.named_macs, names)]
        )

    def followed(self, seen: "Card") -> "Card":
        """This computer after it has shown itself otherwise (R11)."""
        ids = self.machine_id is not None and self.machine_id == seen.machine_id
        names = self.name is not None and self.name == seen.name
        if self.macs & seen.macs or not seen.macs:
            macs = self.macs
        else:
            macs = self.macs | seen.macs if ids and names else seen.macs
        return Card(seen.machine_id or self.machine_id, macs, seen.name or self.name)

    def moved_along(self, before: "Card", after: "Card") -> "Card":
        """This record of a computer, of which another record went from one to the other (R9)."""
        has_same_id = self.machine_id is not None and self.machine_id == before.machine_id
        has_same_name = self.name is not None and self.name == before.name
        return Card(
            (after.machine_id if has_same_id else None) or self.machine_id,
            self.macs | after.macs if self.macs & before.macs else self.macs,
            (after.name if has_same_name else None) or self.name,
        )

    def parts(self) -> dict[str, bool]:
        """Which components it has."""
        return {"id": bool(self.machine_id), "macs": bool(self.macs), "name": bool(self.name)}

    def without(self, part: str) -> "Card":
        """This computer without a component."""
        return Card(
            None if part == "id" else self.machine_id,
            frozenset() if part == "macs" else self.macs,
            None if part == "name" else self.name,
        )


def _known(part: str | None) -> list[str]:
    return [] if part is None else [part]


@dataclass(frozen=True)
class Told:
    """An answer: one word, the licence that it is about, and its lease: times, link and token."""

    word: str
    license_id: str | None = None
    until: int | None = None
    since: int | None = None
    link: str | None = None
    token: str | None = field(default=None, compare=False)


@dataclass
class Subscribed:
    """An organization: its subscription, its limit, both of its versions, and its decisions.

    `each` is how many agents a member may add.
    """

    until: int
    status: str = "active"
    max_agents: int | None = None
    version: int = 1
    billed: int = 0
    requires_proof: bool = False
    each: int | None = None
    blocks_clones: bool = False

    def standing(self, now: int) -> str:
        """What its agents may expect."""
        if self.status != "active":
            return "SUSPENDED"
        return "VALID" if now < self.until else "EXPIRED"


@dataclass
class Licensed:
    """A licence. `ends` is there when it is temporary, `holder` once somebody has used it.

    `counted` is how new the last proof of its `device` key was. `leased` is when the longest lease
    ends, as far as that is kept. `pending` is another key that waits until then, `lent_at` when one
    last began to. `added_by` is the member who has bound it, None where that was an administrator.
    `moved_at` is when its computer last changed on nobody's word, `left` what ids and names that
    had before, and until when; `is_held` that one of those has come back. `got` is which components
    it lacked and has since got on nobody's word, and when. `reported` is what was not followed, and
    is on record. `former` are the two device keys before this one, the newest first, `came_back`
    when such a one was bound again, the last two times. `seen` is when its agent was last noted.
    """

    id: str
    organization_id: str
    environment: str
    card: Card | None
    exclusive: bool = True
    state: str = "active"
    primary: bool = False
    ends: int | None = None
    is_over: bool = False
    holder: str | None = None
    device: str | None = None
    counted: int = 0
    added_by: str | None = None
    pending: str | None = None
    lent_at: int = 0
    leased: int = 0
    moved_at: int = 0
    is_held: bool = False
    left: dict[str, int] = field(default_factory=dict)
    got: dict[str, int] = field(default_factory=dict)
    reported: tuple[Card, ...] = ()
    former: tuple[str, ...] = ()
    came_back: tuple[int, ...] = ()
    chain: Chained = UNCHAINED
    seen: int | None = None

    @property
    def is_bound(self) -> bool:
        """Whether it holds its machine and a seat."""
        return self.ends is None and self.state in ("active", "detached")

    def is_of_other(self, environment: str) -> bool:
        """Whether it is good for an agent, and not for the one in this environment."""
        is_good = self.is_bound or self.state == "dissociated"
        return is_good and self.environment != environment

    @property
    def pairs(self) -> frozenset[Pair]:
        """What it holds."""
        return self.card.pairs() if self.card and self.is_bound else frozenset()


TRANSITIONS = {
    "revoke": {
        "active": "revoked",
        "detached": "revoked",
        "dissociated": "revoked",
        "revoked": "revoked",
    },
    "detach": {"active": "detached", "detached": "detached"},
    "attach": {"active": "active", "detached": "active"},
    "dissociate": {
        "active": "dissociated",
        "detached": "dissociated",
        "dissociated": "dissociated",
    },
}


@dataclass
class Reference:
    """All that there is."""

    organizations: dict[str, Subscribed] = field(default_factory=dict)
    licenses: dict[str, Licensed] = field(default_factory=dict)
    closed: set[Pair] = field(default_factory=set)
    """What an agent from 4.4 on has held, for as long as anybody holds it (R31)."""
    used: set[Shown] = field(default_factory=set)
    """The proofs that have counted at logins: each does once (R36)."""
    on_record: set[tuple[str, str]] = field(default_factory=set)
    """The licences whose agents have shown that they are two, or have come back, and by what."""
    names: dict[tuple[str | None, ...], str] = field(default_factory=dict)
    """The links that there could be, by what they follow from."""
    is_cut_off: bool = False
    """Whether the service is cut off after the first write of the request under way."""

    # -- agents ----------------------------------------------------------------------------------

    def login(
        self,
        organization_id: str,
        card: Card,
        environment: str,
        *,
        older: bool,
        now: int,
        new_id: str | None,
        asked: Asked,
        presented: str | None = None,
        proof: Shown | None = None,
        member: str | None = None,
    ) -> Told:
        """A person of an organization logs in; `new_id` is for a licence that comes of it.

        `member` is who logs in, None for an administrator.
        """
        own, card = self.organizations[organization_id], card.usable
        record = self.licenses[presented] if presented else None
        misuse = _misused(record, organization_id, card, proof)
        if misuse:
            return Told(misuse)
        if own.requires_proof and proof is None:
            return Told("proof_required")
        if record is not None and record.is_of_other(environment):
            return Told("invalid")
        if record is not None and record.state == "dissociated":
            return self._reassign(
                own,
                replace(record, added_by=member),
                card,
                environment,
                proof,
                asked,
                older=older,
                now=now,
            )
        here = (
            record
            if record is not None and record.is_bound
            else self._license_at(organization_id, card.pairs(), environment)
        )
        if here is not None:
            return self._again(
                own, here, card, proof, asked, older=older, now=now, is_admin=member is None
            )
        exclusive = not older or self._is_alone_already(organization_id, card.pairs())
        refused = self._why_not_bound(
            own, organization_id, card, member, exclusive=exclusive, now=now
        )
        if refused or not self._counts(proof):
            return refused or Told("stale")
        assert new_id is not None, "a licence has to come of this"
        record = Licensed(
            new_id, organization_id, environment, card, exclusive, added_by=member, seen=now
        )
        self._take(record)
        return self._begun(record, "issued", proof, asked, now)

    def partner(
        self,
        organization_id: str,
        subject: str,
        card: Card,
        presented: str,
        environment: str,
        now: int,
        asked: Asked,
        proof: Shown | None = None,
    ) -> Told:
        """A partner, who is of an organization of their own, uses a temporary key (R26)."""
        record, card = self.licenses[presented], card.usable
        if record.ends is None:
            return Told("on_behalf_login_disabled")
        if (
            organization_id == record.organization_id
            or record.state != "active"
            or record.is_over
            or now >= record.ends
            or record.holder not in (None, subject)
            or (record.holder is not None and not _is_at(record, card))
        ):
            return Told("temporary_license_not_usable")
        theirs = self.organizations[record.organization_id]
        refused = self._why_no_partner(theirs, record.organization_id, card, environment, now)
        if refused:
            return refused
        if theirs.requires_proof and proof is None:
            return Told("proof_required")
        if record.holder is not None:
            refused = self._hold(record, proof, asked, now=now, is_admin=False)
            return refused or self._lease(record, "again")
        if not self._counts(proof):
            return Told("stale")
        record.holder, record.card = subject, card
        return self._begun(record, "again", proof, asked, now)

    def _why_no_partner(
        self, theirs: Subscribed, client_id: str, card: Card, environment: str, now: int
    ) -> Told | None:
        """Why a client has no partner on this machine now."""
        if self._is_blocked(client_id, card.pairs(), environment):
            return Told("agent_blocked")
        if theirs.standing(now) != "VALID":
            return Told("subscription_ended")
        if self._is_others(client_id, card.pairs()):
            return Told("machine_registered_to_other_organization")
        return None

    def validate(
        self,
        license_id: str,
        claimed_id: str,
        card: Card,
        environment: str | None,
        asked: Asked,
        *,
        older: bool,
        now: int,
        proof: Shown | None = None,
    ) -> Told:
        """An agent proves itself with its key alone, or with its device key, too (R13)."""
        record, card = self.licenses[license_id], card.usable
        question = self._question(record, asked, proof)
        misuse = self._misuse(record, claimed_id, card, environment, question, proof, now)
        if misuse == "MACHINE_MISMATCH" and record.ends is not None and record.holder is None:
            misuse = "EXPIRED" if now >= record.ends else misuse
        if misuse:
            return Told(misuse)
        own = self.organizations[claimed_id]
        code = "DETACHED" if record.state == "detached" else own.standing(now)
        if record.ends is not None and now >= record.ends:
            code = "EXPIRED" if code == "VALID" else code
        elif record.ends is not None:
            tied = record.card.pairs() if record.card else frozenset()
            if self._is_others(claimed_id, tied):
                return Told("MACHINE_MISMATCH")
            if self._is_blocked(claimed_id, tied | card.pairs(), environment or "production"):
                code = "DETACHED"
        if record.device is None:
            proof = None
        if proof is not None and not self._is_fresh(record, question, proof, now):
            return Told("stale")
        if code != "VALID":
            self._prove(record, proof, now)
            return Told(code, license_id)
        return self._use(record, own, card, asked, proof, older=older, now=now)

    def _use(
        self,
        record: Licensed,
        own: Subscribed,
        card: Card,
        asked: Asked,
        proof: Shown | None,
        *,
        older: bool,
        now: int,
    ) -> Told:
        """A licence that was found good is used: its chain moves, and it follows its machine."""
        before = replace(record)
        question = self._question(record, asked, proof)
        evidence = "proof" if proof else _evidence(case_of(record.chain, question))
        key_sign = self._prove(record, proof, now)
        moment = Moment(now, self._end(record, now))
        met = meet(record.chain, question, moment, self._name_of_return)
        if own.blocks_clones and met.case == "nothing":
            self.licenses[record.id] = before
            return Told("PROOF_REQUIRED")
        is_fork = met.is_fork or key_sign == "device_keys_alternate"
        if own.blocks_clones and record.ends is None and is_fork:
            record.state = "detached"
            self._note(record, "blocked")
            return Told("DETACHED", record.id)
        self._note(record, met.sign, key_sign)
        if met.case in ("left behind", "older"):
            record.moved_at = max(record.moved_at, now)
        # Another key's agent shows its machine once more, and is followed then.
        has_other_key = (before.device, before.pending) != (record.device, record.pending)
        stays = met.case == "repeats" or has_other_key
        is_moved = False
        record.chain = met.chain
        if record.ends is None and not (stays and _is_at(before, card)):
            is_moved = self._adapt(record, card, evidence, older=older, now=now)
            record = self.licenses[record.id]
        if not _is_at(before, card) and record.card == before.card:
            self.licenses[record.id] = before
            return Told("MACHINE_MISMATCH")
        head = record.chain.head
        if is_moved and met.case in AT_HEAD and head is not None and head == before.chain.head:
            following = self._name(record.id, "validate", head.link, asked.nonce)
            record.chain = led_on(record.chain, following, moment)
        is_due = before.seen is None or now >= before.seen + SEEN_ONCE_IN
        if met.case in ("nothing", "never"):
            return self._lease_outside(record, before, moment, is_due=is_due)
        if record.chain.head != before.chain.head:
            self._grant(record, now)
        elif not is_moved and not has_other_key:
            record.counted = before.counted  # it counts for a write
        record.seen = now if is_due else record.seen
        return self._lease(record, "VALID")

    def _lease_outside(
        self, record: Licensed, before: Licensed, moment: Moment, *, is_due: bool
    ) -> Told:
        """A lease outside the chain: its end, and that of others to come, is kept ahead."""
        if record != before or moment.until > before.leased or is_due:
            record.leased = max(record.leased, self._end(record, moment.now + SEEN_ONCE_IN))
            record.seen = moment.now if is_due else record.seen
        return Told("VALID", record.id, moment.until, moment.now)

    def _misuse(
        self,
        record: Licensed,
        claimed_id: str,
        card: Card,
        environment: str | None,
        question: Question,
        proof: Shown | None,
        now: int,
    ) -> str | None:
        """Why a key is not this agent's."""
        if record.organization_id != claimed_id:
            return "ORGANIZATION_MISMATCH"
        if record.state in ("revoked", "dissociated"):
            return record.state.upper()
        case = case_of(record.chain, question)
        is_at = _is_at(record, card) or (
            _has_key(record, card, proof)
            and record.card is not None
            and not record.card.contradicts(card)
            and question.last is not None
            and case in AT_HEAD
        )
        if not is_at or not (record.ends is not None or environment in (None, record.environment)):
            is_old = (
                record.device is not None
                and proof is not None
                and proof.key in (record.device, record.pending)
                and not self._is_fresh(record, question, proof, now)
            )
            return "stale" if is_old and not is_at else "MACHINE_MISMATCH"
        if record.device is None:
            return "PROOF_REQUIRED" if self.organizations[claimed_id].requires_proof else None
        if proof is None:
            return "PROOF_REQUIRED"
        is_due = proof.key == record.pending and now >= record.leased
        return None if proof.key == record.device or is_due else "PROOF_INVALID"

    def _is_fresh(self, record: Licensed, question: Question, proof: Shown, now: int) -> bool:
        """Whether a validation's proof is of now (R36)."""
        if proof.made is not None:
            return proof.made > record.counted
        last = question.last
        return (
            last is not None
            and last.is_current(now)
            and proof.over == last.link
            and (not proof.is_early or last.is_early(now))
            and case_of(record.chain, question) in AT_HEAD
            and record.pending is None
        )

    def _prove(self, record: Licensed, proof: Shown | None, now: int) -> str | None:
        """A validation's proof counts; it ends what waits, or takes the bound key's place (R36)."""
        if proof is None:
            return None
        record.counted, record.pending = proof.made or record.counted, None
        if proof.key == record.device:
            return None
        record.chain = Chained()
        return _bind_key(record, proof.key, now)

    # -- administrators --------------------------------------------------------------------------

    def apply(self, action: str, license_id: str, admin_of: str) -> Told:
        """An organization's administrator changes the state of a licence (R18 to R21)."""
        record = self.licenses[license_id]
        if record.ends is not None or record.organization_id != admin_of:
            return Told("not_found")
        target = TRANSITIONS[action].get(record.state)
        if target is None:
            return Told("invalid_transition")
        if action == "attach" and record.state != target:
            record.chain = Chained(was_presented=record.chain.was_presented)
        record.state = target
        if not record.is_bound:
            record.added_by = None
        if target in ("revoked", "dissociated"):
            record.pending = None
        self._forget_what_nobody_holds()
        return Told("changed", license_id)

    def reset(self, license_id: str, admin_of: str) -> Told:
        """An organization's administrator has a licence forget its device keys (R36)."""
        record = self.licenses[license_id]
        if record.ends is not None or record.organization_id != admin_of:
            return Told("not_found")
        if record.device is not None:
            record.former = (record.device, *(k for k in record.former if k != record.device))[:2]
        record.device = record.pending = None
        return Told("changed", license_id)

    def edit(self, license_id: str, admin_of: str, *, primary: bool) -> Told:
        """An organization's administrator marks an agent as primary or not (R8)."""
        record = self.licenses[license_id]
        if record.ends is not None or record.organization_id != admin_of:
            return Told("not_found")
        record.primary = primary
        return Told("changed", license_id)

    def generate(self, license_id: str, organization_id: str, seconds: int, now: int) -> Told:
        """A super-admin lets a partner in; the same id once more is the same request (R25)."""
        record = self.licenses.setdefault(
            license_id, Licensed(license_id, organization_id, "*", None, ends=now + seconds)
        )
        return Told("generated", license_id, record.ends)

    def revoke_temporary(self, license_id: str) -> Told:
        """A super-admin ends that early."""
        record = self.licenses[license_id]
        if record.ends is None:
            return Told("not_found")
        record.state = "revoked"
        return Told("changed", license_id)

    def change(
        self,
        organization_id: str,
        until: int,
        status: str,
        max_agents: int | None,
        *,
        seen: int,
    ) -> Told:
        """A super-admin changes a subscription as it was `seen`: a repetition changes nothing."""
        own = self.organizations[organization_id]
        if seen != own.version:
            is_repeated = (own.until, own.status, own.max_agents) == (until, status, max_agents)
            is_repeated = is_repeated and own.version == seen + 1
            return Told("unchanged" if is_repeated else "precondition_failed")
        self.organizations[organization_id] = replace(
            own, until=until, status=status, max_agents=max_agents, version=own.version + 1
        )
        return Told("changed")

    def bill(
        self, organization_id: str, until: int, status: str, max_agents: int | None, *, version: int
    ) -> Told:
        """Billing tells of a subscription; the highest version wins (R24)."""
        own = self.organizations[organization_id]
        if version <= own.billed:
            return Told("unchanged")
        self.organizations[organization_id] = replace(
            own,
            until=until,
            status=status,
            max_agents=max_agents,
            version=own.version + 1,
            billed=version,
        )
        return Told("changed")

    def decide(
        self,
        organization_id: str,
        *,
        requires_proof: bool,
        blocks_clones: bool,
        each: int | None,
    ) -> Told:
        """An administrator decides about agents; a repetition changes nothing."""
        own = self.organizations[organization_id]
        decided = replace(
            own, requires_proof=requires_proof, blocks_clones=blocks_clones, each=each
        )
        if decided != own:
            self.organizations[organization_id] = replace(decided, version=own.version + 1)
        return Told("decided")

    # -- what must be true -----------------------------------------------------------------------

    def seats(self, organization_id: str) -> int:
        """How many licences are bound."""
        return sum(record.is_bound for record in self._of(organization_id))

    def holders_by_pair(self) -> dict[Pair, set[str]]:
        """The organizations that hold each pair."""
        found: dict[Pair, set[str]] = {}
        for record in self.licenses.values():
            for pair in record.pairs:
                found.setdefault(pair, set()).add(record.organization_id)
        return found

    # -- within ----------------------------------------------------------------------------------

    def _of(self, organization_id: str) -> list[Licensed]:
        return [one for one in self.licenses.values() if one.organization_id == organization_id]

    def _is_blocked(self, organization_id: str, pairs: frozenset[Pair], environment: str) -> bool:
        """Whether the organization has blocked its agent on a machine (R19)."""
        here = self._license_at(organization_id, pairs, environment)
        return here is not None and here.state == "detached"

    def _license_at(
        self, organization_id: str, pairs: frozenset[Pair], environment: str
    ) -> Licensed | None:
        """The licence that agrees most; of two that agree alike, always the same one."""
        common = Counter(
            {
                record.id: len(record.pairs & pairs)
                for record in self._of(organization_id)
                if record.environment == environment
            }
        )
        found = max(common, key=lambda id: (common[id], id), default=None)
        return self.licenses[found] if found is not None and common[found] else None

    def _reassign(
        self,
        own: Subscribed,
        record: Licensed,
        card: Card,
        environment: str,
        proof: Shown | None,
        asked: Asked,
        *,
        older: bool,
        now: int,
    ) -> Told:
        organization_id = record.organization_id
        exclusive = not older or self._is_alone_already(organization_id, card.pairs())
        refused = self._why_not_bound(
            own, organization_id, card, record.added_by, exclusive=exclusive, now=now
        )
        if refused:
            return refused
        if self._license_at(organization_id, card.pairs(), environment):
            return Told("license_still_bound")
        if not self._counts(proof):
            return Told("stale")
        bound = replace(
            record,
            state="active",
            card=card,
            exclusive=exclusive,
            chain=Chained(),
            former=(),
            came_back=(),
            moved_at=0,
            is_held=False,
            left={},
            got={},
            reported=(),
        )
        self._take(bound)
        return self._begun(bound, "again", proof, asked, now)

    def _begun(
        self, record: Licensed, word: str, proof: Shown | None, asked: Asked, now: int
    ) -> Told:
        """A licence has been bound, to a device key if one is proved; its chain begins (R37)."""
        record.device = proof.key if proof else None
        record.counted = max(record.counted, (proof and proof.made) or 0)
        self._move(record, asked, now)
        return self._lease(record, word)

    def _move(
        self, record: Licensed, asked: Asked, now: int, *, leads_on: bool = False
    ) -> str | None:
        """A login moves the chain; what that shows blocks nobody."""
        before, moment = record.chain.head, Moment(now, self._end(record, now))
        question = self._question(record, asked, None, is_login=True)
        met = meet(record.chain, question, moment, self._name_of_return)
        record.chain = met.chain
        if leads_on and met.case in AT_HEAD and met.chain.head is not None:
            name = self._name(record.id, "login", met.chain.head.link, asked.nonce)
            record.chain = led_on(met.chain, name, moment)
        if record.chain.head != before:
            self._grant(record, now)
        return met.sign

    def _grant(self, record: Licensed, now: int) -> None:
        """A link is new: its end is kept, and no proof counts that was made before."""
        assert record.chain.head is not None
        record.leased = max(record.leased, record.chain.head.until)
        if record.device is not None:
            record.counted = max(record.counted, now * 1000)

    def _lease(self, record: Licensed, word: str) -> Told:
        """The answer with the current link, which ends with what it is good for."""
        head = record.chain.head
        assert head is not None
        own = self.organizations[record.organization_id]
        until = min(head.until, own.until, record.ends or FOREVER)
        return Told(word, record.id, until, head.since, head.link)

    def _question(
        self,
        record: Licensed,
        asked: Asked,
        proof: Shown | None,
        *,
        is_login: bool = False,
    ) -> Question:
        """A question beside a licence, whose lease it is or is not."""
        last = asked.lease
        if last is not None and (last.license_id != record.id or last.link is None):
            last = None
        link = last.link if last is not None else None
        following = self._name(record.id, "login" if is_login else "validate", link, asked.nonce)
        is_fresh = record.device is not None and proof is not None and proof.made is not None
        return Question(last, following, is_fresh, is_login)

    def _name(self, *follows_from: str | None) -> str:
        return self.names.setdefault(follows_from, f"link {len(self.names) + 1}")

    def _name_of_return(self, leads_to: str, left: str | None) -> str:
        return self._name("return", leads_to, left)

    def _again(
        self,
        own: Subscribed,
        record: Licensed,
        card: Card,
        proof: Shown | None,
        asked: Asked,
        *,
        older: bool,
        now: int,
        is_admin: bool,
    ) -> Told:
        if record.state == "detached":
            return Told("agent_blocked")
        if own.standing(now) != "VALID":
            return Told("subscription_ended")
        keys = record.device, record.pending
        is_new_there = not record.pairs & card.pairs()
        if is_new_there:
            refused = self._why_not_moved(record, card, older=older)
            if refused:
                return refused
        refused = self._hold(
            record, proof, asked, now=now, is_admin=is_admin, leads_on=is_new_there
        )
        if refused:
            return refused
        if self.is_cut_off and keys != (record.device, record.pending):
            return Told("unavailable")  # that is a write of its own
        if proof is not None and proof.key != record.device:  # it waits
            return Told("again", record.id, min(record.leased, own.until), record.lent_at)
        self._adapt(record, card, "login", older=older, now=now)
        if not _is_at(self.licenses[record.id], card):
            return Told("license_still_bound")
        return self._lease(self.licenses[record.id], "again")

    def _why_not_moved(self, record: Licensed, card: Card, *, older: bool) -> Told | None:
        """Why a licence does not go where its device key was proved."""
        own = record.organization_id
        exclusive = record.exclusive or not older or self._is_alone_already(own, card.pairs())
        if self._foreign(own, card.pairs(), exclusive=exclusive):
            return Told("machine_registered_to_other_organization")
        there = self._license_at(own, card.pairs(), record.environment)
        return Told("license_still_bound") if there else None

    def _hold(
        self,
        record: Licensed,
        proof: Shown | None,
        asked: Asked,
        *,
        now: int,
        is_admin: bool,
        leads_on: bool = False,
    ) -> Told | None:
        """Let a login prove a device key, and move the chain; why not, if it gets none (R36)."""
        if proof is None:
            if record.device:
                return Told("proof_required")
            self._note(record, self._move(record, asked, now, leads_on=leads_on))
            return None
        key, made = proof.key, proof.made or 0
        case = case_of(record.chain, self._question(record, asked, None, is_login=True))
        if key == record.device and case != "repeats" and made <= record.counted:
            return Told("stale")
        is_bound_now = (
            record.device in (None, key) or now >= record.leased or (is_admin and not record.ends)
        )
        may_wait = record.ends is None and (
            key == record.pending or now >= record.lent_at + LENT_ONCE_IN
        )
        if not is_bound_now and not may_wait:
            return Told("device_key")
        if not self._counts(proof):
            return Told("stale")
        if not is_bound_now:
            if key != record.pending:
                record.pending, record.lent_at = key, now
            return None
        sign = _bind_key(record, key, now) if record.device != key else None
        record.pending, record.counted = None, max(record.counted, made)
        self._note(record, self._move(record, asked, now, leads_on=leads_on), sign)
        return None

    def _note(self, record: Licensed, *signs: str | None) -> None:
        self.on_record |= {(record.id, sign) for sign in signs if sign}

    def _counts(self, proof: Shown | None) -> bool:
        """Whether a login's proof counts, which it does once."""
        if proof is None:
            return True
        is_new = proof not in self.used
        self.used.add(proof)
        return is_new

    def _why_not_bound(
        self,
        own: Subscribed,
        organization_id: str,
        card: Card,
        member: str | None,
        *,
        exclusive: bool,
        now: int,
    ) -> Told | None:
        if own.standing(now) != "VALID":
            return Told("subscription_ended")
        if self._foreign(organization_id, card.pairs(), exclusive=exclusive):
            return Told("machine_registered_to_other_organization")
        if own.max_agents is not None and self.seats(organization_id) >= own.max_agents:
            return Told("seat_limit_reached")
        if member is not None and own.each is not None:
            added = [one for one in self._of(organization_id) if one.added_by == member]
            if sum(one.is_bound for one in added) >= own.each:
                return Told("member_limit_reached")
        return None

    def _adapt(self, record: Licensed, card: Card, evidence: str, *, older: bool, now: int) -> bool:
        """A licence that was found good follows its machine, and may make it its own (R11, R31).

        `evidence` is what the agent is known by. Whether that changes the licence.
        """
        assert record.card is not None
        vouched = evidence if evidence in ("login", "proof") else None
        if record.is_held and vouched == "login":
            record.is_held, record.reported = False, ()
        before, moved = record.card, record.card.followed(card)
        new = {moved.machine_id, moved.name} - {before.machine_id, before.name}
        is_back = any(now < record.left[one] + PUT_BACK_WITHIN for one in new if one in record.left)
        for part, at in record.got.items():
            if not vouched and now < at + PUT_BACK_WITHIN and not card.parts()[part]:
                moved, is_back = moved.without(part), True
        may_move = not record.is_held and (
            vouched is not None
            or (is_back and evidence != "nothing")
            or (not is_back and evidence == "link" and now >= record.moved_at + MOVES_ONCE_IN)
        )
        if not may_move:
            if moved not in (before, *record.reported) and len(record.reported) < MOST_REPORTED:
                record.reported = (moved, *record.reported)
            moved = before
        if moved == before and (record.exclusive or older):
            return False
        exclusive = (
            record.exclusive
            or not older
            or self._is_alone_already(record.organization_id, moved.pairs())
        )
        if moved != before and self._is_taken(record, moved, exclusive=exclusive):
            moved = before
        # One that is not followed may be this organization's alone all the same.
        if moved == before and exclusive == record.exclusive:
            return False
        if moved != before:
            self._take_along(record, moved, now if not vouched else record.moved_at, now)
            _leave(record, moved, now, vouched)
            record.moved_at = record.moved_at if vouched else now
            record.is_held = is_back and vouched != "login"
        self._take(replace(record, card=moved, exclusive=exclusive))
        return True

    def _take_along(self, record: Licensed, after: Card, moved_at: int, now: int) -> None:
        """The organization's other licences on the machine, as `record` was on it, move on (R9)."""
        before = record.card
        assert before is not None
        for other in sorted(self._of(record.organization_id), key=lambda one: one.id):
            if other.id == record.id or other.card is None or not other.pairs & before.pairs():
                continue
            if other.is_held or (other.device is not None and not other.card.macs):
                continue
            moved = other.card.moved_along(before, after)
            if moved != other.card and not self._is_taken(other, moved, exclusive=other.exclusive):
                if other.device is None:
                    _leave(other, moved, now, None)
                other.moved_at = max(other.moved_at, moved_at)
                self._take(replace(other, card=moved))

    def _is_taken(self, record: Licensed, moved: Card, *, exclusive: bool) -> bool:
        """Whether somebody keeps a licence from what it would hold anew."""
        own, anew = record.organization_id, moved.pairs() - record.pairs
        kept = moved.pairs() & record.pairs
        closed = {pair for pair in anew if not self._is_shared_along(own, pair, kept)}
        return self._foreign(own, closed, exclusive=exclusive) or any(
            other.id != record.id and other.environment == record.environment and other.pairs & anew
            for other in self._of(own)
        )

    def _foreign(self, organization_id: str, pairs: Iterable[Pair], *, exclusive: bool) -> bool:
        """Whether another organization keeps this one off (R4, R31)."""
        held = self.holders_by_pair()
        return any(
            organization_id not in held.get(pair, {organization_id})
            and (exclusive or pair in self.closed)
            for pair in pairs
        )

    def _is_others(self, organization_id: str, pairs: Iterable[Pair]) -> bool:
        """Whether another organization is on a machine at all (R26)."""
        held = self.holders_by_pair()
        return any(held.get(pair, set()) - {organization_id} for pair in pairs)

    def _is_shared_along(self, organization_id: str, pair: Pair, kept: frozenset[Pair]) -> bool:
        """Whether all others who hold a pair are those with whom what is kept is shared (R31)."""
        others = [
            other
            for other in self.licenses.values()
            if pair in other.pairs and other.organization_id != organization_id
        ]
        beside = {other.organization_id for other in others if other.pairs & kept}
        return {other.organization_id for other in others} == beside

    def _is_alone_already(self, organization_id: str, pairs: Iterable[Pair]) -> bool:
        held = self.holders_by_pair()
        return any(pair in self.closed and held.get(pair) == {organization_id} for pair in pairs)

    def _take(self, record: Licensed) -> None:
        self.licenses[record.id] = record
        if record.exclusive:
            self.closed |= record.pairs
        self._forget_what_nobody_holds()

    def _forget_what_nobody_holds(self) -> None:
        self.closed &= self.holders_by_pair().keys()

    def _end(self, record: Licensed, now: int) -> int:
        """When a lease of now ends."""
        own = self.organizations[record.organization_id]
        return min(now + LEASE_SECONDS, own.until, record.ends or FOREVER)


def _evidence(case: str) -> str:
    """What an agent is known by that proves no device key (R11)."""
    if case in ("left behind", "newer", "older"):
        return "lease"
    return "nothing" if case == "nothing" else "link"


def _bind_key(record: Licensed, key: str, now: int) -> str | None:
    """Another device key takes the bound one's place; what that shows, if it was here (R37)."""
    before = record.former[1:] if record.device is None else record.former
    known = (record.device, *record.former)
    record.former = tuple(dict.fromkeys(one for one in known if one not in (None, key)))[:2]
    record.device, earlier = key, record.came_back
    if key not in before:
        return None
    record.came_back = (*earlier, now)[-2:]
    if record.came_back == earlier:
        return None
    is_second = len(record.came_back) == 2 and now < record.came_back[0] + PUT_BACK_WITHIN
    return "device_keys_alternate" if is_second else "device_key_came_back"


def _leave(record: Licensed, moved: Card, now: int, vouched: str | None) -> None:
    """Remember what a licence's computer is called no longer."""
    assert record.card is not None
    present = {moved.machine_id, moved.name}
    left = {record.card.machine_id, record.card.name} - present - {None}
    kept = {one: at for one, at in record.left.items() if one not in present}
    record.reported = ()
    record.left = kept | {one: now for one in left if one is not None}
    had, has = record.card.parts(), moved.parts()
    record.got = {
        part: at if had[part] else now
        for part, at in {**dict.fromkeys(had, now), **record.got}.items()
        if has[part] and (part in record.got if had[part] else not vouched)
    }


def _has_key(record: Licensed, card: Card, proof: Shown | None) -> bool:
    """Whether an agent that names a licence is known by its device key and one component (R9)."""
    return (
        proof is not None
        and proof.key == record.device
        and record.ends is None
        and record.card is not None
        and record.card.agrees_in_one(card)
    )


def _misused(
    record: Licensed | None, organization_id: str, card: Card, proof: Shown | None
) -> str | None:
    """Why a licence's key is nobody's to present who logs in here as a member."""
    if record is None:
        return None
    if record.ends is not None:
        return "temporary_license_not_usable"  # no partner
    if record.organization_id != organization_id:
        return "on_behalf_login_disabled"
    if record.is_bound and not _is_at(record, card) and not _has_key(record, card, proof):
        return "license_still_bound"
    return None


def _is_at(record: Licensed, card: Card) -> bool:
    return record.card is not None and record.card.agrees_with(card)
