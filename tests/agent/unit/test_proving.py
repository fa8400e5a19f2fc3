"""Both clients prove their device key: with the service's nonce, and again where it asks."""

import json
from pathlib import Path
from typing import Any

import pytest

from licensing_agent import Configuration, KeyLocked
from licensing_agent.machine import identity
from licensing_agent.machine.sources import Platform
from licensing_agent.proof import thumbprint
from licensing_agent.storage.device_key import SoftwareKey
from licensing_agent.storage.encrypted_file import Trouble
from licensing_agent.storage.store import Store
from tests.agent.service import Service, refused
from tests.agent.unit.test_client import TOKEN, Agent
from tests.agent.unit.test_client import agent as agent  # noqa: PLC0414 - a fixture
from tests.agent.unit.test_client import service as service  # noqa: PLC0414 - a fixture
from tests.agent.unit.test_client import told as told  # noqa: PLC0414 - a fixture
from tests.devices import Device
from tests.local.events import Request, Response
from tests.local.server import Server
from tests.unit.domain.test_lease import unb64


def challenge(nonce: str) -> Response:
    return Response.of_json(
        401,
        {"code": "use_dpop_nonce", "detail": "Once more."},
        ("www-authenticate", 'DPoP error="use_dpop_nonce"'),
        ("dpop-nonce", nonce),
    )


def proof(request: Request) -> dict[str, Any]:
    token = request.header("dpop")
    assert token is not None
    header, claims, _ = (unb64(part) for part in token.split("."))
    found: dict[str, Any] = json.loads(claims) | {"x": json.loads(header)["jwk"]["x"]}
    return found


def test_login_and_validation_are_proved_with_one_key_and_a_new_id_each(
    agent: Agent, service: Service, told: dict[str, Any]
) -> None:
    agent.start(Configuration(**told)).check()
    keys, login, validation = service.requests
    proofs = [proof(login), proof(validation)]
    assert [one["htu"] for one in proofs] == [
        f"{service.url}/v1/licenses",
        f"{service.url}/v1/licenses/validate",
    ]
    key = json.loads(validation.body)["license_key"]
    device = Device()
    assert [one["ath"] for one in proofs] == [
        device.claims("", credential, b"")["ath"] for credential in (TOKEN, key)
    ]
    assert len({one["jti"] for one in proofs}) == 2
    assert proofs[0]["x"] == proofs[1]["x"]
    assert keys.header("dpop") is None


def test_the_key_outlives_the_process(agent: Agent, service: Service, told: dict[str, Any]) -> None:
    agent.start(Configuration(**told)).check()
    agent.close()
    again = Agent(asynchronous=agent.asynchronous)
    again.start(Configuration(**told)).check()
    again.close()
    assert proof(service.requests[1])["x"] == proof(service.requests[-1])["x"]
    agent.__init__(asynchronous=agent.asynchronous)  # type: ignore[misc]


def test_where_the_service_asks_the_request_is_repeated_with_its_nonce(
    agent: Agent, service: Service, told: dict[str, Any]
) -> None:
    agent.start(Configuration(**told)).check()
    service.requests.clear()
    service.answers.append(challenge("nonce-2"))
    assert agent.check(at_once=True).license_state == "valid"
    first, second = service.requests
    assert first.body == second.body  # the same question, with the same nonce
    assert "nonce" not in proof(first)
    assert proof(second)["nonce"] == "nonce-2"
    assert proof(second)["jti"] != proof(first)["jti"]
    assert [name for name, _ in agent.told] == ["valid"]


def test_the_newest_nonce_is_used_from_then_on(
    agent: Agent, service: Service, told: dict[str, Any]
) -> None:
    service.answers.append(challenge("nonce-1"))
    agent.start(Configuration(**told)).check()
    assert [proof(one).get("nonce") for one in service.requests[1:]] == [
        None,
        "nonce-1",
        "nonce-1",
    ]


def test_a_service_that_never_takes_a_proof_is_no_refusal(
    agent: Agent, service: Service, told: dict[str, Any]
) -> None:
    agent.start(Configuration(**told)).check()
    service.requests.clear()
    service.answers += [challenge(f"nonce-{turn}") for turn in range(9)]
    status = agent.check(at_once=True)
    assert (status.license_state, status.usable) == ("grace", True)
    assert status.message == "The service does not accept proofs of the device key."
    assert len(service.requests) == 3


def test_an_agent_can_go_without(agent: Agent, service: Service, told: dict[str, Any]) -> None:
    agent.start(Configuration(**told, use_device_key=False)).check()
    assert all(request.header("dpop") is None for request in service.requests)
    assert not (told["folder"] / "device-key").exists()


def test_a_vendors_own_key_is_used_instead(
    agent: Agent, service: Service, told: dict[str, Any]
) -> None:
    mine = Device()
    agent.start(Configuration(**told, device_key=SoftwareKey(mine.key))).check()
    assert proof(service.requests[1])["x"] == mine.jwk["x"]
    assert thumbprint(SoftwareKey(mine.key)) == mine.thumbprint
    assert not (told["folder"] / "device-key").exists()


