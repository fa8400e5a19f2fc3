"""R20, R36: whatever happens on the way, an agent keeps its licence; dissociated, it comes back.

The client as it is, with the real service.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.agent.in_process import Way
from tests.integration.test_made_anew import HALF, Volume
from tests.integration.trail import events
from tests.local.events import Request, Response
from tests.world import ADA, AGENTS, ALICE, Person, World

MINUTES = 900


@dataclass
class Proxied(Way):
    """A way on which something drops headers of requests and answers, and changes bodies."""

    drops: frozenset[str] = frozenset()
    changes: Mapping[bytes, bytes] = field(default_factory=dict)
    is_stale: bool = False

    def answer(self, request: Request) -> Response:
        """One request, as it arrives there; and its answer, as it arrives here."""
        if self.is_stale and request.header("authorization"):
            return Response.of_json(401, {"message": "Unauthorized"})
        headers = [pair for pair in request.headers if pair[0] not in self.drops]
        body = request.body
        for before, after in self.changes.items():
            body = body.replace(before, after)
        answered = super().answer(replace(request, headers=headers, body=body))
        told = [pair for pair in answered.headers if pair[0].lower() not in self.drops]
        return Response(answered.status, told, answered.body)


def validations(way: Way) -> list[dict[str, Any]]:
    """What has been asked for at validations."""
    path = "/v1/licenses/validate"
    return [json.loads(one.body) for one in way.requests if one.path == path]


@pytest.fixture
def way(world: World) -> Proxied:
    """The way to a service where an organization has one seat."""
    world.register("acme", max_agents=1)
    return Proxied(world)


@pytest.fixture
def volume(way: Proxied, tmp_path: Path) -> Iterator[Volume]:
    """An agent with a licence."""
    made = Volume(way, tmp_path)
    assert made.made_anew().check().license_state == "valid"
    yield made
    made.agent.engine.close()


@pytest.mark.parametrize(
    ("drops", "changes"),
    [
        (frozenset({"dpop"}), {}),
        (frozenset({"dpop", "dpop-nonce"}), {}),
        (frozenset(), {b'"agent_version":null': b'"agent_version":"9.9"'}),
        (frozenset(), {b'"production"': b'"production "'}),
    ],
    ids=["no proof", "neither proof nor nonce", "a changed member", "a changed environment"],
)
def test_r36_a_way_that_takes_the_proof_out_ends_nothing_and_the_agent_comes_back_by_itself(
    volume: Volume, way: Proxied, drops: frozenset[str], changes: Mapping[bytes, bytes]
) -> None:
    agent, before = volume.agent, volume.agent.engine.status()
    agent.signed_in = None
    way.drops, way.changes = drops, changes
    for _ in range(20):
        way.world.clock.advance(MINUTES)
        status = agent.check(at_once=True)
        assert (status.license_state, status.until) == ("grace", before.until)
        assert "proof" in str(status.message)
    assert agent.killed().check().usable
    way.drops, way.changes = frozenset(), {}
    way.world.clock.advance(MINUTES)
    status = agent.check()
    assert (status.license_state, status.license_id) == ("valid", before.license_id)
    assert way.world.seats("acme") == 1
    assert events(way.world, "CloneSuspected") == []


def test_r36_when_the_lease_is_over_a_person_is_asked_and_the_key_is_tried_beside(
    volume: Volume, way: Proxied
) -> None:
    agent, license = volume.agent, volume.agent.engine.status().license_id
    agent.signed_in = None
    way.drops = frozenset({"dpop"})
    way.world.clock.advance(2 * HALF + 1)
    assert agent.check(at_once=True).license_state == "unreachable"
    way.drops = frozenset()
    for _ in range(30):
        way.world.clock.advance(60)
        status = agent.check()
    assert (status.license_state, status.license_id) == ("valid", license)


def test_the_answers_header_with_the_nonce_is_dropped_and_the_agent_logs_in(
    way: Proxied, tmp_path: Path
) -> None:
    way.drops = frozenset({"dpop-nonce"})
    made = Volume(way, tmp_path)
    assert made.made_anew().check().license_state == "valid"
    way.world.clock.advance(2 * HALF + 1)
    assert made.agent.check(at_once=True).license_state == "valid"
    made.agent.engine.close()


def test_r20_dissociated_and_logged_in_again_here_it_is_the_license_that_it_was(
    volume: Volume, way: Proxied
) -> None:
    agent, license = volume.agent, str(volume.agent.engine.status().license_id)
    world = way.world
    wanted = {"label": "Hall 3", "primary": True}
    place, body = f"/v1/licenses/{license}", json.dumps(wanted).encode()
    assert world.request("PATCH", place, person=ADA, body=body).status == 200
    assert world.act("dissociate", license).status == 200
    agent.signed_in = None
    world.clock.advance(HALF)
    assert agent.check(at_once=True).code == "DISSOCIATED"
    again = agent.killed()
    assert again.check().code == "DISSOCIATED"
    again.signed_in = ALICE.token(AGENTS)
    world.clock.advance(60)
    status = again.check()
    assert (status.license_state, status.license_id) == ("valid", license)
    shown = world.request("GET", place, person=ADA).json["license"]
    assert (shown["label"], shown["primary"]) == ("Hall 3", True)
    assert world.seats("acme") == 1


def test_r20_a_key_that_another_machine_has_by_now_is_left_out_at_the_next_login(
    volume: Volume, way: Proxied, tmp_path: Path
) -> None:
    world, license = way.world, str(volume.agent.engine.status().license_id)
    key = str(validations(way)[-1]["license_key"])
    world.change("acme", max_agents=2)
    assert world.act("dissociate", license).status == 200
    other = Volume(way, tmp_path / "other", {"license_key": key}, first=5)
    assert other.made_anew().check().license_id == license
    world.clock.advance(HALF)
    for _ in range(3):
        status = volume.agent.check(at_once=True)
        world.clock.advance(60)
    assert status.license_state == "valid"
    assert status.license_id != license
    other.agent.engine.close()


def test_a_token_that_is_stale_is_asked_for_again_within_a_minute(
    way: Proxied, tmp_path: Path
) -> None:
    way.is_stale = True
    made = Volume(way, tmp_path)
    assert made.made_anew().check().code == "unauthorized"
    way.is_stale = False
    way.world.clock.advance(60)
    assert made.agent.check().license_state == "valid"
    made.agent.engine.close()


def test_r20_what_the_way_changes_at_a_login_does_not_have_the_key_left_out(
    volume: Volume, way: Proxied
) -> None:
    agent, license = volume.agent, str(volume.agent.engine.status().license_id)
    assert way.world.act("dissociate", license).status == 200
    way.world.clock.advance(HALF)
    way.changes = {b'"agent_version":null': b'"agent_version":"9.9"'}
    agent.check(at_once=True)
    way.world.clock.advance(60)
    assert agent.check(at_once=True).license_id == license
    way.changes = {}
    for _ in range(20):
        way.world.clock.advance(60)
        status = agent.check()
    assert (status.license_state, status.license_id) == ("valid", license)


def test_another_issuer_is_told_before_a_seat_is_taken(way: Proxied, tmp_path: Path) -> None:
    made = Volume(way, tmp_path, {"issuer": "urn:licensing:another"})
    status = made.made_anew().check()
    assert (status.license_state, status.usable) == ("signed_out", False)
    assert "correct the agent's issuer" in str(status.message)
    assert way.world.seats("acme") == 0
    made.agent.engine.close()


def test_a_login_that_is_refused_leaves_a_lease_that_holds(volume: Volume, way: Proxied) -> None:
    agent, before = volume.agent, volume.agent.engine.status()
    # Its device key is another one by now, so that a person is asked to log in.
    (volume.place / "volume" / "device-key").unlink()
    again = agent.killed()
    way.person = Person("eve", "stranger")
    again.signed_in = way.person.token(AGENTS)
    for _ in range(4):
        way.world.clock.advance(MINUTES)
        status = again.check(at_once=True)
        assert (status.license_state, status.until) == ("grace", before.until)
        assert status.license_id == before.license_id
    logins = [one for one in way.requests if one.path == "/v1/licenses"]
    assert len(logins) > 1
    way.person = ADA
    again.signed_in = ADA.token(AGENTS)
    for _ in range(20):
        way.world.clock.advance(MINUTES)
        status = again.check(at_once=True)
    assert (status.license_state, status.license_id) == ("valid", before.license_id)
    assert way.world.seats("acme") == 1
