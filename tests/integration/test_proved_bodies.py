"""A proof signs the body of its request, byte by byte, however that reaches the service (R36)."""

import base64
import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from licensing.domain.dpop import NONCE_SECONDS
from tests.devices import Device, sent
from tests.integration.agents import HOST, LOGIN, VALIDATE, Agent
from tests.integration.answers import assert_problem
from tests.integration.leases import verified
from tests.integration.trail import but_notes, events
from tests.world import AGENTS, ALICE, MACHINE_A, MACHINE_B, Answer, Person, World

ROUTES = {LOGIN: "/v1/licenses", VALIDATE: "/v1/licenses/validate"}


@dataclass
class Prover:
    """An agent that writes its requests by hand."""

    agent: Agent
    device: Device

    @property
    def question(self) -> dict[str, Any]:
        """What it asks at a validation."""
        return {
            "license_key": self.agent.key,
            "organization_id": "acme",
            "machine": MACHINE_A,
            "nonce": "n-1",
            "lease": self.agent.lease,
        }

    def proof(self, body: bytes, url: str = VALIDATE, **other: Any) -> str:
        """A good proof of these bytes; `other` is how it is to be different."""
        credential = self.agent.key if url == VALIDATE else ALICE.token(AGENTS)
        self.agent.fresh_proof()
        return self.device.proof(url, credential, body, **other)

    def send(
        self,
        body: bytes,
        proof: str,
        *,
        kind: str | None = "application/json",
        url: str = VALIDATE,
        **more: str,
    ) -> Answer:
        """The answer to these bytes with this proof."""
        person: Person | None = ALICE if url == LOGIN else None
        headers = [("host", HOST), ("dpop", proof), *more.items()]
        headers += [("content-type", kind)] if kind is not None else []
        world = self.agent.world
        return world.request("POST", ROUTES[url], person=person, body=body, headers=headers)

    def deliver(self, proof: str, **changed: Any) -> Answer:
        """The answer to a validation as API Gateway may hand it over; None leaves a member out."""
        self.send(b"{}", proof)
        event: Mapping[str, Any] = {**self.agent.world.exchanges[-1].event, **changed}
        kept = {name: value for name, value in event.items() if value is not None}
        return self.agent.world.deliver("ValidateFunction", kept)


@pytest.fixture
def prover(world: World) -> Prover:
    """An agent of Acme's whose licence is bound to its device key, and that has a lease."""
    world.register("acme")
    device = Device()
    agent = Agent(world, device)
    assert agent.login().status == 201
    assert agent.code() == "VALID"
    return Prover(agent, device)


# -- what is exchanged on the way ------------------------------------------------------------------


def but_refusals(world: World) -> list[dict[str, Any]]:
    """Every item of the table, without the events that tell of a refusal."""
    told = {"S": "AccessRefused"}
    return [item for item in but_notes(world) if item.get("type") != told]


Exchange = Callable[[bytes], bytes]


def with_members(**other: Any) -> Exchange:
    """Other values in a body that is written as before."""
    return lambda body: sent({**json.loads(body), **other})


EXCHANGES: dict[str, Exchange] = {
    "nonce": with_members(nonce="n-2"),
    "no nonce": with_members(nonce=None),
    "a name": with_members(machine=MACHINE_A | {"computer_name": "ACME-PC-02"}),
    "an address more": with_members(
        machine=MACHINE_A | {"mac_addresses": ["3c:52:82:0a:1b:2c", "3c:52:82:0a:1b:2d"]}
    ),
    "no lease": with_members(lease=None),
    "an environment": with_members(environment="production"),
    "a version": with_members(agent_version="4.9.0.0"),
    "a blank more": lambda body: body + b" ",
    "a line feed more": lambda body: body + b"\n",
    "a blank less": lambda body: body.replace(b": ", b":", 1),
    "an order of members": lambda body: sent(dict(reversed(json.loads(body).items()))),
    "an escape": lambda body: body.replace(b"acme", b"acm\\u0065"),
    "letters of the key": lambda body: sent(
        {**json.loads(body), "license_key": json.loads(body)["license_key"].lower()}
    ),
}


def test_r36_whoever_exchanges_part_of_a_validation_spoils_its_proof(
    prover: Prover, subtests: pytest.Subtests
) -> None:
    world = prover.agent.world
    body = sent(prover.question)
    proof = prover.proof(body)
    before = but_refusals(world)
    for name, exchange in EXCHANGES.items():
        with subtests.test(name):
            other = exchange(body)
            assert other != body
            answer = prover.send(other, proof)
            assert (answer.status, answer.json["code"]) == (200, "PROOF_INVALID")
            assert (answer.json["license"], answer.json["lease"]) == (None, None)
            assert but_refusals(world) == before
    assert [event["reason"] for event in events(world, "AccessRefused")] == ["proof_invalid"]
    assert prover.send(body, proof).json["code"] == "VALID", "it has not counted"


