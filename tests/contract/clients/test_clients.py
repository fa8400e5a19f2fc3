"""The complete clients in other languages: their vectors, and their life with the local stack."""

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from tests.contract.agent_vectors import FOLDER as VECTORS
from tests.contract.clients.built import FOLDER, program, said
from tests.contract.clients.scene import Agent, Service, Stage, secrets_told
from tests.local import stack
from tests.setup import node

LANGUAGES = ("node", "go", "jdk")
"""As the needs of the tests are named."""
HALF_A_DAY = 43_200
FILES = {
    "agent_answers.json": "rows",
    "agent_chains.json": "agent",
    "agent_keys.json": "keys",
    "agent_leases.json": "tokens",
    "agent_machines.json": "machines",
    "agent_pairs.json": "two",
    "agent_proofs.json": "htu",
}
"""The files that concern an agent, and what of them each client has to check at least."""
MOST_LINES = {"agent.mjs": 700, "agent.go": 1000, "Agent.java": 1000}

pytestmark = pytest.mark.parametrize("language", LANGUAGES)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """A service that all tests share, each with a machine of its own."""
    with (
        stack.running() as up,
        closing(Service(up)) as service,
        ExitStack() as started,
    ):
        yield Stage(service, started)


@pytest.fixture
def agent(stage: Stage, language: str, tmp_path: Path) -> Iterator[Agent]:
    """An agent that nobody takes for a copy whatever it has lived through, and that tells no secret."""
    lives = stage.agent(program(language), tmp_path / "agent")
    yield lives
    lives.way.cable.mend()
    assert lives.way.secrets
    assert [*secrets_told(lives)] == []
    assert stage.service.suspected() == []


def works(told: dict[str, Any], state: str) -> str:
    """The lease that an agent tells that it works on."""
    assert (told["works"], told["state"]) == (True, state), told
    assert told["until"] > 0
    return str(told["lease"])


def test_all_vectors_pass(language: str) -> None:
    told = said(*program(language), "vectors", str(VECTORS))
    counts = re.findall(r"^(\w+\.json): (\d+) of (\d+)$", told, re.MULTILINE)
    assert sorted(file for file, *_ in counts) == sorted(FILES)
    for file, passed, of in counts:
        assert passed == of
        assert int(of) >= len(json.loads((VECTORS / file).read_text())[FILES[file]])


