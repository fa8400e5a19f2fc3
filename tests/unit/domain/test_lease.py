"""Leases: their exact bytes, when they end, and everything that verification refuses."""

import base64
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey

from licensing.domain.errors import ForgedLease
from licensing.domain.lease import Lease, LeaseRequest, LeaseTerms, public_jwk, sign, verify
from licensing.domain.lease_chain import Link
from licensing.domain.temporary_license import Term, TimeToLive
from tests.unit.samples import DAY, NOW, credentials, license, organization, subscription


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


# The key of RFC 8037, appendix A: its public half and its thumbprint stand there, too.
SEED = unb64("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
KEY = Ed25519PrivateKey.from_private_bytes(SEED)
KID = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
KEYS = {KID: KEY.public_key()}
ISSUER = "urn:licensing:test"
LEASE = Lease(
    issuer=ISSUER,
    license_id="lic_0123456789abcdef",
    organization_id="acme",
    environment="production",
    machine_thumbprint="xlRSSAbo1HOTuynSXJOoWqDBlwzlKxJpBtdl9vLEEuI",
    kind="standard",
    primary=False,
    issued_at=NOW,
    expires_at=NOW + DAY,
    nonce="n-1",
)
HEADER = {"alg": "Ed25519", "kid": KID, "typ": "lease+jwt"}
CLAIMS = {
    "iss": ISSUER,
    "sub": "lic_0123456789abcdef",
    "organization_id": "acme",
    "environment": "production",
    "machine_thumbprint": "xlRSSAbo1HOTuynSXJOoWqDBlwzlKxJpBtdl9vLEEuI",
    "kind": "standard",
    "primary": False,
    "iat": 1_900_000_000,
    "exp": 1_900_086_400,
    "nonce": "n-1",
}
TOKEN = sign(LEASE, KEY, KID)
PARTS = TOKEN.split(".")


def signed(header: Any, claims: Any, key: Ed25519PrivateKey = KEY) -> str:
    """A token with any header and claims, and a signature that fits."""
    content = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{content}.{b64(key.sign(content.encode()))}"


def accepted(token: str, *, now: int = NOW, issuer: str = ISSUER) -> Lease | None:
    try:
        return verify(token, KEYS, issuer=issuer, now=now)
    except ForgedLease:
        return None


def reason(token: str, *, now: int = NOW, issuer: str = ISSUER) -> str:
    """Why a token is refused: for the agent's log."""
    with pytest.raises(ForgedLease) as refused:
        verify(token, KEYS, issuer=issuer, now=now)
    return str(refused.value)


# -- R16: the token --------------------------------------------------------------------------------


def test_r16_a_lease_is_exactly_this_compact_jws() -> None:
    header = f'{{"alg":"Ed25519","kid":"{KID}","typ":"lease+jwt"}}'
    claims = (
        '{"iss":"urn:licensing:test","sub":"lic_0123456789abcdef","organization_id":"acme",'
        '"environment":"production",'
        '"machine_thumbprint":"xlRSSAbo1HOTuynSXJOoWqDBlwzlKxJpBtdl9vLEEuI",'
        '"kind":"standard","primary":false,"iat":1900000000,"exp":1900086400,"nonce":"n-1"}'
    )
    content = f"{b64(header.encode())}.{b64(claims.encode())}"
    assert sign(LEASE, KEY, KID) == f"{content}.{b64(KEY.sign(content.encode()))}"
    assert (
        PARTS[2]
        == "C8Z3u3ytBDdLpCeBe5RedhwBhn8R1kWmwIff3zUwvOPOGh8Kz1WDYERkwTzD_uAdcSae98AAdyiBMk_-FMezAw"
    )


def test_r16_text_beyond_ascii_stands_in_a_lease_as_it_is() -> None:
    environment = "b\N{LATIN SMALL LETTER U WITH DIAERESIS}ro"
    claims = unb64(sign(replace(LEASE, environment=environment), KEY, KID).split(".")[1])
    assert f'"environment":"{environment}"'.encode() in claims


def test_r16_a_lease_without_a_nonce_has_no_such_claim() -> None:
    claims = json.loads(unb64(sign(replace(LEASE, nonce=None), KEY, KID).split(".")[1]))
    assert claims == {name: value for name, value in CLAIMS.items() if name != "nonce"}


@pytest.mark.parametrize(
    "statement",
    [
        LEASE,
        replace(LEASE, nonce=None),
        replace(LEASE, id="the link of a chain"),
        replace(LEASE, primary=True, kind="temporary"),
        replace(LEASE, environment="b\N{LATIN SMALL LETTER U WITH DIAERESIS}ro . 1"),
    ],
)
def test_r16_a_verified_lease_says_what_was_signed(statement: Lease) -> None:
    assert accepted(sign(statement, KEY, KID)) == statement


def test_r16_the_published_key_is_that_of_rfc_8037() -> None:
    assert public_jwk(KEY.public_key()) == {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "kid": KID,
        "alg": "Ed25519",
        "use": "sig",
    }


OUTSIDE = Link(None, NOW, NOW + DAY)


# -- R16: when it ends -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "subscription_left", "ends_after"),
    [
        (DAY, 365 * DAY, DAY),
        (DAY, DAY, DAY),
        (DAY, DAY - 1, DAY - 1),
        (DAY, 1, 1),
        (60, DAY, 60),
    ],
)
def test_r16_a_lease_ends_with_its_length_or_the_subscription_whichever_is_first(
    seconds: int, subscription_left: int, ends_after: int
) -> None:
    terms = LeaseTerms(ISSUER, seconds)
    customer = organization(subscription=subscription(subscription_left))
    end = terms.end(license(), customer, now=NOW)
    assert end == NOW + ends_after
    # A link that was granted when the subscription was longer is cut by it as it is now (R37).
    longer = Link("current", NOW - 60, NOW + 2 * 365 * DAY)
    asked = LeaseRequest(credentials(), "production")
    granted = terms.grant(license(), customer, asked, longer)
    assert granted.link == Link("current", NOW - 60, NOW + subscription_left)


