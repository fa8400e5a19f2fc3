"""The budgets: what each operation may take of DynamoDB, and how each one is made.

The figures are those of tests/benchmarks/README.md; one that changes is a decision, and is changed
here with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.devices import Device
from tests.integration.agents import VALIDATE, Agent
from tests.integration.answers import assert_problem
from tests.integration.billing import bill
from tests.integration.capacity import Cost, Transaction, metered
from tests.integration.leases import read
from tests.integration.many import bind
from tests.integration.partner import generate
from tests.integration.policy import govern
from tests.world import (
    ADA,
    ALICE,
    AMIR,
    BORIS,
    MACHINE_A,
    MACHINE_B,
    OLIVIA,
    Person,
    World,
)

INTERVAL = 900
HALF = 43_200
"""Half of a lease's time: from then on it is renewed."""

LARGEST = {
    "machine_id": "4c4c4544-0042-3510-8052-b4c04f4e5931",
    "mac_addresses": [f"3c:52:82:0a:1b:{number:02x}" for number in range(8)],
    "computer_name": "ACME-PC-01",
}


@dataclass
class Stage:
    """What is there before the operation: Acme with an agent in production on machine A."""

    world: World
    issued: Any
    agent: Agent = field(init=False)
    """The agent, as one that presents its leases."""
    other: Agent = field(init=False)
    """An agent on machine B, without a licence yet."""

    def __post_init__(self) -> None:
        lease = self.issued["lease"]["token"]
        self.agent = Agent(self.world, key=self.key, license_id=self.license_id, lease=lease)
        self.other = Agent(self.world, machine=MACHINE_B)

    @property
    def key(self) -> str:
        """The agent's key."""
        return str(self.issued["license_key"])

    @property
    def license_id(self) -> str:
        """The agent's licence."""
        return str(self.issued["license"]["id"])

    def get(self, path: str, person: Person = ADA) -> object:
        """Read something, as Acme's administrator if nobody else is named."""
        answer = self.world.request("GET", path, person=person)
        assert answer.status == 200
        return answer


@dataclass(frozen=True)
class Budget:
    """An operation and what it may take; `wcu` is of single writes, their indexes included."""

    operation: Callable[[Stage], object]
    requests: dict[str, int]
    rcu: int = 0
    wcu: int = 0
    transactions: Sequence[Transaction] = ()
    before: Callable[[Stage], object] = lambda _stage: None


def _mistyped(stage: Stage) -> None:
    wrong = stage.key[:-1] + ("0" if stage.key[-1] != "0" else "1")
    assert_problem(stage.world.validate(wrong), 400, "invalid_request", "/license_key")


def _search(stage: Stage, text: str) -> None:
    answer = stage.world.request("POST", "/v1/licenses/search", person=OLIVIA, json={"text": text})
    assert answer.status == 200
    assert answer.json["licenses"]


def _more_organizations(stage: Stage, count: int) -> None:
    for number in range(count):
        stage.world.register(f"org-{number}")


def later(stage: Stage) -> None:
    stage.world.clock.advance(INTERVAL)
    stage.world.runtime.keyrings.keyring()  # which is fetched anew by now


def _begin_chain(stage: Stage) -> None:
    assert stage.agent.code() == "VALID"


def _half_a_lease_later(stage: Stage) -> None:
    _begin_chain(stage)
    stage.world.clock.advance(HALF)
    stage.world.runtime.keyrings.keyring()


def _bind_device_key(stage: Stage) -> None:
    stage.agent.device = Device()
    assert stage.agent.login().status == 200
    _begin_chain(stage)


def _lose_device_key(stage: Stage) -> None:
    _bind_device_key(stage)
    stage.agent.device = Device(nonce=_nonce(stage))


def _prepare_other(stage: Stage) -> None:
    _bind_device_key(stage)
    stage.other.device = Device(nonce=_nonce(stage))


def _wait_with_device_key(stage: Stage) -> None:
    _lose_device_key(stage)
    assert stage.agent.login().status == 200


def _refuse_device_key(stage: Stage) -> None:
    _wait_with_device_key(stage)
    stage.agent.device = Device(nonce=_nonce(stage))