def test_a_vector_that_fails_is_named(language: str, tmp_path: Path) -> None:
    for file in VECTORS.glob("*.json"):
        table = json.loads(file.read_text())
        if file.name == "agent_leases.json":
            table["tokens"][0]["reason"] = "over"
        (tmp_path / file.name).write_text(json.dumps(table))
    ended = subprocess.run(
        [*program(language), "vectors", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "good" in ended.stderr
    assert re.search(r"^agent_leases.json: (\d+) of (?!\1)", ended.stdout, re.MULTILINE)


def test_an_agent_waits_for_a_person_and_logs_in_with_a_proof(agent: Agent) -> None:
    told = agent.step()
    assert (told["works"], told["state"], told["license"]) == (False, "signed_out", None)
    first = agent.logged_in()
    assert first["works"]
    assert works(agent.step(), "valid") == first["lease"]
    license = agent.service.license(first["license"])
    assert license["device_key"]
    assert [oct(path.stat().st_mode & 0o077) for path in agent.folder.rglob("*")].count("0o0") > 1
    assert {path.stat().st_mode & 0o077 for path in agent.folder.rglob("*") if path.is_file()} == {
        0
    }


def test_an_agent_renews_its_lease_also_after_an_answer_is_lost(agent: Agent) -> None:
    first = works(agent.logged_in() and agent.step(), "valid")
    agent.service.pass_time(HALF_A_DAY)
    second = works(agent.step(), "valid")
    agent.service.pass_time(HALF_A_DAY)
    agent.way.loses_answer = True
    assert works(agent.step(), "grace") == second
    agent.way.cable.mend()
    third = works(agent.step(), "valid")
    assert len({first, second, third}) == 3
    assert works(agent.step(), "valid") == third


def test_an_agent_that_is_blocked_stops_until_it_is_not(agent: Agent) -> None:
    license = agent.logged_in()["license"]
    works(agent.step(), "valid")
    agent.service.asked("POST", f"/v1/licenses/{license}/detach")
    for _ in range(2):
        told = agent.step()
        assert (told["works"], told["state"], told["code"]) == (False, "refused", "DETACHED")
        assert (told["license"], told["lease"]) == (license, None)
    agent.way.cable.cut()  # a refusal outlives what is no answer
    told = agent.step()
    assert (told["works"], told["state"]) == (False, "refused")
    agent.way.cable.mend()
    agent.service.asked("POST", f"/v1/licenses/{license}/attach")
    works(agent.step(), "valid")


def test_an_agent_whose_license_is_revoked_logs_in_anew(agent: Agent) -> None:
    license = agent.logged_in()["license"]
    agent.service.asked("POST", f"/v1/licenses/{license}/revoke")
    told = agent.step()
    assert (told["works"], told["license"], told["code"]) == (False, None, "REVOKED")
    assert not agent.step()["works"]
    assert agent.logged_in()["license"] != license
    works(agent.step(), "valid")


def test_an_agent_works_through_an_outage_until_its_lease_ends(agent: Agent) -> None:
    first = works(agent.logged_in() and agent.step(), "valid")
    agent.way.cable.cut()
    for _ in range(2):
        assert works(agent.step(), "grace") == first
    agent.ahead = 3 * HALF_A_DAY
    told = agent.step()
    assert (told["works"], told["state"], told["lease"]) == (False, "unreachable", None)
    agent.ahead = 0  # no clock that is set back helps
    told = agent.step()
    assert (told["works"], told["state"], told["lease"]) == (False, "unreachable", None)
    agent.way.cable.mend()
    told = agent.step()
    # An answer to a question of long ago may have been held back: it asks once more.
    works(told if told["works"] else agent.step(), "valid")


def test_a_way_that_drops_proofs_ends_nothing(agent: Agent) -> None:
    first = works(agent.logged_in() and agent.step(), "valid")
    agent.way.drops = {"dpop"}
    told = agent.step()
    assert works(told, "grace") == first
    assert told["code"] == "PROOF_REQUIRED"
    agent.way.drops = set()
    assert works(agent.step(), "valid") == first


def test_a_way_that_drops_nonces_is_no_obstacle(agent: Agent) -> None:
    agent.way.drops = {"dpop-nonce"}
    first = works(agent.logged_in() and agent.step(), "valid")
    agent.service.pass_time(4 * HALF_A_DAY)  # so that the id of its lease is no nonce any more
    assert works(agent.step(), "valid") != first


def test_a_folder_that_is_copied_to_another_machine_works_on_nothing(agent: Agent) -> None:
    works(agent.logged_in() and agent.step(), "valid")
    agent.way.cable.cut()
    agent.number += 100
    assert not agent.step()["works"]
    agent.number -= 100
    works(agent.step(), "grace")


def test_an_agent_of_another_issuer_does_not_log_in(agent: Agent) -> None:
    ended = agent.run("step", ID_TOKEN=agent.service.token(), LICENSING_ISSUER="urn:licensing:x")
    assert ended.returncode == 2 or not json.loads(ended.stdout)["works"]
    assert agent.service.stack.issuer in ended.stdout + ended.stderr
    assert [one.path for one in agent.way.requests if one.method == "POST"] == []
    assert agent.logged_in()["works"]


def test_what_is_configured_wrongly_is_said(agent: Agent) -> None:
    for variables in (
        {"LICENSING_URL": ""},
        {"LICENSING_ISSUER": ""},
        {"AGENT_FOLDER": ""},
        {"AGENT_MACHINE": "PC-1"},
    ):
        ended = agent.run("step", **variables)
        assert ended.returncode == 2
        assert [*variables][0] in ended.stderr
    assert agent.run("walk").returncode == 2
    help = agent.run("--help")
    assert help.returncode == 0
    assert "AGENT_FOLDER" in help.stdout
    agent.logged_in()


def test_one_process_at_a_time_runs_until_it_is_killed(agent: Agent) -> None:
    with subprocess.Popen(
        [*agent.program, "run"],
        env=agent.environment(ID_TOKEN=agent.service.token()),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout
        lines = [running.stdout.readline() for _ in range(2)]
        license = json.loads(lines[0])["license"]
        assert license is not None
        lease = works(json.loads(lines[1]), "valid")
        other = agent.run("step")
        assert other.returncode == 2
        assert other.stdout == ""
        running.send_signal(signal.SIGKILL)
        agent.printed += [*lines, *running.communicate()]
    told = agent.step()
    assert (told["license"], works(told, "valid")) == (license, lease)


def test_a_client_is_one_file_that_can_be_read(language: str) -> None:
    names = {"node": "agent.mjs", "go": "agent.go", "jdk": "Agent.java"}
    lines = (FOLDER / names[language]).read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MOST_LINES[names[language]]
    assert [line for line in lines if len(line.expandtabs(4)) > 100] == []


assert node  # the checks of JavaScript
