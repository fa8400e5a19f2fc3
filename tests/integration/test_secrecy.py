"""R35: no key, token, MAC address or machine id gets into a log, a metric, an event or the table.

Canaries go in through every field, header and path that can hold them, right and wrong; whatever
the service then says and stores is searched for them in every form in which they could be read.
"""

import json
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import product
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from botocore.exceptions import ClientError

from licensing.domain.errors import Misconfigured, Unavailable
from tests.devices import Device, b64, compact
from tests.integration import disguises, trail
from tests.integration.agents import VALIDATE, Agent
from tests.integration.policy import govern
from tests.integration.spoken import Spoken
from tests.local import stack
from tests.local.cast import billing_event
from tests.local.client import Answer as LocalAnswer
from tests.local.client import Client
from tests.local.story import Story
from tests.proof import Proof
from tests.world import ADA, AGENTS, ALICE, BORIS, OLIVIA, OPERATORS, Answer, Person, World

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnktb2YtYWxpY2UifQ.c2lnbmF0dXJlLW9mLWNhbmFyeQ"
MACHINE = {
    "machine_id": "c0ffee00-1bad-4b0b-8dad-5eed5ca1ab1e",
    "mac_addresses": ["3c:52:82:ca:7a:91", "A0-36-9F-CA-7A-92"],
    "computer_name": "CANARY-PC",
}
OTHER_MACHINE = {
    "machine_id": "deadbea7-2bad-4b0b-8dad-5eed5ca1ab1e",
    "mac_addresses": ["3c:52:82:ca:7a:93"],
    "computer_name": "OTHER-PC",
}
PRIVATE_PART = "cHJpdmF0ZS1wYXJ0LW9mLXRoZS1jYW5hcnk"
CANARIES = {
    TOKEN,
    PRIVATE_PART,
    *(part for part in TOKEN.split(".")),
    *(str(machine["machine_id"]) for machine in (MACHINE, OTHER_MACHINE)),
    *MACHINE["mac_addresses"],
    *OTHER_MACHINE["mac_addresses"],
    *(
        part
        for person, client in product((ADA, ALICE, BORIS, OLIVIA), (AGENTS, OPERATORS))
        for part in person.token(client).split(".")[1:]
    ),
}


def test_r35_nothing_secret_is_said_or_stored_through_an_agents_whole_life(
    world: World, spoken: Spoken
) -> None:
    secrets = set(CANARIES)
    _live(world, secrets)
    assert len(secrets) > len(CANARIES) + 5
    _assert_kept(world, spoken.taken(), secrets)


def test_r35_no_proof_nonce_or_lease_is_said_or_stored_whatever_becomes_of_it(
    world: World, spoken: Spoken
) -> None:
    world.register("acme")
    agent = Overheard(world, Device(), MACHINE)
    _prove(agent)
    for happened in ("CloneSuspected", "DeviceKeyPending", "DeviceKeyChanged"):
        assert trail.events(world, happened)
    assert len(agent.secrets) > 40
    _assert_kept(world, spoken.taken(), agent.secrets | CANARIES)


def test_r35_no_proof_nonce_or_lease_is_said_when_the_database_fails(
    world: World, spoken: Spoken
) -> None:
    world.register("acme")
    agent = Overheard(world, Device(), MACHINE)
    _prove(agent)
    for code, status in (("ThrottlingException", 400), ("ValidationException", 400)):
        for ask in (agent.validate, agent.login):
            with _failing(world, code, status):
                _say_what_a_runtime_would(ask)
    said = spoken.taken()
    assert "Traceback" in said
    _assert_kept(world, said, agent.secrets | CANARIES)


@dataclass
class Overheard(Agent):
    """An agent all of whose secrets are known."""

    secrets: set[str] = field(default_factory=set)

    def send(
        self,
        path: str,
        body: Any,
        proof: str | None,
        person: Person | None = None,
        previous: str | None = None,
    ) -> Answer:
        if self.device is not None:
            self.secrets.add(b64(self.device.key.private_bytes_raw()))
        for sent in filter(None, (proof, previous)):
            self.secrets |= {sent, *sent.split(".")[1:]}
        answer = super().send(path, body, proof, person, previous)
        self.secrets |= {*_secrets_in(body), *_secrets_in(answer.json)}
        self.secrets |= {answer.headers[name] for name in ("dpop-nonce",) if name in answer.headers}
        return answer