def test_r27_a_lease_of_a_temporary_license_ends_with_it() -> None:
    record = license(term=Term(TimeToLive.ONE_HOUR, NOW + 3600))
    terms, asked = LeaseTerms(ISSUER, DAY), LeaseRequest(credentials(), "production")
    assert terms.end(record, organization(), now=NOW) == NOW + 3600
    lease = terms.grant(record, organization(), asked, OUTSIDE)
    assert (lease.expires_at, lease.kind) == (NOW + 3600, "temporary")


@pytest.mark.parametrize("nonce", [None, "n-1"])
@pytest.mark.parametrize("primary", [False, True])
def test_r16_a_lease_states_the_license_the_machine_and_the_callers_nonce(
    nonce: str | None, *, primary: bool
) -> None:
    granted = LeaseTerms(ISSUER, DAY).grant(
        license(environment="staging", primary=primary),
        organization(),
        LeaseRequest(credentials(), "staging", nonce),
        OUTSIDE,
    )
    assert granted == replace(
        LEASE,
        environment="staging",
        primary=primary,
        nonce=nonce,
        machine_thumbprint=credentials().thumbprint(),
    )


def test_a_lease_has_the_id_and_the_times_of_its_link() -> None:
    link = Link("current", NOW - 600, NOW + 60)
    asked = LeaseRequest(credentials(), "production", "n-1")
    granted = LeaseTerms(ISSUER, DAY).grant(license(), organization(), asked, link)
    assert granted.link == link
    claims = json.loads(unb64(sign(granted, KEY, KID).split(".")[1]))
    assert (claims["jti"], claims["iat"], claims["exp"]) == ("current", NOW - 600, NOW + 60)