def _keep_device_key(stage: Stage) -> None:
    _bind_device_key(stage)
    other = replace(stage.agent, device=Device(nonce=_nonce(stage)))
    assert other.login().status == 200


def _lose_nonce(stage: Stage) -> None:
    _bind_device_key(stage)
    stage.agent.device = Device()


def _lapse(stage: Stage) -> None:
    _bind_device_key(stage)
    stage.world.clock.advance(3 * HALF)
    stage.world.runtime.keyrings.keyring()


def _nonce(stage: Stage) -> str | None:
    assert stage.agent.device is not None
    return stage.agent.device.nonce


def _be_challenged(stage: Stage) -> None:
    """Send one request with the proof as it is."""
    assert stage.agent.device is not None
    body = {"license_key": stage.key, "organization_id": "acme", "machine": MACHINE_A}
    proof = stage.agent.device.proof(VALIDATE, stage.key, body)
    answer = stage.agent.send("/v1/licenses/validate", body, proof)
    assert_problem(answer, 401, "use_dpop_nonce")


def _prove_over_the_past(stage: Stage) -> None:
    """Ask with a proof over a lease that another has followed."""
    agent = stage.agent
    assert agent.device is not None
    body = {
        "license_key": stage.key,
        "organization_id": "acme",
        "machine": MACHINE_A,
        "nonce": "once-more",
        "lease": agent.lease,
    }
    claims = {"nonce": read(str(agent.lease))["jti"]}
    proof = agent.device.proof(VALIDATE, stage.key, body, **claims)
    assert_problem(agent.send("/v1/licenses/validate", body, proof), 401, "use_dpop_nonce")


def _fall_behind(stage: Stage) -> None:
    _renew_with_device_key(stage)
    kept = stage.agent.lease
    assert stage.agent.code() == "VALID"
    stage.agent.lease = kept


def _renew_with_device_key(stage: Stage) -> None:
    _bind_device_key(stage)
    stage.world.clock.advance(HALF)
    stage.world.runtime.keyrings.keyring()


def _restore(stage: Stage) -> None:
    """The agent goes on from the lease before the last one."""
    _half_a_lease_later(stage)
    kept = stage.agent.lease
    assert stage.agent.code() == "VALID"
    stage.agent.lease = kept


def _copy(stage: Stage) -> None:
    """A copy of the agent goes on, too: what the agent presents next has been left behind."""
    _half_a_lease_later(stage)
    copy = replace(stage.agent)
    assert (stage.agent.code(), copy.code()) == ("VALID", "VALID")


def _copy_where_clones_are_blocked(stage: Stage) -> None:
    _copy(stage)
    govern(stage.world, block_clones=True)


def _begin_chain_earlier(stage: Stage) -> None:
    _begin_chain(stage)
    later(stage)


def _key_alone(stage: Stage) -> None:
    Agent(stage.world, key=stage.key).validate()


def _key_alone_where_clones_are_blocked(stage: Stage) -> None:
    _begin_chain(stage)
    govern(stage.world, block_clones=True)