def _prove(agent: Overheard) -> None:
    """An agent's life with proofs and leases, right and wrong."""
    agent.login()
    for _ in range(3):
        agent.code()
        agent.world.clock.advance(43_200)
    assert agent.device is not None
    body = {"license_key": agent.key, "organization_id": "acme", "machine": MACHINE}
    replayed = agent.fresh_proof(body=body)
    for proof in (replayed, replayed, f"{replayed}x", replayed.replace(".", "..")):
        agent.send("/v1/licenses/validate", body, proof)
        agent.send("/v1/licenses", {"machine": MACHINE}, proof, ALICE)
    shown = agent.device.header(jwk={**agent.device.jwk, "d": PRIVATE_PART})
    claims = agent.device.claims(VALIDATE, agent.key, body)
    agent.send("/v1/licenses/validate", body, compact(shown, claims, agent.device.key))
    agent.code(lease=None)
    agent.code(lease=f"{agent.lease}x")
    bound, agent.device = agent.device, Device()
    agent.code()
    agent.login()
    agent.login_after(bound)
    agent.code()
    govern(agent.world, block_clones=True)
    agent.code(lease=None)
    agent.code()


def test_r35_what_is_sent_in_the_wrong_place_is_not_said_either(
    world: World, spoken: Spoken
) -> None:
    secrets = set(CANARIES)
    key = _live(world, secrets)
    for secret in (key, key.lower(), key.replace("-", ""), *sorted(CANARIES)):
        for person in (None, ADA, BORIS, OLIVIA):
            _misplace(world, secret, person)
    _assert_kept(world, spoken.taken(), secrets)


@pytest.mark.proof
def test_r35_nothing_secret_is_said_stored_or_sent_through_the_story_of_every_rule(
    spoken: Spoken, monkeypatch: pytest.MonkeyPatch, proof: Proof
) -> None:
    monkeypatch.delenv("DYNAMODB_ENDPOINT", raising=False)
    with stack.running() as up, closing(Listener(up.url)) as client:
        Story(client, lambda _: None).tell()
        broken = billing_event("coop", "some day", "active", 1)
        client.call("POST", "/_local/bus", broken).expect(202)
        events = client.call("GET", "/_local/bus")["events"]
        letters = client.call("GET", "/_local/dead-letters").body
        database = boto3.client("dynamodb")
        stored = [
            item
            for table in database.list_tables()["TableNames"]
            for item in database.scan(TableName=table)["Items"]
        ]
    said = spoken.taken()
    places = {
        "log and metrics": said,
        "table": disguises.printed(stored),
        "events": disguises.printed(events),
        "dead letters": disguises.printed([letters]),
    }
    assert said.count('"outcome":"') > 50
    assert len(events) > 40
    assert "InvalidInput" in places["dead letters"]
    assert len(client.secrets) > 100
    for name, text in places.items():
        assert disguises.seen_in(text, client.secrets) == set(), name
    # What is searched for can be found: the last key, told once.
    spoken.logged.write(next(iter(client.secrets)).lower())
    assert disguises.seen_in(spoken.taken(), client.secrets)
    proof.found(
        f"{len(client.secrets)} keys, tokens, MAC addresses and machine ids in all spellings; "
        f"none in {len(said.splitlines())} lines of log and metrics, {len(stored)} items, "
        f"{len(events)} events or a dead letter",
        planted="a key in lower case in the log, found",
        is_random=False,
    )


class Listener(Client):
    """A client that remembers every secret that it sends or receives."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.secrets: set[str] = set()

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> LocalAnswer:
        answer = super().call(method, path, body, **more)
        self.secrets |= {*_secrets_in(body), *_secrets_in(answer.body)}
        if more.get("token"):
            self.secrets |= {more["token"], more["token"].rpartition(".")[2]}
        return answer


_SECRET_NAMES = {
    *("license_key", "LicenseKey", "token", "IdToken", "AccessToken", "RefreshToken", "PASSWORD"),
    *("machine_id", "mac_addresses", "MacId", "password"),
}


def _secrets_in(value: Any, *, within: bool = False) -> Iterator[str]:
    """The texts that stand under a name of a secret."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _secrets_in(part, within=within or name in _SECRET_NAMES)
    elif isinstance(value, list):
        for part in value:
            yield from _secrets_in(part, within=within)
    elif within and isinstance(value, str) and value:
        yield value


def test_r35_nothing_secret_is_said_when_the_database_fails(
    world: World, spoken: Spoken, subtests: pytest.Subtests
) -> None:
    secrets = set(CANARIES)
    key = _live(world, secrets)
    failures = {
        "busy": ("ThrottlingException", 400),
        "down": ("InternalServerError", 500),
        "denied": ("AccessDeniedException", 400),
        "invalid": ("ValidationException", 400),
    }
    for name, (code, status) in failures.items():
        for number, call in enumerate(_calls(world, key)):
            with subtests.test(f"{name} {number}"), _failing(world, code, status):
                _say_what_a_runtime_would(call)
    said = spoken.taken()
    assert '"outcome":"unavailable"' in said
    assert "Traceback" in said
    _assert_kept(world, said, secrets)