def test_r36_whoever_exchanges_part_of_a_login_spoils_its_proof(
    prover: Prover, subtests: pytest.Subtests
) -> None:
    body = sent({"machine": MACHINE_A})
    proof = prover.proof(body, LOGIN)
    before = prover.agent.world.items()
    for other in (
        {"machine": MACHINE_B},
        {"machine": MACHINE_A, "environment": "staging"},
        {"machine": MACHINE_A, "agent_version": "4.3.0.12"},
        {"machine": MACHINE_A, "license_key": None},
    ):
        with subtests.test(str(other)):
            answer = prover.send(sent(other), proof, url=LOGIN)
            assert_problem(answer, 400, "invalid_request", "/headers/dpop")
            assert "made for another body" in answer.text
            assert prover.agent.world.items() == before
    assert prover.send(body, proof, url=LOGIN).status == 200


def test_r36_the_old_keys_proof_is_of_the_body_too(prover: Prover) -> None:
    body, old = sent({"machine": MACHINE_A}), prover.device
    prover.device = prover.agent.device = Device()
    proof = prover.proof(body, LOGIN)
    claims = {"nonce": prover.device.nonce, "cnf": {"jkt": prover.device.thumbprint}}
    token = ALICE.token(AGENTS)
    before = prover.agent.world.items()
    previous = old.proof(LOGIN, token, body + b" ", **claims)
    answer = prover.send(body, proof, url=LOGIN, **{"dpop-previous-key": previous})
    assert_problem(answer, 400, "invalid_request", "/headers/dpop-previous-key")
    previous = old.proof(LOGIN, token, body, **claims | {"nonce": "bGluay0x"})
    answer = prover.send(body, proof, url=LOGIN, **{"dpop-previous-key": previous})
    assert_problem(answer, 401, "use_dpop_nonce")
    assert prover.agent.world.items() == before
    previous = old.proof(LOGIN, token, body, **claims)
    answer = prover.send(body, proof, url=LOGIN, **{"dpop-previous-key": previous})
    assert answer.status == 200


def test_r36_a_proof_that_says_nothing_of_the_body_is_none(prover: Prover) -> None:
    question, login = sent(prover.question), sent({"machine": MACHINE_A})
    for htb in (None, "", 1, "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"):
        proof = prover.proof(question, htb=htb)
        assert prover.send(question, proof).json["code"] == "PROOF_INVALID"
        answer = prover.send(login, prover.proof(login, LOGIN, htb=htb), url=LOGIN)
        assert_problem(answer, 400, "invalid_request", "/headers/dpop")


# -- how bodies are written, and handed over -------------------------------------------------------

LAYOUTS: dict[str, Callable[[Any], bytes]] = {
    "without blanks": lambda value: json.dumps(value, separators=(",", ":")).encode(),
    "indented": lambda value: json.dumps(value, indent=2).encode(),
    "with a line feed": lambda value: json.dumps(value).encode() + b"\n",
    "with lines of another system": lambda value: (
        json.dumps(value, indent=1).replace("\n", "\r\n").encode()
    ),
    "in another order": lambda value: json.dumps(dict(reversed(value.items()))).encode(),
    "in letters": lambda value: json.dumps(value, ensure_ascii=False).encode(),
    "in escapes": lambda value: json.dumps(value).encode(),
}


def test_r36_a_body_is_proved_as_its_sender_writes_it(
    prover: Prover, subtests: pytest.Subtests
) -> None:
    named = MACHINE_A | {"computer_name": "B\xdcCHER-\N{ROCKET}"}
    for name, layout in LAYOUTS.items():
        with subtests.test(name):
            body = layout(prover.question | {"machine": named})
            assert prover.send(body, prover.proof(body)).json["code"] == "VALID"


