"""The vectors for agents of any language: the service makes them, and the client reads them so."""

import json
from typing import Any

import pytest

from licensing.errors import ForgedLease
from licensing.lease import verify as verify_as_service
from licensing_agent.credentials import Credentials
from licensing_agent.lease import Expected, Lease, Rejected, public_keys, verify
from tests.contract.agent_vectors import FOLDER, files
from tests.unit.test_lease import ISSUER, KEYS

MACHINES = json.loads((FOLDER / "agent_machines.json").read_text())["machines"]
LEASES = json.loads((FOLDER / "agent_leases.json").read_text())
TOKENS = LEASES["tokens"]
# What the service's own verification leaves to the agent, which alone knows it.
OF_THE_AGENT = {
    "wrong_license",
    "wrong_organization",
    "wrong_environment",
    "wrong_machine",
    "wrong_nonce",
}


def test_the_files_are_what_the_service_makes_now() -> None:
    for path, text in files().items():
        assert path.read_text() == text, f"{path.name}: python -m tests.contract.agent_vectors"


def test_r03_the_key_vectors_have_both_kinds() -> None:
    listed = json.loads((FOLDER / "agent_keys.json").read_text())["keys"]
    named = [vector["name"] for vector in listed if vector["id"]]
    assert named == [vector["name"] for vector in listed][:5]
    assert len(listed) == 12


@pytest.mark.parametrize("vector", MACHINES, ids=[one["name"] for one in MACHINES])
def test_r12_r16_the_client_normalises_and_digests_as_the_service_does(
    vector: dict[str, Any],
) -> None:
    made = Credentials.of(**vector["raw"])
    normalised = vector["normalised"]
    assert made.machine_id == normalised["machine_id"]
    assert list(made.mac_addresses) == normalised["mac_addresses"]
    assert made.computer_name == normalised["computer_name"]
    assert made.thumbprint() == vector["thumbprint"]


@pytest.mark.parametrize("vector", TOKENS, ids=[one["name"] for one in TOKENS])
def test_r16_the_client_takes_a_lease_exactly_where_the_vectors_say_so(
    vector: dict[str, Any],
) -> None:
    keys, expected = public_keys(LEASES["jwks"]), Expected(**LEASES["expected"])
    found = verify(vector["token"], keys, expected, now=vector["now"])
    if vector["reason"] is None:
        assert isinstance(found, Lease)
    else:
        assert found == Rejected(vector["reason"])


@pytest.mark.parametrize("vector", TOKENS, ids=[one["name"] for one in TOKENS])
def test_r16_the_service_thinks_the_same_of_them(vector: dict[str, Any]) -> None:
    try:
        verify_as_service(vector["token"], KEYS, issuer=ISSUER, now=vector["now"])
    except ForgedLease:
        assert vector["reason"] not in {None, *OF_THE_AGENT}
    else:
        assert vector["reason"] in {None, *OF_THE_AGENT}