def test_r35_a_broken_secret_is_reported_without_its_text(world: World, spoken: Spoken) -> None:
    client, secret_id = boto3.client("secretsmanager"), world.runtime.settings.secret_id
    world.register("acme")
    key = world.login(ALICE, MACHINE).json["license_key"]
    good = json.loads(client.get_secret_value(SecretId=secret_id)["SecretString"])
    canaries = {good["1"], "canary-of-the-secret"}
    for broken in (
        "canary-of-the-secret",
        json.dumps([good["1"]]),
        json.dumps({good["1"]: good["1"]}),
        json.dumps(good | {"2": "canary-of-the-secret"}),
    ):
        client.put_secret_value(SecretId=secret_id, SecretString=broken)
        world.clock.advance(901)
        with pytest.raises(Misconfigured) as raised:
            world.validate(key, MACHINE)
        traceback.print_exception(raised.value)
    _assert_kept(world, spoken.taken(), canaries | CANARIES | {key})


def test_r35_the_search_finds_a_secret_in_every_disguise() -> None:
    mac, key = "3c:52:82:ca:7a:91", "ABCDE-FGH10-23456"
    hidden = [
        "mac=3C-52-82-CA-7A-91 seen".replace("-", ""),
        "eCA8UoLKepEg",  # base64 of the address's six bytes, inside something longer
        "3c528 2ca7a91".replace(" ", ""),
        quote(mac, safe=""),
        mac.encode().hex(),
    ]
    assert [disguises.seen_in(text, [mac]) for text in hidden] == [{mac}] * len(hidden)
    assert disguises.seen_in("key=abcdefgh1023456", [key]) == {key}
    assert disguises.seen_in(disguises.printed([{"B": bytes.fromhex("003c5282ca7a9100")}]), [mac])
    assert disguises.seen_in(disguises.printed([{"S": "nothing of it"}]), [mac, key]) == set()


def _live(world: World, secrets: set[str]) -> str:
    """An agent's life with its refusals; its keys and leases join `secrets`. Returns a key."""
    world.register("acme", seconds=5000)
    world.register("bolt")
    first = _send(world, "POST", "/v1/licenses", ALICE, {"machine": MACHINE})
    _send(world, "POST", "/v1/licenses", ALICE, {"machine": MACHINE})
    _send(world, "POST", "/v1/licenses", BORIS, {"machine": MACHINE})
    staging = _send(
        world, "POST", "/v1/licenses", ALICE, {"machine": MACHINE, "environment": "staging"}
    )
    _send(world, "POST", "/v1/licenses", None, {"machine": MACHINE})
    _send(world, "POST", "/v1/licenses", Person("x", None), {"machine": MACHINE})
    key = first.json["license_key"]
    world.clock.advance(1000)
    renamed = MACHINE | {"computer_name": "RENAMED-PC"}
    answers = [
        _validate(world, key, machine, organization_id)
        for machine, organization_id in (
            (MACHINE, "acme"),
            (renamed, "acme"),
            (OTHER_MACHINE, "acme"),
            (MACHINE, "bolt"),
            (MACHINE, "nobody"),
        )
    ]
    _send(world, "GET", f"/v1/licenses/{first.json['license']['id']}", ADA)
    _send(world, "GET", "/v1/organizations/acme/licenses", ADA)
    for text in (key, key[:-1], f"License key: {key.lower()}"):
        _send(world, "POST", "/v1/licenses/search", OLIVIA, {"text": text})
    _send(world, "GET", "/v1/events", OLIVIA)
    revoke = f"/v1/licenses/{staging.json['license']['id']}/revoke"
    _send(world, "POST", revoke, BORIS)
    _send(world, "POST", revoke, ADA)
    answers.append(_validate(world, staging.json["license_key"], MACHINE, "acme"))
    world.clock.advance(5000)
    answers.append(_validate(world, key, MACHINE, "acme"))
    world.sweep()
    world.change("acme")
    world.sweep()
    issued = [first.json, staging.json]
    secrets |= {answer["license_key"] for answer in issued}
    secrets |= {answer["lease"]["token"] for answer in issued}
    secrets |= {answer.json["lease"]["token"] for answer in answers if answer.json["lease"]}
    return str(key)