def test_r36_a_body_is_proved_as_it_was_sent_whether_the_gateway_takes_it_for_text_or_not(
    prover: Prover, subtests: pytest.Subtests
) -> None:
    named = MACHINE_A | {"computer_name": "B\xdcCHER-\N{ROCKET}"}
    body = LAYOUTS["in letters"](prover.question | {"machine": named})
    for kind, is_base64 in (
        ("application/json", False),
        ("application/json; charset=utf-8", False),
        ("text/plain", False),
        ("application/octet-stream", True),
        ("application/x-www-form-urlencoded", True),
        ("application/vnd.acme+json", True),
    ):
        with subtests.test(kind):
            assert prover.send(body, prover.proof(body), kind=kind).json["code"] == "VALID"
            assert prover.agent.world.exchanges[-1].event["isBase64Encoded"] is is_base64
            # What stands in the event was not sent, and its hash is nobody's.
            proof = prover.proof(base64.b64encode(body) if is_base64 else body + b"\n")
            assert prover.send(body, proof, kind=kind).json["code"] == "PROOF_INVALID"


def test_r36_what_the_gateway_could_not_read_is_not_what_was_sent(prover: Prover) -> None:
    body = sent(prover.question).replace(b"ACME-PC-01", b"ACME-PC-\xff")
    answer = prover.deliver(prover.proof(body), body=body.decode(errors="replace"))
    assert answer.json["code"] == "PROOF_INVALID"


def test_r36_what_is_no_body_is_told_before_its_proof(
    prover: Prover, subtests: pytest.Subtests
) -> None:
    before = prover.agent.world.items()
    for body, is_base64 in (
        *((body, is_base64) for body in (None, "") for is_base64 in (False, True)),
        *((body, True) for body in ("{", "e30", "e-_0", "e30=\n")),
        ('{"nonce":"\ud83d"}', False),
    ):
        with subtests.test(repr(body)):
            answer = prover.deliver(prover.proof(b""), body=body, isBase64Encoded=is_base64)
            assert_problem(answer, 400, "invalid_request")
            assert "dpop-nonce" in answer.headers
    assert prover.agent.world.items() == before


def test_r36_a_proof_makes_no_json_of_what_is_none(
    prover: Prover, subtests: pytest.Subtests
) -> None:
    text = json.dumps(prover.question)
    before = prover.agent.world.items()
    for name, body in {
        "byte order mark": b"\xef\xbb\xbf" + text.encode(),
        "UTF-16": text.encode("utf-16"),
        "gzip": gzip.compress(text.encode()),
    }.items():
        with subtests.test(name):
            assert_problem(prover.send(body, prover.proof(body)), 400, "invalid_request")
    assert prover.agent.world.items() == before


# -- nonces ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", [VALIDATE, LOGIN])
def test_r36_who_needs_another_nonce_finds_it_in_the_body_as_well(prover: Prover, url: str) -> None:
    body = sent(prover.question if url == VALIDATE else {"machine": MACHINE_A})
    late = prover.proof(body, url)
    prover.agent.world.clock.advance(NONCE_SECONDS + 1)
    before = prover.agent.world.items()
    for proof in (late, prover.proof(body, url, nonce=None)):
        answer = prover.send(body, proof, url=url)
        assert_problem(answer, 401, "use_dpop_nonce")
        assert answer.json["dpop_nonce"] == answer.headers["dpop-nonce"]
    assert prover.agent.world.items() == before
    again = prover.proof(body, url, nonce=answer.json["dpop_nonce"])
    assert prover.send(body, again, url=url).status == 200


def test_r36_a_replay_is_told_the_nonce_in_the_body_as_well(prover: Prover) -> None:
    body = sent(prover.question)
    proof = prover.proof(body)
    assert prover.send(body, proof).json["code"] == "VALID"
    prover.agent.world.clock.advance(301)  # its nonce is too old by now
    answer = prover.send(body, proof)
    assert_problem(answer, 401, "use_dpop_nonce")
    assert answer.json["dpop_nonce"] == answer.headers["dpop-nonce"]


def test_r36_no_other_answer_has_a_nonce_in_its_body(prover: Prover) -> None:
    body = sent(prover.question)
    answers = [
        prover.send(body, prover.proof(body)),
        prover.send(body, "nonsense"),
        prover.send(b"{}", prover.proof(b"{}")),
        prover.send(b"{}", "nonsense", url=LOGIN),
    ]
    assert [answer.status for answer in answers] == [200, 200, 400, 400]
    for answer in answers:
        assert "dpop-nonce" in answer.headers
        assert "dpop_nonce" not in answer.text


def test_r36_a_login_takes_no_proof_over_a_lease(prover: Prover) -> None:
    body = sent({"machine": MACHINE_A})
    before = prover.agent.world.items()
    assert prover.agent.lease is not None
    link = verified(prover.agent.world, prover.agent.lease).claims["jti"]
    answer = prover.send(body, prover.proof(body, LOGIN, nonce=link), url=LOGIN)
    assert_problem(answer, 401, "use_dpop_nonce")
    assert prover.agent.world.items() == before
