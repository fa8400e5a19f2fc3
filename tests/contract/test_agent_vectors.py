"""The vectors for agents of any language: the service makes them, and the client reads them so."""

import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import pytest
from jwcrypto.common import JWKeyNotFound  # type: ignore[import-untyped]
from jwcrypto.jwk import JWKSet  # type: ignore[import-untyped]
from jwcrypto.jws import JWS  # type: ignore[import-untyped]

from licensing.domain import components as services_components
from licensing.domain.errors import ForgedLease
from licensing.domain.lease import sign
from licensing.domain.lease import verify as verify_as_service
from licensing.domain.machine import Credentials as ServiceCredentials
from licensing.domain.machine import Machine
from licensing_agent.protocol import components as agents_components
from licensing_agent.protocol.credentials import Credentials
from licensing_agent.protocol.lease import Expected, Lease, Rejected, public_keys, verify
from tests.contract.agent_vectors import EXPECTED, FOLDER, LEASE, files, longer
from tests.unit.domain.test_lease import ISSUER, KEY, KEYS, KID, b64
from tests.unit.samples import NOW

MACHINES = json.loads((FOLDER / "agent_machines.json").read_text())["machines"]
LATER = json.loads((FOLDER / "agent_machines.json").read_text())["later"]
LEASES = json.loads((FOLDER / "agent_leases.json").read_text())
TOKENS = LEASES["tokens"]
PAIRS = json.loads((FOLDER / "agent_pairs.json").read_text())
HASHING_KEY = bytes.fromhex(PAIRS["hashing_key"])
CHAINS = json.loads((FOLDER / "agent_chains.json").read_text())
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
    assert named == [vector["name"] for vector in listed][: len(named)]
    assert (len(named), len(listed)) == (18, 27)


@pytest.mark.parametrize("vector", MACHINES, ids=[one["name"] for one in MACHINES])
def test_r12_r16_the_client_knows_what_counts_and_digests_what_it_sends(
    vector: dict[str, Any],
) -> None:
    made = Credentials.of(**vector["raw"])
    usable, normalised = made.usable(), vector["normalised"]
    assert usable.machine_id == normalised["machine_id"]
    assert usable.mac_addresses >= set(normalised["mac_addresses"])
    most = 8 if usable.machine_id else 4
    assert len(normalised["mac_addresses"]) == min(most, len(usable.mac_addresses))
    assert usable.computer_name == normalised["computer_name"]
    assert made.thumbprint() == vector["thumbprint"]


@pytest.mark.parametrize("vector", MACHINES, ids=[one["name"] for one in MACHINES])
def test_r16_a_thumbprint_is_the_digest_of_the_machine_as_it_is_sent(
    vector: dict[str, Any],
) -> None:
    assert json.loads(vector["canonical"]) == vector["raw"]
    assert vector["canonical"].isascii()
    digest = hashlib.sha256(vector["canonical"].encode()).digest()
    assert vector["thumbprint"] == b64(digest)


@pytest.mark.parametrize("is_newer", [False, True])
def test_r12_r16_neither_an_older_nor_a_newer_list_makes_an_agent_refuse_a_lease(
    *, is_newer: bool
) -> None:
    """A client and a service of two releases; its list decides what counts, and not the digest."""
    raw = LATER["machines"][0]["raw"]
    with longer(agents_components if is_newer else services_components):
        sent = Credentials.of(**raw)
        asked: dict[str, Any] = sent.as_sent()
        taken = ServiceCredentials.of(**asked)
        assert (len(taken.mac_addresses), len(sent.usable().mac_addresses)) == (
            (2, 1) if is_newer else (1, 2)
        )
        token = sign(replace(LEASE, machine_thumbprint=taken.thumbprint()), KEY, KID)
        own: dict[str, Any] = EXPECTED | {"machine_thumbprint": sent.thumbprint()}
        expected = Expected(**own)
        found = verify(token, public_keys(LEASES["jwks"]), expected, now=NOW)
    assert isinstance(found, Lease)
    assert {one["thumbprint"] for one in LATER["machines"]} == {sent.thumbprint()}
    today, later = (one["normalised"]["mac_addresses"] for one in LATER["machines"])
    assert set(today) > set(later)


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