@pytest.mark.parametrize(("length", "after"), [(DAY, DAY // 2), (1, 0), (3, 1)])
def test_r16_the_next_lease_is_due_halfway_and_before_this_one_ends(
    length: int, after: int
) -> None:
    assert replace(LEASE, expires_at=NOW + length).renew_after == NOW + after


@pytest.mark.parametrize(
    ("now", "in_time"),
    [(NOW - 1, False), (NOW, True), (NOW + DAY - 1, True), (NOW + DAY, False)],
)
def test_r16_r27_a_lease_holds_from_its_issue_to_the_last_second_before_its_end(
    now: int, *, in_time: bool
) -> None:
    assert (accepted(TOKEN, now=now) is not None) is in_time


# -- R16: forgeries --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        HEADER | {"alg": "EdDSA"},
        HEADER | {"alg": "none"},
        HEADER | {"alg": "None"},
        HEADER | {"alg": ""},
        HEADER | {"alg": "HS256"},
        HEADER | {"alg": "RS256"},
        HEADER | {"alg": "ed25519"},
        HEADER | {"alg": ["Ed25519"]},
        HEADER | {"alg": None},
        HEADER | {"typ": "JWT"},
        HEADER | {"typ": "lease+JWT"},
        HEADER | {"typ": "application/lease+jwt"},
        HEADER | {"typ": None},
        HEADER | {"kid": "another"},
        HEADER | {"kid": ""},
        HEADER | {"kid": None},
        HEADER | {"kid": [KID]},
        HEADER | {"kid": {"kid": KID}},
        {"alg": "Ed25519", "typ": "lease+jwt"},
        {"alg": "Ed25519", "kid": KID},
        {"kid": KID, "typ": "lease+jwt"},
        {},
        HEADER | {"jku": "https://attacker.example/jwks.json"},
        HEADER | {"jwk": public_jwk(KEY.public_key())},
        HEADER | {"x5c": []},
        HEADER | {"x5u": "https://attacker.example/key.pem"},
        HEADER | {"crit": ["exp"]},
        HEADER | {"b64": False, "crit": ["b64"]},
        HEADER | {"cty": "JWT"},
        [],
        "Ed25519",
        None,
        7,
    ],
)
def test_r16_a_header_that_is_not_exactly_a_leases_is_refused(header: Any) -> None:
    # The signature fits: it is the header alone that is wrong.
    assert accepted(signed(HEADER, CLAIMS)) is not None
    assert accepted(signed(header, CLAIMS)) is None


def test_r16_a_token_of_another_key_is_refused() -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    assert accepted(signed(HEADER, CLAIMS, other)) is None
    own_kid = HEADER | {"kid": public_jwk(other.public_key())["kid"]}
    assert accepted(signed(own_kid, CLAIMS, other)) is None


def test_r16_a_key_in_the_header_is_never_used() -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    assert accepted(signed(HEADER | {"jwk": public_jwk(other.public_key())}, CLAIMS, other)) is None


def test_r16_the_public_key_is_no_secret_to_sign_with() -> None:
    for alg in ("HS256", "Ed25519"):
        content = f"{b64(json.dumps(HEADER | {'alg': alg}).encode())}.{PARTS[1]}"
        mac = hmac.digest(KEY.public_key().public_bytes_raw(), content.encode(), "sha256")
        assert accepted(f"{content}.{b64(mac)}") is None


def test_r16_an_unsigned_token_is_refused() -> None:
    unsigned = b64(json.dumps(HEADER | {"alg": "none"}).encode())
    assert accepted(f"{unsigned}.{PARTS[1]}.") is None
    assert accepted(f"{PARTS[0]}.{PARTS[1]}.") is None


def test_r16_any_single_flipped_bit_in_any_part_is_caught() -> None:
    for at, part in enumerate(PARTS):
        raw = unb64(part)
        for bit in range(len(raw) * 8):
            flipped = bytearray(raw)
            flipped[bit // 8] ^= 1 << bit % 8
            changed = [*PARTS]
            changed[at] = b64(bytes(flipped))
            assert accepted(".".join(changed)) is None, (at, bit)


def test_r16_any_single_other_character_is_caught() -> None:
    for at, right in enumerate(TOKEN):
        for wrong in set("A-_z9+/=. \n") - {right}:
            assert accepted(TOKEN[:at] + wrong + TOKEN[at + 1 :]) is None, (at, wrong)


def test_r16_a_signature_has_one_form_only() -> None:
    # Ed25519's other solution: S + L fits the equation as well (RFC 8032, 5.1.7).
    group_order = 2**252 + 27742317777372353535851937790883648493
    raw = unb64(PARTS[2])
    twin = int.from_bytes(raw[32:], "little") + group_order
    changed = raw[:32] + twin.to_bytes(32, "little")
    assert accepted(f"{PARTS[0]}.{PARTS[1]}.{b64(changed)}") is None


def rewritten(part: int, change: Callable[[str], str]) -> str:
    parts = [*PARTS]
    parts[part] = change(parts[part])
    return ".".join(parts)


@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize(
    "change",
    [
        lambda part: part + "=",
        lambda part: part + "==",
        lambda part: part + "A",
        lambda part: part + "\n",
        lambda part: " " + part,
        lambda part: part[:10] + "\n" + part[10:],
        lambda part: part[:10] + "=" + part[10:],
        lambda part: part[:-1],
        lambda part: part[:-2],
        lambda _: "",
        lambda _: "====",
        lambda part: part + "\N{LATIN SMALL LETTER E WITH ACUTE}",
        lambda part: part + "\ud800",
        lambda part: part.replace(part[0], chr(ord(part[0]) + 0xFEE0), 1),  # full width
    ],
)
def test_r16_a_part_that_is_not_canonical_base64url_is_refused(
    part: int, change: Callable[[str], str]
) -> None:
    assert accepted(rewritten(part, change)) is None


def test_r16_bits_that_decoders_drop_must_be_zero() -> None:
    # 64 bytes leave four unused bits in the last character: 15 other spellings of one signature.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(PARTS[2][-1])
    assert last % 16 == 0
    for unused in range(1, 16):
        spelled = TOKEN[:-1] + alphabet[last + unused]
        assert unb64(spelled.split(".")[2]) == unb64(PARTS[2])
        assert accepted(spelled) is None


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        PARTS[0],
        f"{PARTS[0]}.{PARTS[1]}",
        f"{TOKEN}.",
        f".{TOKEN}",
        f"{TOKEN}.{PARTS[2]}",
        f"{PARTS[0]}..{PARTS[2]}",
        f"{PARTS[1]}.{PARTS[0]}.{PARTS[2]}",
        f"Bearer {TOKEN}",
        json.dumps({"protected": PARTS[0], "payload": PARTS[1], "signature": PARTS[2]}),
        f"{b64(b'[' * 3000)}.{PARTS[1]}.{PARTS[2]}",
        f"{b64(bytes([255, 254]))}.{PARTS[1]}.{PARTS[2]}",
    ],
)
def test_r16_what_is_not_three_parts_with_objects_is_refused(token: str) -> None:
    assert accepted(token) is None