def _misplace(world: World, secret: str, person: Person | None) -> None:
    """Send a secret wherever a request has room for one."""
    in_path = quote(secret, safe="")
    machine = {"machine_id": secret, "mac_addresses": [secret], "computer_name": "PC"}
    for path in ("/v1/licenses/{}", "/v1/organizations/{}", "/v1/organizations/{}/licenses"):
        _send(world, "GET", path.format(in_path), person)
    for name in ("cursor", "status", "limit", "environment", "key"):
        _send(world, "GET", f"/v1/organizations/acme/licenses?{name}={in_path}", person)
    _send(world, "POST", f"/v1/licenses/{in_path}/revoke", person, {secret: secret})
    _send(world, "POST", f"/v1/licenses/{in_path}/revoke", person)
    _send(world, "PUT", f"/v1/organizations/{in_path}", person, {"name": secret})
    for body in (
        {"license_key": secret, "organization_id": secret, "machine": secret, "nonce": [secret]},
        {"license_key": [secret], "organization_id": "acme", "machine": {secret: secret}},
        {"license_key": secret + "0", "organization_id": "acme", "machine": machine},
        secret,
        [secret],
    ):
        _send(world, "POST", "/v1/licenses", person, body)
        _send(world, "POST", "/v1/licenses/validate", None, body)
    for searched in ({"text": secret}, {"text": secret[:200]}, {"text": "x", "cursor": secret}):
        _send(world, "POST", "/v1/licenses/search", person, searched)
    for raw in (secret.encode(), f'{{"license_key": "{secret}'.encode(), secret.encode("utf-16")):
        world.request("POST", "/v1/licenses/validate", body=raw, headers=_headers())


def _calls(world: World, key: str) -> list[Callable[[], object]]:
    """One request of each kind, and the sweep."""
    license_id = "lic_0000000000000000"
    return [
        lambda: _send(world, "POST", "/v1/licenses", ALICE, {"machine": MACHINE}),
        lambda: _send(world, "POST", "/v1/licenses", ALICE, {"machine": OTHER_MACHINE}),
        lambda: _validate(world, key, MACHINE, "acme"),
        lambda: _send(world, "POST", f"/v1/licenses/{license_id}/revoke", ADA),
        lambda: _send(world, "GET", f"/v1/licenses/{license_id}", ADA),
        lambda: _send(world, "GET", "/v1/organizations/acme/licenses", ADA),
        lambda: _send(world, "GET", "/v1/organizations/acme", ADA),
        lambda: world.put("acme"),
        world.sweep,
    ]


def _validate(world: World, key: str, machine: Mapping[str, Any], organization_id: str) -> Answer:
    body = {"license_key": key, "organization_id": organization_id, "machine": machine}
    return _send(world, "POST", "/v1/licenses/validate", None, body)


def _send(
    world: World, method: str, target: str, person: Person | None, body: Any = None
) -> Answer:
    return world.request(method, target, person=person, json=body, headers=_headers(person))


def _headers(person: Person | None = None) -> list[tuple[str, str]]:
    # Whoever is somebody shows a token of their own.
    stray = [] if person else [("authorization", f"Bearer {TOKEN}")]
    return [
        *stray,
        ("cookie", f"session={TOKEN}"),
        ("user-agent", f"agent/4.5 ({MACHINE['machine_id']})"),
        ("x-machine", str(MACHINE["mac_addresses"][0])),
    ]


@contextmanager
def _failing(world: World, code: str, status: int) -> Iterator[None]:
    """Each call to DynamoDB ends in an error that repeats what was sent."""

    def fail(params: Mapping[str, Any], **_: Any) -> Any:
        sent = params["body"] if isinstance(params["body"], str) else params["body"].decode()
        error = {"Code": code, "Message": f"The request failed: {sent}"}
        metadata = {"HTTPStatusCode": status, "RetryAttempts": 0}
        return SimpleNamespace(status_code=status), {"Error": error, "ResponseMetadata": metadata}

    events = world.runtime.dynamodb.meta.events
    events.register("before-call.dynamodb", fail)
    try:
        yield
    finally:
        events.unregister("before-call.dynamodb", fail)


def _say_what_a_runtime_would(call: Callable[[], object]) -> None:
    """Lambda writes the traceback of an error that a handler raises to the log."""
    try:
        call()
    except (ClientError, Unavailable):
        traceback.print_exc()


def _assert_kept(world: World, said: str, secrets: set[str]) -> None:
    assert '"_aws":' in said, "what functions say is heard"
    assert disguises.seen_in(said, secrets) == set()
    assert disguises.seen_in(disguises.printed(world.items()), secrets) == set()