@pytest.mark.parametrize(
    "vector",
    [v for v in TOKENS if v["reason"] in {None, "wrong_signature", *OF_THE_AGENT}],
    ids=lambda vector: vector["name"],
)
def test_r16_another_library_verifies_the_signatures_that_hold_and_no_other(
    vector: dict[str, Any],
) -> None:
    token, keys = JWS(), JWKSet.from_json(json.dumps(LEASES["jwks"]))
    token.allowed_algs = ["Ed25519"]
    token.deserialize(vector["token"])
    if vector["reason"] == "wrong_signature":
        with pytest.raises(JWKeyNotFound):
            token.verify(keys)
    else:
        token.verify(keys)
        assert json.loads(token.payload)["sub"] in {"other", LEASES["expected"]["license_id"]}


# -- pairs -----------------------------------------------------------------------------------------


def hashed(kind: str, value: str | None) -> bytes | None:
    """A component as the service keeps it, written out."""
    if value is None:
        return None
    return hmac.new(HASHING_KEY, f"{kind}\0{value}".encode(), hashlib.sha256).digest()[:16]


def claim(of: dict[str, str]) -> str:
    """A pair's claim, written out: of an id and another part, or of an address and a name."""
    short = {"machine_id": "id", "mac_address": "mac", "computer_name": "name"}
    kind = "+".join(short[part] for part in of)
    parts = b"".join(hashed(part, value) or b"" for part, value in of.items())
    return hashlib.sha256(f"{kind}\0".encode() + parts).digest()[:16].hex()


@pytest.mark.parametrize("vector", PAIRS["machines"], ids=lambda vector: vector["name"])
def test_r10_r12_hashes_and_claims_are_what_they_are_said_to_be(vector: dict[str, Any]) -> None:
    normalised, hashes = vector["normalised"], vector["hashes"]
    for part in ("machine_id", "computer_name"):
        digest = hashed(part, normalised[part])
        assert hashes[part] == (digest.hex() if digest else None)
    macs = [hashed("mac_address", mac) or b"" for mac in normalised["mac_addresses"]]
    assert hashes["mac_addresses"] == [mac.hex() for mac in sorted(macs)]
    assert [pair["claim"] for pair in vector["pairs"]] == [
        claim(pair["of"]) for pair in vector["pairs"]
    ]
    machine = Machine.of(ServiceCredentials.of(**vector["raw"]), HASHING_KEY)
    assert {pair["claim"] for pair in vector["pairs"]} == {one.hex() for one in machine.pairs()}


@pytest.mark.parametrize("vector", PAIRS["two"], ids=lambda vector: vector["name"])
def test_r09_r10_two_are_one_machine_where_they_share_a_claim_and_the_client_thinks_so_too(
    vector: dict[str, Any],
) -> None:
    one, other = (Credentials.of(**vector[name]) for name in ("one", "other"))
    assert vector["same"] is bool(vector["claims_in_common"])
    assert one.is_same_machine_as(other) is vector["same"]
    assert other.is_same_machine_as(one) is vector["same"]


