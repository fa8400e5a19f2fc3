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

LANGUAGES = ("node", "go", "jdk")
"""As the needs of the tests are named."""
HALF_A_DAY = 43_200
WIDTH = 100
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
OPTIONAL = {"agent_keys.json", "agent_machines.json", "agent_pairs.json"}
"""The files of which a client may leave rules out that the page calls optional; it says which."""

pytestmark = [pytest.mark.parametrize("language", LANGUAGES), pytest.mark.sampled(4)]


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
    """An agent that nobody takes for a copy, whatever happens, and that tells no secret."""
    lives = stage.agent(program(language), tmp_path / "agent")
    yield lives
    lives.way.cable.mend()
    assert lives.way.secrets
    assert [*secrets_told(lives)] == []
    assert lives.licenses
    assert {license: stage.service.suspected(license) for license in lives.licenses} == {
        license: [] for license in lives.licenses
    }


def works(told: dict[str, Any], state: str) -> str:
    """The lease that an agent tells that it works on."""
    assert (told["works"], told["state"]) == (True, state), told
    assert told["until"] > 0
    return str(told["lease"])


def test_all_vectors_pass_but_those_of_rules_that_are_left_out_by_name(language: str) -> None:
    told = said(*program(language), "vectors", str(VECTORS))
    lines = re.findall(r"^(\w+\.json): (\d+) of (\d+)(?:, (.+))?$", told, re.MULTILINE)
    assert sorted(file for file, *_ in lines) == sorted(FILES), told
    for file, passed, of, others in lines:
        left_out = [int(count) for count in re.findall(r"\b(\d+) (?:need|are)\b", others)]
        assert int(passed) + sum(left_out) == int(of), told
        assert int(of) >= len(table_of(file)[FILES[file]])
        assert left_out == [] or file in OPTIONAL


@pytest.mark.thorough
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
    of = len(table_of("agent_leases.json")["tokens"])
    assert f"agent_leases.json: {of - 1} of {of}" in ended.stdout.splitlines()


def table_of(file: str) -> dict[str, Any]:
    table: dict[str, Any] = json.loads((VECTORS / file).read_text())
    return table


def test_an_agent_waits_for_a_person_and_logs_in_with_a_proof(agent: Agent) -> None:
    told = agent.step()
    assert (told["works"], told["state"], told["license"]) == (False, "signed_out", None)
    first = agent.logged_in()
    assert first["works"]
    assert works(agent.step(), "valid") == first["lease"]
    license = agent.service.license(first["license"])
    assert license["device_key"]
    written = [path.stat() for path in agent.folder.rglob("*") if path.is_file()]
    assert {file.st_mode & 0o077 for file in written if file.st_size} == {0}


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
    told = agent.step()
    assert (told["works"], told["state"], told["code"]) == (False, "refused", "DETACHED")
    assert (told["license"], told["lease"]) == (license, None)
    agent.way.cable.cut()  # a refusal outlives what is no answer
    assert not agent.step()["works"]
    agent.way.cable.mend()
    agent.service.asked("POST", f"/v1/licenses/{license}/attach")
    works(agent.step(), "valid")


@pytest.mark.thorough
def test_a_page_in_place_of_the_service_ends_nothing_and_is_told_by_its_status(
    agent: Agent,
) -> None:
    first = works(agent.logged_in() and agent.step(), "valid")
    for page in (b"<html>Log in to the network.</html>", b"[" * 3_000_000):
        agent.way.page = page
        told = agent.step()
        assert works(told, "grace") == first
        assert told["message"]
        assert "200" in told["message"] or len(page) > 1_000_000  # which is not read to its end
    agent.way.page = None
    assert works(agent.step(), "valid") == first


@pytest.mark.thorough
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


