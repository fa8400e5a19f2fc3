"""The peer gives the service's answers, so that both do the same work when they are measured."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from licensing.domain import license_key
from licensing.domain.license import License, State
from licensing.domain.organization import Policy, SubscriptionStatus
from tests.benchmarks.__main__ import main
from tests.benchmarks.outcome import Size
from tests.benchmarks.peer import measure
from tests.benchmarks.peers import processes
from tests.benchmarks.peers.field import Field, up
from tests.benchmarks.peers.fleet import PATH, Agent, Side, organizations
from tests.benchmarks.peers.processes import cpu_of
from tests.benchmarks.test_benchmarks import assert_readable
from tests.devices import Device
from tests.setup import peer as installed

pytestmark = [pytest.mark.thorough, pytest.mark.needs("dynamodb-local")]

OF_THE_MOMENT = {"server_time", "expires_at", "renew_after", "leased_until", "iat", "exp"}
"""What two answers may differ in: they are given one after the other."""


@pytest.fixture(scope="module")
def peer() -> Iterator[Field]:
    """Both, up."""
    with up(40) as at:
        yield at


@dataclass(frozen=True)
class Got:
    """An answer; the claims of its lease stand in the place of the token."""

    status: int
    body: Any
    nonce: str | None

    @property
    def code(self) -> str:
        """The validation's code."""
        return str(self.body["code"])

    def lasting(self) -> Any:
        """What does not depend on the moment."""
        return self.status, _lasting(self.body) if self.status == 200 else None


def _lasting(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: _lasting(one) for name, one in value.items() if name not in OF_THE_MOMENT}


def put(at: Field, agent: Agent, **changes: Any) -> None:
    """Let both know an agent's licence as it is before each block, or with changes."""
    record: License = replace(agent.record(int(time.time())), **changes)
    for side in Side:
        at.stores.put(side, [record])


def asked(at: Field, agent: Agent, *, proof: Any = ..., **changes: Any) -> tuple[Got, Got]:
    """What both answer, the service first. `proof` is what the proof of a full agent is over."""
    body = json.dumps(json.loads(agent.body) | changes).encode()
    return _of(at.service_url, agent, body, proof), _of(at.peer.url, agent, body, proof)


def _of(url: str, agent: Agent, body: bytes, proof: Any) -> Got:
    headers = agent.headers(url)
    if agent.device is not None:
        over = headers.pop("dpop")
        claims = json.loads(base64.urlsafe_b64decode(over.split(".")[1] + "=="))
        nonce = claims["nonce"] if proof is ... else proof
        device, key = agent.device, json.loads(body)["license_key"]
        if isinstance(nonce, Device):
            device, nonce = nonce, claims["nonce"]
        if nonce is not None:
            headers["dpop"] = device.proof(url + PATH, key, body, nonce=nonce)
    connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
    try:
        connection.request("POST", PATH, body, headers)
        answer = connection.getresponse()
        read = json.loads(answer.read())
    finally:
        connection.close()
    if lease := read.get("lease"):
        claims = lease["token"].split(".")[1]
        lease["token"] = json.loads(base64.urlsafe_b64decode(claims + "=="))
    return Got(answer.status, read, answer.headers.get("dpop-nonce"))


def assert_alike(answers: tuple[Got, Got], status: int, code: str | None = None) -> None:
    """Both say the same, and that is what is expected."""
    ours, theirs = answers
    assert ours.status == status
    assert ours.lasting() == theirs.lasting()
    if code is not None:
        assert ours.code == code


def plain_and_full(at: Field) -> tuple[Agent, Agent]:
    """One agent of each kind, as it is before each block."""
    agents = at.of(full=False)[0], at.of(full=True)[0]
    for agent in agents:
        put(at, agent)
    return agents


def test_what_is_measured_gets_the_same_answer(peer: Field) -> None:
    for agent in plain_and_full(peer):
        assert_alike(asked(peer, agent), 200, "VALID")


def test_both_renew_a_lease_by_the_same_link_and_repeat_it(peer: Field) -> None:
    _, agent = plain_and_full(peer)
    before = agent.record(0).chain.link
    first = asked(peer, agent)
    assert_alike(first, 200, "VALID")
    link = first[0].body["lease"]["token"]["jti"]
    assert before is not None
    assert link not in {None, before.id}
    assert_alike(asked(peer, agent), 200, "VALID")
    assert asked(peer, agent)[1].body["lease"]["token"]["jti"] == link


def test_neither_renews_a_lease_in_its_first_half(peer: Field) -> None:
    _, agent = plain_and_full(peer)
    record = agent.record(int(time.time()))
    link = record.chain.link
    assert link is not None
    early = replace(link, issued_at=int(time.time()), expires_at=int(time.time()) + 86_400)
    put(peer, agent, chain=replace(record.chain, link=early))
    answers = asked(peer, agent)
    assert_alike(answers, 200, "VALID")
    assert answers[1].body["lease"]["token"]["jti"] == link.id


def test_a_plain_agent_writes_nothing_and_a_full_one_one_link(peer: Field) -> None:
    plain, full = plain_and_full(peer)
    for agent, is_written in ((plain, False), (full, True)):
        before = _row(peer, agent)
        assert_alike(asked(peer, agent), 200, "VALID")
        assert (_row(peer, agent) != before) is is_written


def _row(at: Field, agent: Agent) -> str:
    # Whatever writes a row gives it another xmin.
    rows = at.peer.database.do("SELECT id, xmin FROM licenses").splitlines()
    (row,) = (row for row in rows if row.startswith(agent.record(0).id))
    return row