# -- chains ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", CHAINS["rows"], ids=lambda row: row["name"])
def test_a_chain_is_followed_as_the_table_says(row: dict[str, Any]) -> None:
    chain, presented, after, now = (row[name] for name in ("chain", "presented", "after", "now"))
    lease = {name: row["lease"][name] for name in ("jti", "iat", "exp")}
    head, left = chain["current"], [one["jti"] for one in chain["left_behind"]]
    is_early = head is not None and now < (head["iat"] + head["exp"]) / 2
    fresh = (now, now + CHAINS["lease_seconds"])
    assert row["lease"]["nonce"] == row["nonce"]
    on_record = []
    match row["shows"]:
        case "never" | "nothing" as shows:
            assert (lease["jti"], after) == (None, chain)
            assert chain["is_presented"] is (shows == "nothing")
            on_record = ["AgentReturned"] if shows == "nothing" else []
        case "beginning":
            assert head is None
            assert (lease["iat"], lease["exp"]) == fresh
        case "repetition":
            assert (lease, after) == (head, chain)
        case "current":
            assert presented["jti"] == head["jti"]
            assert (lease == head) is is_early
        case "newer":
            assert presented["iat"] > head["iat"]
            on_record = ["AgentReturned"]
        case "older":
            assert after["left_behind"] == [*chain["left_behind"], {"jti": head["jti"], "at": now}]
            assert (lease["iat"], lease["exp"]) == (
                (head["iat"], head["exp"]) if is_early else fresh
            )
            on_record = ["AgentReturned"]
        case _:
            assert row["shows"] == "left_behind"
            assert presented["jti"] in left
            on_record = ["CloneSuspected"]
    assert row["on_record"] == on_record
    if lease["jti"] is not None:
        assert after["current"] == lease


def test_links_follow_from_the_one_before_and_the_nonce() -> None:
    followed: dict[tuple[Any, ...], set[str]] = {}
    for row in CHAINS["rows"]:
        presented, lease = row["presented"], row["lease"]["jti"]
        if lease is not None and not (presented and presented["jti"] == lease):
            question: tuple[Any, ...] = (
                *(presented and presented["jti"], row["nonce"]),
                row["at_login"],
            )
            if row["shows"] in {"older", "left_behind"}:
                question = (*question, row["chain"]["current"]["jti"])  # a new link each time
            followed.setdefault(question, set()).add(lease)
    assert all(len(links) == 1 for links in followed.values())
    assert len({link for links in followed.values() for link in links}) == len(followed)
    assert {row["shows"] for row in CHAINS["rows"]} == {
        *("beginning", "repetition", "current", "left_behind", "newer", "older"),
        *("nothing", "never"),
    }


# -- questions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("story", CHAINS["agent"], ids=lambda story: story["name"])
def test_r37_an_agent_keeps_and_sends_what_the_stories_say(story: dict[str, Any]) -> None:
    kept: dict[str, Any] = {"has_license": False, "lease": None, "nonce": None}
    by_nonce: dict[str, tuple[str, str | None]] = {}
    for step in story["steps"]:
        sent, granted, before, kept = step["sends"], step["granted"], kept, step["keeps"]
        match step["happens"]:
            case "killed, and started anew" | "it cannot be stored":
                assert (sent, kept) == (None, before)
                continue
            case "the answer is lost" | "the login is refused":
                assert kept == before | {"nonce": sent["nonce"]}
            case "refused with action logout":
                assert kept == before | {"nonce": None}
            case "refused with action login":
                assert kept == before | {"nonce": None, "has_license": False}
            case _:
                assert kept == {"has_license": True, "lease": granted["jti"], "nonce": None}
        # One question has one nonce, and one nonce is for one question.
        assert before["nonce"] in {None, sent["nonce"]}
        question = (sent["route"], sent["lease"])
        assert sent["lease"] == before["lease"]
        assert by_nonce.setdefault(sent["nonce"], question) == question
        assert sent["route"] == f"/v1/licenses{'/validate' * before['has_license']}"
        assert sent["proof_nonce"] in {None, sent["lease"], f"{sent['lease']}.early"}
        if sent["route"] == "/v1/licenses":
            assert sent["proof_nonce"] is None


def test_r37_the_stories_have_a_lease_that_is_over_when_it_comes_and_one_that_lapsed() -> None:
    steps = [step for story in CHAINS["agent"] for step in story["steps"]]
    late = [one for one in steps if one["granted"] and one["granted"]["exp"] <= one["now"]]
    assert [one["happens"] for one in late] == ["answered"]
    fresh = {bool(one["sends"]["proof_nonce"]) for one in steps if one["sends"]}
    assert fresh == {True, False}