def test_a_way_that_drops_headers_ends_nothing(agent: Agent) -> None:
    agent.way.drops = {"dpop-nonce"}
    first = works(agent.logged_in() and agent.step(), "valid")
    agent.way.drops = {"dpop"}
    told = agent.step()
    assert works(told, "grace") == first
    assert told["code"] == "PROOF_REQUIRED"
    agent.way.drops = {"dpop-nonce"}
    agent.service.pass_time(4 * HALF_A_DAY)  # so that the id of its lease is no nonce any more
    assert works(agent.step(), "valid") != first


@pytest.mark.thorough
def test_a_folder_that_is_copied_to_another_machine_works_on_nothing(agent: Agent) -> None:
    works(agent.logged_in() and agent.step(), "valid")
    agent.way.cable.cut()
    agent.number += 100
    assert not agent.step()["works"]
    agent.number -= 100
    agent.way.cable.mend()
    works(agent.step(), "valid")


@pytest.mark.thorough
def test_an_agent_of_another_issuer_does_not_log_in(agent: Agent) -> None:
    ended = agent.run("step", ID_TOKEN=agent.service.token(), LICENSING_ISSUER="urn:licensing:x")
    assert ended.returncode == 2 or not json.loads(ended.stdout)["works"]
    assert agent.service.stack.issuer in ended.stdout + ended.stderr
    assert [one.path for one in agent.way.requests if one.method == "POST"] == []
    assert agent.logged_in()["works"]


@pytest.mark.thorough
def test_what_is_configured_wrongly_is_said(agent: Agent) -> None:
    for name in ("LICENSING_URL", "LICENSING_ISSUER", "AGENT_FOLDER", "AGENT_MACHINE"):
        ended = agent.run("step", **{name: "" if name != "AGENT_MACHINE" else "PC-1"})
        assert ended.returncode == 2
        assert name in ended.stderr
    ended = agent.run("step", AGENT_CLOCK_AHEAD="soon")  # no lease ends where the time is none
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "AGENT_CLOCK_AHEAD" in ended.stderr
    ended = agent.run("step", ID_TOKEN="a.b.c\n")  # or it would say that the service is away
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "ID_TOKEN" in ended.stderr
    assert agent.run("walk").returncode == 2
    helped = agent.run("--help")
    assert helped.returncode == 0
    assert "AGENT_FOLDER" in helped.stdout
    agent.logged_in()


@pytest.mark.thorough
def test_a_file_that_is_damaged_is_named_and_not_shown(agent: Agent) -> None:
    agent.logged_in()
    files = [path for path in agent.folder.iterdir() if path.is_file() and path.stat().st_size]
    assert len(files) == 2
    for file in files:
        whole = file.read_bytes()
        for damaged in (b"", whole[: len(whole) // 2], b"x" + whole):
            file.write_bytes(damaged)
            ended = agent.run("step")
            assert (ended.returncode, ended.stdout) == (2, "")
            assert file.name in ended.stderr
            assert ended.stderr.count("\n") == 1
        file.write_bytes(whole)
    works(agent.step(), "valid")


@pytest.mark.thorough
def test_of_processes_that_start_at_once_after_a_kill_one_works(agent: Agent) -> None:
    agent.logged_in()
    for _ in range(2):
        with ExitStack() as started:
            run, variables = [*agent.program, "run"], agent.environment()
            three = [
                started.enter_context(
                    subprocess.Popen(run, env=variables, stdout=subprocess.PIPE, text=True)
                )
                for _ in range(3)
            ]
            lines = [one.stdout.readline() for one in three if one.stdout]
            for one in three:  # which leaves the lock as it is
                one.kill()
        works(json.loads("".join(lines)), "valid")


@pytest.mark.thorough
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


def test_a_client_can_be_read_on_a_page(language: str) -> None:
    files = {"node": "*.mjs", "go": "*.go", "jdk": "*.java"}[language]
    for file in FOLDER.glob(files):
        lines = file.read_text(encoding="utf-8").expandtabs(4).splitlines()
        assert [line for line in lines if len(line) > WIDTH] == []