def test_a_proof_over_a_lease_that_was_followed_is_stale_at_both(peer: Field) -> None:
    _, agent = plain_and_full(peer)
    assert_alike(asked(peer, agent), 200, "VALID")
    assert_alike(asked(peer, agent, nonce="another"), 401)


def test_a_proof_over_a_nonce_counts_once_at_both(peer: Field) -> None:
    _, agent = plain_and_full(peer)
    for url in (peer.service_url, peer.peer.url):
        stale = _of(url, agent, agent.body, "made up")
        assert stale.status == 401
        assert stale.nonce
        assert _of(url, agent, agent.body, stale.nonce).code == "VALID"
        assert _of(url, agent, agent.body, stale.nonce).status == 401


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (State.REVOKED, "REVOKED"),
        (State.DISSOCIATED, "DISSOCIATED"),
        (State.DETACHED, "DETACHED"),
        (State.EXPIRED, "VALID"),  # which only the sweep says, and it comes late
    ],
)
def test_both_look_at_the_state(peer: Field, state: State, code: str) -> None:
    for agent in plain_and_full(peer):
        put(peer, agent, state=state)
        assert_alike(asked(peer, agent), 200, code)


@pytest.mark.parametrize(
    ("ends_in", "status", "policy", "code"),
    [
        (-1, SubscriptionStatus.ACTIVE, Policy(), "EXPIRED"),
        (3600, SubscriptionStatus.PAUSED, Policy(), "SUSPENDED"),
        (3600, SubscriptionStatus.ACTIVE, Policy(require_device_key=True), "PROOF_REQUIRED"),
        (3600, SubscriptionStatus.ACTIVE, Policy(), "VALID"),
    ],
)
def test_both_look_at_the_organization(
    peer: Field, ends_in: int, status: SubscriptionStatus, policy: Policy, code: str
) -> None:
    agent, _ = plain_and_full(peer)
    (usual,) = (one for one in organizations(agent.began, 1) if one.id == agent.organization_id)
    until = int(time.time()) + ends_in
    subscription = replace(usual.subscription, valid_until=until, status=status)
    try:
        changed = replace(usual, subscription=subscription, policy=policy)
        peer.stores.put_organizations([changed])
        assert_alike(asked(peer, agent), 200, code)
    finally:
        peer.stores.put_organizations([usual])


def test_both_ask_for_the_organization_and_the_key_that_the_server_has_derived(
    peer: Field,
) -> None:
    for agent in plain_and_full(peer):
        key = license_key.parse(json.loads(agent.body)["license_key"])
        forged = replace(key, tag=bytes(16)).reveal()
        assert_alike(asked(peer, agent, license_key=forged), 200, "NOT_FOUND")
        assert_alike(asked(peer, agent, license_key="0" * 45), 400)
        other = asked(peer, agent, organization_id="customer-099")
        assert_alike(other, 200, "ORGANIZATION_MISMATCH")


def test_both_know_a_machine_by_two_of_three(peer: Field) -> None:
    agent, _ = plain_and_full(peer)
    known = agent.machine
    two = {**known, "computer_name": None}
    assert_alike(asked(peer, agent, machine=two), 200, "VALID")
    one = {**peer.of(full=False)[1].machine, "machine_id": known["machine_id"]}
    assert_alike(asked(peer, agent, machine=one), 200, "MACHINE_MISMATCH")


def test_both_ask_for_the_environment_the_proof_and_its_key(peer: Field) -> None:
    _, agent = plain_and_full(peer)
    assert_alike(asked(peer, agent, proof=Device()), 200, "PROOF_INVALID")
    # The service says in these two answers more than in others of their code.
    elsewhere, unproved = asked(peer, agent, environment="hall-2"), asked(peer, agent, proof=None)
    for answers, code in ((elsewhere, "MACHINE_MISMATCH"), (unproved, "PROOF_REQUIRED")):
        for got in answers:
            assert (got.status, got.code) == (200, code)
            assert got.body["license"] is got.body["lease"] is None


@pytest.mark.needs("peer")
@pytest.mark.needs("postgresql")
def test_the_benchmark_runs_and_tells_what_it_is_at() -> None:
    lines: list[str] = []
    outcome = measure(Size.SMALL, lines.append)
    assert lines
    assert_readable(outcome)
    aimed = [figure.name for figure in outcome.figures if figure.at_most is not None]
    assert [name.split()[3] for name in aimed] == ["plain", "full"]


def test_without_postgresql_it_is_left_out_in_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(installed, "DEBIAN", tmp_path)
    assert main(["--small", "peer"]) == 0
    said = capsys.readouterr().err
    assert "peer is left out" in said
    assert "apt-get install postgresql" in said


@pytest.mark.needs("peer")
@pytest.mark.needs("postgresql")
def test_where_no_cpu_is_told_it_is_left_out_in_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(processes, "PROC", tmp_path)
    assert main(["--small", "peer"]) == 0
    assert "Only Linux tells" in capsys.readouterr().err


def test_of_several_versions_of_postgresql_the_newest_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(installed, "DEBIAN", tmp_path)
    for version in ("9", "15", "17"):
        folder = tmp_path / version / "bin"
        folder.mkdir(parents=True)
        # Of the newest, the client alone is installed.
        for name in ("psql", "initdb", "postgres")[: 1 if version == "17" else 3]:
            (folder / name).touch()
    assert installed.postgresql() == tmp_path / "15" / "bin"


def test_the_cpu_of_a_process_is_counted_with_what_it_has_started() -> None:
    burn = (
        "import sys, time\nwhile time.process_time() < 0.5: pass\n"
        "print(flush=True)\nsys.stdin.read()"
    )
    start = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", start], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        assert 0.45 < cpu_of(process.pid) < 5
        process.stdin.close()