def test_r16_each_refusal_says_why() -> None:
    def tampered(part: int, text: str) -> str:
        return ".".join(text if number == part else old for number, old in enumerate(PARTS))

    no_claims = {name: value for name, value in CLAIMS.items() if name != "sub"}
    assert {
        "parts": reason("a.b"),
        "algorithm": reason(signed(HEADER | {"alg": "EdDSA"}, CLAIMS)),
        "type": reason(signed(HEADER | {"typ": "JWT"}, CLAIMS)),
        "key": reason(signed(HEADER | {"kid": "another"}, CLAIMS)),
        "signature": reason(tampered(2, b64(bytes(64)))),
        "issuer": reason(TOKEN, issuer="urn:licensing:other"),
        "too early": reason(TOKEN, now=NOW - 1),
        "too late": reason(TOKEN, now=NOW + DAY),
        "a claim": reason(signed(HEADER, no_claims)),
        "base64": reason(tampered(0, "*")),
        "canonical": reason(tampered(0, "QR")),
        "JSON": reason(tampered(0, b64(b"{"))),
        "object": reason(tampered(0, b64(b"[]"))),
    } == {
        "parts": "not a compact JWS",
        "algorithm": "not signed as a lease is",
        "type": "signed for another use",
        "key": "signed by a key that is not the service's",
        "signature": "the signature does not match",
        "issuer": "issued by another service",
        "too early": "not within its time",
        "too late": "not within its time",
        "a claim": "claims are missing or of the wrong type",
        "base64": "not base64url",
        "canonical": "not canonical base64url",
        "JSON": "not JSON of one reading",
        "object": "not a JSON object",
    }


