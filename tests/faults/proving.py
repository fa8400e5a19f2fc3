"""What agents with device keys and leases do, each with the scene that it is done in.

They do as the protocol tells them: they prove anew where they are challenged, and repeat a request
with its nonce.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tests.devices import Device
from tests.faults.agents import ISSUE, VALIDATE, registered
from tests.faults.operation import Operation, Told, told
from tests.integration.agents import Agent
from tests.integration.policy import govern
from tests.world import World

HALF = 43_200
NONCE = "nonce-of-the-request"


@dataclass
class Scene:
    """An agent, and what it remembers at the beginning: its last lease and nonce."""

    agent: Agent
    lease: str | None = field(init=False)
    nonce: str | None = field(init=False)

    def __post_init__(self) -> None:
        self.lease = self.agent.lease
        self.nonce = self.agent.device.nonce if self.agent.device else None

    def rewind(self) -> None:
        """Let the agent forget what it was answered since."""
        self.agent.lease = self.lease
        if self.agent.device is not None:
            self.agent.device.nonce = self.nonce


# -- scenes ----------------------------------------------------------------------------------------


def _at_work(world: World, device: Device | None = None) -> Agent:
    """An agent in the second half of its third lease."""
    registered(world)
    agent = Agent(world, device)
    agent.login()
    for turn in range(3):
        assert agent.code(nonce=f"nonce-{turn}") == "VALID"
        world.clock.advance(HALF)
    return agent


def _leased(world: World) -> Scene:
    return Scene(_at_work(world))


def _proving(world: World) -> Scene:
    return Scene(_at_work(world, Device()))


def _with_a_new_key(world: World) -> Scene:
    return Scene(replace(_at_work(world, Device()), device=Device()))


def _without_its_key(world: World) -> Scene:
    return Scene(replace(_at_work(world, Device()), device=None))


def _learning_to_prove(world: World) -> Scene:
    return Scene(replace(_at_work(world), device=Device()))


def _restored(world: World) -> Scene:
    """The agent, from a backup of a while ago."""
    agent = _at_work(world)
    backup = replace(agent)
    assert agent.code(nonce="went-on") == "VALID"
    return Scene(backup)


def _cloned(world: World) -> Scene:
    """An agent beside a copy that has gone on from where both were."""
    agent = _at_work(world)
    copy = replace(agent, address="198.51.100.66")
    assert (agent.code(nonce="its-own"), copy.code(nonce="the-copys")) == ("VALID", "VALID")
    return Scene(agent)


def _cloned_and_blocked(world: World) -> Scene:
    scene = _cloned(world)
    govern(world, block_clones=True)
    return scene


# -- what they do ----------------------------------------------------------------------------------


def _validate(_: World, scene: Scene) -> Told:
    return told(scene.agent.validate(nonce=NONCE))


def _login(_: World, scene: Scene) -> Told:
    return told(scene.agent.login(nonce=NONCE))


def _operation(
    name: str, function: str, scene: Callable[[World], Scene], act: Callable[[World, Scene], Told]
) -> Operation:
    return Operation(name, function, scene, act, rewind=Scene.rewind)


OPERATIONS = (
    _operation("renewal", VALIDATE, _leased, _validate),
    _operation("proved validation", VALIDATE, _proving, _validate),
    _operation("validation without the device key", VALIDATE, _without_its_key, _validate),
    _operation("validation with another device key", VALIDATE, _with_a_new_key, _validate),
    _operation("return of an agent", VALIDATE, _restored, _validate),
    _operation("report of a clone", VALIDATE, _cloned, _validate),
    _operation("block of a clone", VALIDATE, _cloned_and_blocked, _validate),
    _operation("proved login", ISSUE, _proving, _login),
    _operation("login with another device key", ISSUE, _with_a_new_key, _login),
    _operation("login with a first device key", ISSUE, _learning_to_prove, _login),
    _operation("login without the device key", ISSUE, _without_its_key, _login),
)