def test_a_key_that_was_lost_is_told_and_replaced_by_the_next_login(
    agent: Agent, service: Service, told: dict[str, Any]
) -> None:
    agent.start(Configuration(**told)).check()
    agent.close()
    (told["folder"] / "device-key").write_bytes(b"torn")
    again = Agent(asynchronous=agent.asynchronous)
    again.start(Configuration(**told))
    status = again.check(at_once=True)
    assert status.license_state == "valid"
    assert "The device key was lost" in str(status.storage)
    again.close()
    agent.__init__(asynchronous=agent.asynchronous)  # type: ignore[misc]
    assert proof(service.requests[1])["x"] != proof(service.requests[-1])["x"]


def test_another_key_than_at_the_login_is_told_until_somebody_logs_in(
    agent: Agent, service: Service, told: dict[str, Any]
) -> None:
    agent.start(Configuration(**told)).check()
    agent.close()
    (told["folder"] / "device-key").unlink()
    again = Agent(asynchronous=agent.asynchronous)
    again.start(Configuration(**told))
    assert again.client.status.storage is None
    assert "another one than at the login" in str(again.check(at_once=True).storage)
    service.answers.append(refused("PROOF_INVALID", "login"))
    status = again.check(at_once=True)
    assert (status.license_state, status.storage) == ("valid", None)
    assert service.paths.count("licenses") == 2
    again.close()
    agent.__init__(asynchronous=agent.asynchronous)  # type: ignore[misc]


def test_a_vendors_key_that_does_not_answer_leaves_the_agent_on_its_lease(
    agent: Agent, service: Service, told: dict[str, Any]
) -> None:
    class Chip(SoftwareKey):
        trouble: Exception | None = None

        def sign(self, data: bytes) -> bytes:
            if Chip.trouble is not None:
                raise Chip.trouble
            return super().sign(data)

    agent.start(Configuration(**told, device_key=Chip(Device().key))).check()
    asked = len(service.requests)
    for Chip.trouble in (OSError("the chip is away"), KeyLocked("the chip is away")):
        status = agent.check(at_once=True)
        assert (status.license_state, status.usable) == ("grace", True)
        assert "the chip is away" in str(status.message)
    assert len(service.requests) == asked
    Chip.trouble = None
    assert agent.check(at_once=True).license_state == "valid"


def test_all_that_is_wrong_with_what_is_kept_is_told(agent: Agent, told: dict[str, Any]) -> None:
    agent.start(Configuration(**told))
    for name in ("license", "device-key"):
        (told["folder"] / name).mkdir()
    status = agent.check()
    assert status.usable
    assert status.storage == (
        f"{Trouble.NO_FILE} The device key cannot be stored: {Trouble.NO_FILE} "
        f"{told['folder'] / 'license'} cannot be written: Is a directory."
    )


@pytest.mark.parametrize("nonce", ["", "x" * 257, 'a"b', "a b", "\xe9"])
def test_what_is_no_nonce_is_not_carried_on(
    agent: Agent, service: Service, told: dict[str, Any], nonce: str
) -> None:
    service.answers.append(challenge("nonce-1"))
    service.answers.append(Response.of_json(503, {}, ("dpop-nonce", nonce)))
    agent.start(Configuration(**told)).check()
    agent.check(at_once=True)
    assert proof(service.requests[3])["nonce"] == "nonce-1"


def test_a_proof_names_the_address_as_it_is_sent(tmp_path: Path) -> None:
    service = Configuration(url="https://b\xfccher.example/x/", issuer="urn:x", folder=tmp_path)
    assert service.address("/v1/licenses") == "https://xn--bcher-kva.example/x/v1/licenses"


def test_what_is_asked_with_is_on_the_disk_before_it_is_asked(
    agent: Agent, service: Service, told: dict[str, Any]
) -> None:
    """A process that is killed at that moment starts with what was there."""
    there = []

    def looked(request: Request) -> Response:
        if request.body:
            platform = Platform(system="Linux", root=Path("/nowhere"), name=lambda: agent.name)
            secret = identity.read(platform, folder=told["folder"]).secret
            kept = Store(told["folder"], secret, None).read().kept
            there.append({"nonce": kept.asked, "lease": kept.link})
        return service.answer(request)

    server = Server(looked)
    agent.start(Configuration(**told | {"url": server.url}))
    agent.check()
    service.answers.append(refused("REVOKED", "login"))
    for _ in range(2):
        agent.check(at_once=True)
    server.stop()
    bodies = [json.loads(one.body) for one in service.requests if one.body]
    assert [{name: body[name] for name in ("nonce", "lease")} for body in bodies] == there
    assert len(there) == 6


@pytest.mark.parametrize("lost", ["the question", "the answer"])
def test_what_is_asked_again_is_asked_with_the_same_nonce_and_lease(
    agent: Agent, service: Service, told: dict[str, Any], lost: str
) -> None:
    agent.start(Configuration(**told)).check()
    service.requests.clear()
    answer = Response.of_json(502 if lost == "the answer" else 503, {})
    service.answers.append(answer)
    agent.check(at_once=True)
    agent.check(at_once=True)
    agent.check(at_once=True)
    asked = [json.loads(request.body) for request in service.requests]
    assert asked[0] == asked[1]
    assert asked[2]["nonce"] != asked[1]["nonce"]
    assert asked[2]["lease"] != asked[1]["lease"]