def test_r16_a_token_larger_than_any_lease_is_refused_before_it_is_read() -> None:
    assert accepted(signed(HEADER, CLAIMS | {"padding": "x" * 2000})) is not None
    assert accepted(signed(HEADER, CLAIMS | {"padding": "x" * 4000})) is None


@pytest.mark.parametrize("missing", sorted(CLAIMS.keys() - {"nonce"}))
def test_r16_a_lease_without_one_of_its_claims_is_refused(missing: str) -> None:
    claims = {name: value for name, value in CLAIMS.items() if name != missing}
    assert accepted(signed(HEADER, claims)) is None


@pytest.mark.parametrize(
    ("claim", "values"),
    [
        *(
            (claim, [None, 7, True, ["x"], {"x": "x"}])
            for claim in (
                "iss",
                "sub",
                "organization_id",
                "environment",
                "machine_thumbprint",
                "kind",
            )
        ),
        ("primary", [None, 0, 1, "false", []]),
        ("iat", [None, str(NOW), float(NOW), True, [NOW], -1.5]),
        ("exp", [None, str(NOW + DAY), float(NOW + DAY), True, 1e99, [NOW + DAY]]),
        ("nonce", [7, True, ["n-1"], {}]),
    ],
)
def test_r16_a_claim_of_another_type_is_refused(claim: str, values: list[Any]) -> None:
    for value in values:
        assert accepted(signed(HEADER, CLAIMS | {claim: value})) is None, value


@pytest.mark.parametrize("claims", [[], [CLAIMS], "claims", None, 7, True])
def test_r16_claims_that_are_no_object_are_refused(claims: Any) -> None:
    assert accepted(signed(HEADER, claims)) is None


@pytest.mark.parametrize("issuer", ["urn:licensing:test2", "URN:licensing:test", "", ISSUER + "/"])
def test_r16_a_lease_of_another_issuer_is_refused(issuer: str) -> None:
    assert accepted(TOKEN, issuer=issuer) is None


def test_r16_without_keys_nothing_verifies() -> None:
    with pytest.raises(ForgedLease):
        verify(TOKEN, {}, issuer=ISSUER, now=NOW)


def test_r16_the_refusal_does_not_repeat_the_token() -> None:
    with pytest.raises(ForgedLease) as refused:
        verify(TOKEN[:-4] + "AAAA", KEYS, issuer=ISSUER, now=NOW)
    assert not any(part[:20] in str(refused.value) for part in PARTS)


# -- R16: other libraries --------------------------------------------------------------------------


def test_r16_another_library_verifies_our_leases_with_the_published_key() -> None:
    published = json.dumps({"keys": [public_jwk(KEY.public_key())]})
    keys = KeySet.import_key_set(json.loads(published))
    token = jwt.decode(TOKEN, keys, algorithms=["Ed25519"])
    assert token.header == HEADER
    assert token.claims == CLAIMS


def test_r16_we_verify_the_leases_that_another_library_signs() -> None:
    key = OKPKey.import_key(KEY)
    same = jwt.encode(HEADER, CLAIMS, key, algorithms=["Ed25519"], default_type=None)
    assert same == TOKEN
    shuffled = dict(sorted(CLAIMS.items()))
    assert accepted(jwt.encode(HEADER, shuffled, key, algorithms=["Ed25519"])) == LEASE
