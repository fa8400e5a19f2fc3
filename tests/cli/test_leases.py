"""Leases, told apart from what only looks like one, step by step."""

import base64
import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from licensing_agent.protocol.lease import Reason
from licensing_cli import lease_check
from tests.agent.samples import JWKS, LICENSE_ID, lease_token
from tests.cli.conftest import Site, machine
from tests.cli.terminal import Terminal
from tests.unit.domain.test_lease import ISSUER
from tests.unit.samples import DAY, NOW

pytestmark = pytest.mark.sampled(2)

THEN = "2030-03-17T18:00:00Z"  # a quarter of an hour after NOW


@pytest.fixture
def keys(tmp_path: Path) -> str:
    """The service's keys, as somebody has kept them."""
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(JWKS))
    return str(file)


def altered(token: str, **claims: object) -> str:
    """A lease with other claims under the same signature."""
    head, body, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(body + "==")) | claims
    fresh = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    return f"{head}.{fresh}.{signature}"


def test_a_lease_of_the_service_is_good_until_it_ends(site: Site, olivia: Terminal) -> None:
    answer = site.agent(machine("LEASED"))
    token, license_id = answer["lease.token"], answer["license.id"]
    told = olivia("lease", "verify", "-", "--license", license_id, typed=f"{token}\n").expect(0)
    assert license_id in told.out
    later = olivia("lease", "verify", token, "--at", "2099-01-01T00:00:00Z").expect(1)
    assert re.search(r"^fail +It has not expired\.", later.out, re.MULTILINE)
    # No one has to be signed in: the keys are public.
    Terminal(site.url, olivia.home)("lease", "verify", token).expect(0)


REJECTED: Sequence[tuple[Reason, str, Sequence[str]]] = [
    (Reason.MALFORMED, "not.a lease", []),
    (Reason.MALFORMED, "", []),
    (Reason.UNKNOWN_KEY, lease_token(kid="another"), []),
    (Reason.WRONG_SIGNATURE, altered(lease_token(), primary=True), []),
    (Reason.WRONG_ISSUER, lease_token(), ["--issuer", "urn:licensing:another"]),
    (Reason.WRONG_LICENSE, lease_token(), ["--license", "lic_ffffffffffffffff"]),
    (Reason.WRONG_ORGANIZATION, lease_token(), ["--organization", "bolt"]),
    (Reason.WRONG_ENVIRONMENT, lease_token(), ["--environment", "staging"]),
    (Reason.NOT_YET, lease_token(now=NOW + DAY), []),
    (Reason.OVER, lease_token(now=NOW - DAY), []),
]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("reason", "token", "asked"), REJECTED)
def test_the_step_that_fails_is_named_and_those_after_it_are_not_reached(
    nowhere: Terminal, keys: str, reason: Reason, token: str, asked: Sequence[str]
) -> None:
    check = ("lease", "verify", "-", "--jwks", keys, "--at", THEN, *asked)
    told = nowhere(*check, typed=token).expect(1)
    assert reason.replace("_", " ") in told.err
    failed = [line for line in told.out.splitlines() if line.startswith("fail")]
    assert failed == [line for line in told.out.splitlines() if lease_check.STEPS[reason] in line]
    after = told.out.splitlines()[told.out.splitlines().index(failed[0]) + 1 :]
    assert all(line.startswith("not reached") for line in after)
    as_json = nowhere(*check, "-o", "json", typed=token).expect(1).json
    assert as_json == {"valid": False, "reason": reason, "lease": None}


def test_there_is_a_step_for_each_reason_in_the_order_of_the_check() -> None:
    assert list(lease_check.STEPS) == list(Reason)


def test_a_lease_is_good_for_what_was_asked(nowhere: Terminal, keys: str) -> None:
    asked = ("--issuer", ISSUER, "--license", LICENSE_ID, "--organization", "acme")
    check = ("lease", "verify", lease_token(), "--jwks", keys, "--at", THEN, *asked)
    told = nowhere(*check, "--environment", "production").expect(0).out
    # Of the machine and the nonce only its agent knows.
    assert told.count("not asked") == 2
    lease = nowhere(*check, "-o", "json").expect(0).json
    assert (lease["valid"], lease["lease"]["license_id"]) == (True, LICENSE_ID)


def test_what_is_decoded_is_told_to_be_unverified(nowhere: Terminal) -> None:
    forged = altered(lease_token(), primary=True, note="\x1b[2J")
    told = nowhere("lease", "decode", forged).expect(0)
    assert "NOT VERIFIED" in told.err
    assert "2030-03-17 17:46:40Z" in told.out
    assert "\x1b" not in told.out
    as_json = nowhere("lease", "decode", "-", "-o", "json", typed=forged).expect(0).json
    assert as_json["verified"] is False
    assert as_json["claims"]["primary"] is True
    assert as_json["header"]["typ"] == "lease+jwt"


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "e30.bm8.c", "ä.ä.ä"])
def test_what_is_no_lease_is_not_decoded(nowhere: Terminal, token: str) -> None:
    nowhere("lease", "decode", "-", typed=token).expect(1)


@pytest.mark.parametrize("moment", ["now", "2030-03-17T18:00:00", "tomorrow"])
def test_an_instant_is_written_with_its_offset(nowhere: Terminal, keys: str, moment: str) -> None:
    check = ("lease", "verify", lease_token(), "--jwks", keys, "--at", moment)
    assert "--at" in nowhere(*check).expect(2).err


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"keys": 1}'])
def test_a_file_that_has_no_keys_is_told_by_its_name(
    nowhere: Terminal, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(text)
    told = nowhere("lease", "verify", lease_token(), "--jwks", str(file)).expect(2)
    assert str(file) in told.err
