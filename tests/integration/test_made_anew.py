"""R9: the client in a container that is made anew on its volume, with the real service.

The volume keeps what the client keeps. Name and address are others at each start.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from licensing_agent import Configuration
from licensing_agent.lifecycle import Validate
from licensing_agent.storage.device_key import SoftwareKey
from tests.agent.driven import Driven
from tests.agent.in_process import HOST, Way
from tests.agent.process import ISSUER
from tests.agent.unit.test_machine import adapter, tree
from tests.integration.trail import events
from tests.world import AGENTS, ALICE, World

HALF = 43_200


@dataclass
class Volume:
    """A folder, and the containers that are made on it, one after the other."""

    way: Way
    place: Path
    terms: dict[str, Any] = field(default_factory=dict)
    first: int = 0
    """How many containers have been made elsewhere."""
    count: int = 0
    agent: Driven = field(init=False)

    def made_anew(self, *, address: str | None = None) -> Driven:
        """The next container: another name, and another address."""
        self.count = max(self.count, self.first) + 1
        if self.count > self.first + 1:
            self.agent.engine.close()
        self.agent = Driven(self.way)
        self.agent.signed_in = ALICE.token(AGENTS)
        self.agent.name = f"agent-7d9f{self.count:02}-x{self.count}k"
        drawn = f"5e:71:0c:9a:3d:{self.count:02x}"
        card = adapter("eth0", address or drawn, {"addr_assign_type": "0\n"})
        self.agent.root = tree(self.place / f"{self.count}", {".dockerenv": "", **card})
        device = self.agent.root / "sys/class/net/eth0/device"
        (device / "subsystem").symlink_to("../../bus/virtio")
        told: dict[str, Any] = {"url": f"http://{HOST}", "issuer": ISSUER, "use_keyring": False}
        told |= self.terms
        return self.agent.start(Configuration(folder=self.place / "volume", **told))


class Silent(SoftwareKey):
    """A vendor's key whose device does not answer."""

    def public_key(self) -> bytes:
        """See :class:`licensing_agent.storage.device_key.DeviceKey`."""
        raise OSError("no answer")


@pytest.fixture
def volume(world: World, tmp_path: Path) -> Iterator[Volume]:
    """A volume with an agent's licence on it, of an organization that has one seat."""
    world.register("acme", max_agents=1)
    made = Volume(Way(world), tmp_path)
    assert made.made_anew().check().license_state == "valid"
    yield made
    made.agent.engine.close()


def test_r09_a_container_keeps_its_license_however_often_it_is_made_anew(volume: Volume) -> None:
    world, license = volume.way.world, volume.agent.engine.status().license_id
    volume.agent.forget()
    for _ in range(8):
        world.clock.advance(HALF)
        status = volume.made_anew().check(at_once=True)
        assert (status.license_state, status.license_id) == ("valid", license)
    assert not [one for one in volume.way.requests if one.path == "/v1/licenses"]
    assert world.seats("acme") == 1
    assert events(world, "CloneSuspected") == []


def test_r16_it_begins_on_its_lease_while_the_service_is_out_of_reach(volume: Volume) -> None:
    volume.way.is_open = False
    until = volume.agent.engine.status().until
    for _ in range(3):
        status = volume.made_anew().check()
        assert (status.license_state, status.usable, status.until) == ("grace", True, until)
    volume.way.is_open = True
    assert volume.agent.check(at_once=True).license_state == "valid"
    assert volume.way.world.seats("acme") == 1


def test_r16_the_lease_is_over_when_it_is_over_however_often_it_is_made_anew(
    volume: Volume,
) -> None:
    volume.way.is_open = False
    volume.made_anew()
    volume.way.world.clock.advance(2 * HALF)
    assert volume.made_anew().check().license_state == "unreachable"


def test_r16_without_the_bound_device_key_it_begins_on_nothing(volume: Volume) -> None:
    volume.way.is_open = False
    (volume.place / "volume" / "device-key").unlink()
    status = volume.made_anew().check()
    assert not status.usable
    # The machine as it was needs no device key.
    volume.count = 0
    (volume.place / "1").rename(volume.place / "first")
    volume.agent.engine.close()
    assert volume.made_anew().check().license_state == "grace"


def test_r16_with_a_device_key_of_the_vendors_own_it_does_the_same(
    world: World, tmp_path: Path
) -> None:
    world.register("acme", max_agents=1)
    tpm = SoftwareKey(Ed25519PrivateKey.generate())
    volume = Volume(Way(world), tmp_path, {"device_key": tpm})
    assert volume.made_anew().check().license_state == "valid"
    volume.way.is_open = False
    assert volume.made_anew().check().license_state == "grace"
    volume.terms = {"device_key": SoftwareKey(Ed25519PrivateKey.generate())}
    assert not volume.made_anew().check().usable
    volume.terms = {"device_key": Silent(tpm.key)}
    assert not volume.made_anew().check().usable
    volume.terms = {"use_device_key": False}
    assert not volume.made_anew().check().usable
    volume.agent.engine.close()


def test_r09_a_volume_on_another_host_with_its_network_cards_begins_on_nothing(
    world: World, tmp_path: Path
) -> None:
    world.register("acme")
    volume = Volume(Way(world), tmp_path)
    assert volume.made_anew(address="3c:52:82:0a:1b:2c").check().license_state == "valid"
    volume.way.is_open = False
    assert not volume.made_anew(address="00:1b:63:84:45:e6").check().usable
    assert volume.made_anew().check().license_state == "grace"
    volume.agent.engine.close()


def test_r09_a_person_who_logs_in_on_the_volume_gets_the_same_license(volume: Volume) -> None:
    license = volume.agent.engine.status().license_id
    world = volume.way.world
    # Its licence's key is in the configuration, and what was kept of it is lost.
    volume.agent.engine.hurry()
    step = volume.agent.engine.step()
    assert isinstance(step, Validate)
    volume.terms = {"license_key": step.license.key}
    (volume.place / "volume" / "license").unlink()
    # The first container's agent must not write it again when it ends.
    vars(volume.agent.engine)["_is_closed"] = True
    world.clock.advance(60)
    status = volume.made_anew().check()
    assert (status.license_state, status.license_id) == ("valid", license), status
    assert world.seats("acme") == 1