BUDGETS = {
    "validate, steady state": Budget(
        lambda stage: stage.world.code(stage.key), {"BatchGetItem": 1}, rcu=2
    ),
    "validate, first in its interval": Budget(
        lambda stage: stage.world.code(stage.key),
        {"BatchGetItem": 1, "UpdateItem": 1},
        rcu=2,
        wcu=1,
        before=later,
    ),
    "validate, lease in its first half": Budget(
        lambda stage: stage.agent.code(), {"BatchGetItem": 1}, rcu=2, before=_begin_chain
    ),
    "validate, lease renewed": Budget(
        lambda stage: stage.agent.code(),
        {"BatchGetItem": 1, "UpdateItem": 1},  # its last-seen time goes along
        rcu=2,
        wcu=1,
        before=_half_a_lease_later,
    ),
    "validate, device key proved": Budget(
        lambda stage: stage.agent.code(), {"BatchGetItem": 1}, rcu=2, before=_bind_device_key
    ),
    "validate, device key proved, lease renewed": Budget(
        lambda stage: stage.agent.code(),
        {"BatchGetItem": 1, "UpdateItem": 1},
        rcu=2,
        wcu=1,
        before=_renew_with_device_key,
    ),
    "validate, device key proved, after a lapse": Budget(
        lambda stage: stage.agent.code(),
        {"BatchGetItem": 1, "UpdateItem": 1},
        rcu=2,
        wcu=1,
        before=_lapse,
    ),
    "validate, proof without a nonce": Budget(_be_challenged, {}, before=_lose_nonce),
    "validate, proof over a lease that was followed": Budget(
        _prove_over_the_past, {"BatchGetItem": 1}, rcu=2, before=_fall_behind
    ),
    "validate, agent restored": Budget(
        lambda stage: stage.agent.code(),
        {"BatchGetItem": 1, "UpdateItem": 2},
        rcu=2,
        wcu=3,  # the entry with its place in the index, and the link
        before=_restore,
    ),
    "validate, key alone": Budget(
        _key_alone,
        {"BatchGetItem": 1, "UpdateItem": 2},
        rcu=2,
        wcu=3,  # the entry with its place in the index, and the end of its lease
        before=_begin_chain_earlier,
    ),
    "validate, key alone, where clones are blocked": Budget(
        _key_alone,
        {"BatchGetItem": 1, "UpdateItem": 1},
        rcu=2,
        wcu=3,
        before=_key_alone_where_clones_are_blocked,
    ),
    "validate, clone reported": Budget(
        lambda stage: stage.agent.validate(),
        {"BatchGetItem": 1, "UpdateItem": 2},
        rcu=2,
        wcu=4,  # the report with its entries in two indexes, and the link
        before=_copy,
    ),
    "validate, clone blocked": Budget(
        lambda stage: stage.agent.validate(),
        {"BatchGetItem": 1, "TransactWriteItems": 1},
        rcu=2,
        transactions=[
            Transaction(2, 4, 4)
        ],  # the licence, which moves within its index, and event in two
        before=_copy_where_clones_are_blocked,
    ),
    "validate, mistyped key": Budget(_mistyped, {}),
    "validate, malformed": Budget(
        lambda stage: stage.world.request("POST", "/v1/licenses/validate", body=b"{"), {}
    ),
    "validate, expired": Budget(
        lambda stage: stage.world.code(stage.key),
        {"BatchGetItem": 1},
        rcu=2,
        before=lambda stage: stage.world.change("acme", seconds=0),
    ),
    "validate, wrong machine": Budget(
        lambda stage: stage.world.code(stage.key, MACHINE_B),
        {"BatchGetItem": 1, "UpdateItem": 1},
        rcu=2,
        wcu=3,  # the first of its hour, with its entries in two indexes
    ),
    "first login": Budget(
        lambda stage: stage.world.login(AMIR, MACHINE_B | {"mac_addresses": ["3c:52:82:0a:1b:01"]}),
        {"BatchGetItem": 1, "TransactWriteItems": 1},
        rcu=5,  # the organization, three pairs, and how many agents the member has added
        # Licence, three pairs, event, member's count, seat. An index has licence, event and seats,
        # and another the licence by name.
        transactions=[Transaction(7, 14, 4)],
    ),
    "first login, by an administrator": Budget(
        lambda stage: stage.world.login(ADA, MACHINE_B | {"mac_addresses": ["3c:52:82:0a:1b:01"]}),
        {"BatchGetItem": 1, "TransactWriteItems": 1},
        rcu=4,  # nobody counts them
        transactions=[Transaction(6, 12, 4)],
    ),
    "first login, eight network cards": Budget(
        lambda stage: stage.world.login(
            AMIR, LARGEST | {"machine_id": "another", "computer_name": "ACME-PC-02"}
        ),
        {"BatchGetItem": 1, "TransactWriteItems": 1},
        rcu=19,
        transactions=[Transaction(21, 42, 4)],
    ),
    "first login, second environment": Budget(
        lambda stage: stage.world.login(AMIR, environment="staging"),
        {"BatchGetItem": 1, "TransactWriteItems": 1},
        rcu=5,
        transactions=[Transaction(7, 14, 4)],
    ),
    "repeated login": Budget(
        lambda stage: stage.world.login(AMIR), {"BatchGetItem": 1, "GetItem": 1}, rcu=6
    ),
    "repeated login, lease renewed": Budget(
        lambda stage: stage.agent.login(AMIR),
        {"BatchGetItem": 1, "GetItem": 1, "UpdateItem": 1},
        rcu=6,
        wcu=1,
        before=_half_a_lease_later,
    ),
    "repeated login, without the last lease": Budget(
        lambda stage: stage.world.login(AMIR),
        {"BatchGetItem": 1, "GetItem": 1, "UpdateItem": 2},
        rcu=6,
        wcu=3,  # the entry with its place in the index, and the link
        before=_begin_chain,
    ),
    "repeated login, device key proved": Budget(
        lambda stage: stage.agent.login(),
        {"BatchGetItem": 1, "GetItem": 1, "UpdateItem": 2},
        rcu=6,
        wcu=2,  # the proof, and the licence
        before=_bind_device_key,
    ),
    "first login, device key proved": Budget(
        lambda stage: stage.other.login(),
        {"BatchGetItem": 1, "TransactWriteItems": 1},
        rcu=7,
        # Licence, five pairs, event, seat, member's count, and the proof.
        transactions=[Transaction(10, 20, 4)],
        before=_prepare_other,
    ),
    "login, another device key, which waits": Budget(
        lambda stage: stage.agent.login(),
        {"BatchGetItem": 1, "GetItem": 1, "TransactWriteItems": 1},
        rcu=6,
        transactions=[Transaction(3, 6, 1)],  # licence, event, proof
        before=_lose_device_key,
    ),
    "login, another device key, which waits, again": Budget(
        lambda stage: stage.agent.login(),
        {"BatchGetItem": 1, "GetItem": 1, "UpdateItem": 1},
        rcu=6,
        wcu=1,  # the proof alone
        before=_wait_with_device_key,
    ),
    "login, another device key refused": Budget(
        lambda stage: stage.agent.login(),
        {"BatchGetItem": 1, "GetItem": 1, "UpdateItem": 1},
        rcu=6,
        wcu=3,  # the first of its hour, with its entries in two indexes
        before=_refuse_device_key,
    ),
    "validate, device key kept": Budget(
        lambda stage: stage.agent.code(),
        {"BatchGetItem": 2, "TransactWriteItems": 1},  # it proves over a nonce of now
        rcu=4,
        transactions=[Transaction(2, 4, 1)],  # licence and event; once, then as usual
        before=_keep_device_key,
    ),
    "reset a device key": Budget(
        lambda stage: stage.world.act("reset-device-key", stage.license_id),
        {"BatchGetItem": 1, "TransactWriteItems": 1},
        rcu=2,
        transactions=[Transaction(2, 4, 2)],  # event, and the licence, whose key the index has
        before=_bind_device_key,
    ),
    "login, machine of another organization": Budget(
        lambda stage: stage.world.login(BORIS),
        {"BatchGetItem": 2, "UpdateItem": 3},  # the second for the holder, and its licence
        rcu=7,
        wcu=7,  # at the holder and at who tried, each in two indexes; and the hour's machines
        before=lambda stage: stage.world.register("bolt"),
    ),
    "login, no free seat": Budget(
        lambda stage: stage.world.login(AMIR, MACHINE_B),
        {"BatchGetItem": 2, "UpdateItem": 2},  # two looks; the hour's machines, and the entry
        rcu=14,
        wcu=4,  # the entry joins two indexes
        before=lambda stage: stage.world.change("acme", max_agents=1),
    ),
    "login, no free seat, again": Budget(
        lambda stage: stage.world.login(AMIR, MACHINE_B),
        {"BatchGetItem": 2, "UpdateItem": 2},
        rcu=14,
        wcu=2,  # what the index has of the entry stays as it is
        before=lambda stage: (
            stage.world.change("acme", max_agents=1),
            stage.world.login(AMIR, MACHINE_B),
        ),
    ),
    "login, subscription ended": Budget(
        lambda stage: stage.world.login(AMIR),
        {"BatchGetItem": 1, "GetItem": 1, "UpdateItem": 2},
        rcu=6,
        wcu=4,
        before=lambda stage: stage.world.change("acme", seconds=0),
    ),
    "revoke": Budget(
        lambda stage: stage.world.revoke(stage.license_id),
        {"BatchGetItem": 1, "TransactWriteItems": 1},
        rcu=2,
        # Licence, three pairs, event, member's count, seat; the licence moves within its index, and
        # the organization's seats are there, too.
        transactions=[Transaction(7, 14, 4)],
    ),
    "revoke, two environments": Budget(
        lambda stage: stage.world.revoke(stage.license_id),
        {"BatchGetItem": 1, "TransactWriteItems": 2},  # the first learns who shares the machine
        rcu=2,
        transactions=[Transaction(7, 14, 4)] * 2,
        before=lambda stage: stage.world.login(environment="staging"),
    ),
    "revoke, repeated": Budget(
        lambda stage: stage.world.revoke(stage.license_id),
        {"BatchGetItem": 1},
        rcu=2,
        before=lambda stage: stage.world.revoke(stage.license_id),
    ),
    "revoke, repeated by a super-admin": Budget(
        lambda stage: stage.world.revoke(stage.license_id, OLIVIA),
        {"BatchGetItem": 1, "UpdateItem": 1},  # a read, which is on record
        rcu=2,
        wcu=2,
        before=lambda stage: stage.world.revoke(stage.license_id),
    ),
    "show a license": Budget(
        lambda stage: stage.get(f"/v1/licenses/{stage.license_id}"), {"GetItem": 2}, rcu=2
    ),
    "show an organization": Budget(
        lambda stage: stage.get("/v1/organizations/acme"), {"GetItem": 1}, rcu=1
    ),
    "show an organization to a super-admin": Budget(
        lambda stage: stage.get("/v1/organizations/acme", OLIVIA),
        {"GetItem": 1, "UpdateItem": 1},  # that is on record
        rcu=1,
        wcu=2,  # the entry joins an index
    ),
    "ignore an event of billing": Budget(
        lambda stage: bill(stage.world, 1, status="paused"),
        {"GetItem": 1, "UpdateItem": 1},
        rcu=1,
        wcu=2,
        before=lambda stage: bill(stage.world, 2),
    ),
    "list organizations": Budget(
        lambda stage: stage.get("/v1/organizations?limit=50", OLIVIA),
        {"Query": 1, "BatchGetItem": 1},
        rcu=50,  # beside the query's, which reads a small entry of each organization
        before=lambda stage: _more_organizations(stage, 59),
    ),
    "list a page of fifty": Budget(
        lambda stage: stage.get("/v1/organizations/acme/licenses?limit=50"),
        {"GetItem": 1, "Query": 1, "BatchGetItem": 1},
        rcu=51,  # beside the query's, which reads small entries eventually consistently
        before=lambda stage: bind(stage.world, "acme", 60),
    ),
    "summary of an organization": Budget(
        lambda stage: stage.get("/v1/organizations/acme/summary"),
        {"GetItem": 1, "Query": 1},
        rcu=1,  # beside the query's, which reads a small entry of each licence
        before=lambda stage: bind(stage.world, "acme", 60),
    ),
    "summary of all organizations": Budget(
        lambda stage: stage.get("/v1/summary", OLIVIA),
        {"Query": 1},
        before=lambda stage: _more_organizations(stage, 59),
    ),
    "statistics of an organization": Budget(
        lambda stage: stage.get("/v1/organizations/acme/statistics"),
        # The organization with its events, the licences and their events in the index, refusals.
        {"Query": 3, "BatchGetItem": 1},
        rcu=1,
        before=lambda stage: stage.world.validate(stage.key, MACHINE_B),
    ),
    "a page of activity": Budget(
        lambda stage: stage.get("/v1/organizations/acme/activity"),
        {"GetItem": 1, "Query": 5, "BatchGetItem": 1},
        rcu=62,
        before=lambda stage: bind(stage.world, "acme", 60),
    ),
    "search a page of fifty": Budget(
        lambda stage: stage.get("/v1/organizations/acme/licenses?search=pc-&limit=50"),
        # One query for each state, of up to a thousand small entries, until the page is full.
        {"GetItem": 1, "Query": 1, "BatchGetItem": 1},
        rcu=51,
        before=lambda stage: bind(stage.world, "acme", 60),
    ),
    "search for nothing that is there": Budget(
        lambda stage: stage.get("/v1/organizations/acme/licenses?search=nothing"),
        {"GetItem": 1, "Query": 5},
        rcu=1,
        before=lambda stage: bind(stage.world, "acme", 60),
    ),
    "sort a page of fifty by name": Budget(
        lambda stage: stage.get("/v1/organizations/acme/licenses?sort=computer_name&limit=50"),
        # One query for each state, of small entries; the records of the page alone.
        {"GetItem": 1, "Query": 5, "BatchGetItem": 1},
        rcu=51,
        before=lambda stage: bind(stage.world, "acme", 149),
    ),
    "sort a page of fifty by last seen": Budget(
        lambda stage: stage.get("/v1/organizations/acme/licenses?sort=-last_seen&limit=50"),
        # The records of all 150, a hundred at a time, and then those of the page.
        {"GetItem": 1, "Query": 5, "BatchGetItem": 3},
        rcu=201,
        before=lambda stage: bind(stage.world, "acme", 149),
    ),
    "change an organization": Budget(
        lambda stage: stage.world.put("acme", status="paused", version=1),
        {"GetItem": 1, "TransactWriteItems": 1},
        rcu=1,
        # Organization and event; the event joins an index, which shows the organization, too. It is
        # due since its registration.
        transactions=[Transaction(2, 4, 2)],
    ),
    "decide about its agents": Budget(
        lambda stage: govern(stage.world, block_clones=True),
        {"GetItem": 1, "TransactWriteItems": 1},
        rcu=1,
        transactions=[Transaction(2, 4, 1)],  # still due since its registration
    ),
    "generate a temporary license": Budget(
        lambda stage: generate(stage.world),
        {"GetItem": 1, "TransactWriteItems": 1},
        rcu=1,
        # Licence and event. Both join an index, and the licence the one by due time, too.
        transactions=[Transaction(2, 4, 3)],
    ),
    "generate a temporary license, with a key": Budget(
        lambda stage: generate(stage.world, idempotency_key="order-17"),
        {"BatchGetItem": 1, "TransactWriteItems": 1},
        rcu=2,
        transactions=[Transaction(3, 6, 3)],  # and the request
    ),
    "generate a temporary license, repeated": Budget(
        lambda stage: generate(stage.world, idempotency_key="order-17"),
        {"BatchGetItem": 1, "GetItem": 1, "UpdateItem": 1},  # a read, which is on record
        rcu=3,
        wcu=2,
        before=lambda stage: generate(stage.world, idempotency_key="order-17"),
    ),
    "search all organizations by name": Budget(
        lambda stage: _search(stage, "pc-"),
        # The index, the records of the page and their organizations. That is on record.
        {"Query": 1, "BatchGetItem": 2, "UpdateItem": 1},
        rcu=21,
        wcu=2,
        before=lambda stage: bind(stage.world, "acme", 60),
    ),
    "search all organizations by key": Budget(
        lambda stage: _search(stage, stage.key),
        {"GetItem": 1, "BatchGetItem": 1, "UpdateItem": 1},
        rcu=2,
        wcu=2,
    ),
    "search for a mistyped key": Budget(
        lambda stage: stage.world.request(
            "POST", "/v1/licenses/search", person=OLIVIA, json={"text": stage.key[:-1]}
        ),
        {},
    ),
    "events of all organizations": Budget(
        lambda stage: stage.get("/v1/events?type=AccessRefused", OLIVIA),
        # One query for each shard, of small entries; then the events. That is on record.
        {"Query": 8, "BatchGetItem": 1, "UpdateItem": 1},
        rcu=1,
        wcu=2,
        before=lambda stage: stage.world.validate(stage.key, MACHINE_B),
    ),
    "keys": Budget(lambda stage: stage.get("/.well-known/jwks.json"), {}),
    "contract": Budget(lambda stage: stage.get("/v1/openapi.json"), {}),
}


def measured(world: World, budget: Budget) -> Cost:
    """What the operation takes in a world in which nothing has happened yet."""
    world.register("acme")
    stage = Stage(world, world.login(ALICE).json)
    budget.before(stage)
    with metered(world) as cost:
        budget.operation(stage)
    return cost
