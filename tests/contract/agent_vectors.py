"""What an agent in another language is built against, to the byte.

`python -m tests.contract.agent_vectors` writes it to `vectors/`: machines, leases and keys from
here, pairs, proofs and chains from the modules beside this one. All of it is made by the service's
own code, from keys and texts that stand in them.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import licensing_agent
from licensing.domain import components, license_key
from licensing.domain.errors import InvalidInput
from licensing.domain.lease import Lease, public_jwk, sign
from licensing.domain.machine import Credentials
from licensing_build.marked import filled
from tests.contract import (
    agent_answers,
    agent_chains,
    agent_pairs,
    agent_proofs,
    agent_questions,
)
from tests.unit.domain.test_lease import ISSUER, KEY, KID, b64, unb64
from tests.unit.domain.test_license_key import PRINTED
from tests.unit.samples import DAY, NOW, credentials

FOLDER = Path(__file__).parent / "vectors"
PAGE = Path(licensing_agent.__file__).with_name("OTHER_LANGUAGES.md")
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))

_MANY_ADDRESSES = [
    *(f"02:17:ac:9a:30:0{n}" for n in range(4)),
    *(f"00:15:5d:9a:30:0{n}" for n in range(2)),
    *(f"f8:5e:a0:7c:22:d{n}" for n in range(5)),
]

RAW: Mapping[str, dict[str, Any]] = {
    "as Windows tells it": {
        "machine_id": "{4C4C4544-0042-3510-8052-B4C04F4E5931}",
        "mac_addresses": ["3C-52-82-0A-1B-2C", "A4-BB-6D-3E-90-1F"],
        "computer_name": "ACME-PC-01",
    },
    "as Linux tells it": {
        "machine_id": "d41d8cd98f00b204e9800998ecf8427e",
        "mac_addresses": ["3c:52:82:0a:1b:2c"],
        "computer_name": "factory-7.acme.example.",
    },
    "no machine id": {
        "machine_id": None,
        "mac_addresses": ["3c52.820a.1b2c"],
        "computer_name": "acme-pc-01",
    },
    "an id that firmware makes up": {
        "machine_id": "To Be Filled By O.E.M.",
        "mac_addresses": ["3c:52:82:0a:1b:2c"],
        "computer_name": "acme-pc-01",
    },
    "an id of one digit only": {
        "machine_id": "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        "mac_addresses": ["3c:52:82:0a:1b:2c"],
        "computer_name": "acme-pc-01",
    },
    "addresses of no adapter": {
        "machine_id": "4c4c4544-0042-3510-8052-b4c04f4e5931",
        "mac_addresses": [
            "",
            "00:00:00:00:00:00",
            "ff:ff:ff:ff:ff:ff",
            "01:00:5e:00:00:01",
            "eth0",
        ],
        "computer_name": "acme-pc-01",
    },
    "more than eight addresses: makers' first, then hypervisors'": {
        "machine_id": "4c4c4544-0042-3510-8052-b4c04f4e5931",
        "mac_addresses": _MANY_ADDRESSES,
        "computer_name": "acme-pc-01",
    },
    "more than four addresses without a machine id": {
        "machine_id": None,
        "mac_addresses": _MANY_ADDRESSES,
        "computer_name": "acme-pc-01",
    },
    "addresses that many computers have": {
        "machine_id": "4c4c4544-0042-3510-8052-b4c04f4e5931",
        "mac_addresses": [
            "3c:52:82:0a:1b:2c",
            "00:05:9a:3c:7a:00",
            "00-09-0F-FE-00-01",
            "02:50:41:00:00:01",
            "0050.56c0.0008",
            "02:42:ac:11:00:02",
            "82:9f:20:52:41:53",
        ],
        "computer_name": "acme-pc-01",
    },
    "addresses that are made up": {
        "machine_id": "4c4c4544-0042-3510-8052-b4c04f4e5931",
        "mac_addresses": [
            "3c:52:82:0a:1b:2c",
            "00:01:02:03:04:05",
            "fe:dc:ba:98:76:54",
            "66:55:44:33:22:11",
            "ee:ee:ee:ee:ee:ee",
            "de:ad:de:ad:de:ad",
        ],
        "computer_name": "acme-pc-01",
    },
    "an id of the list": {
        "machine_id": "03000200-0400-0500-0006-000700080009",
        "mac_addresses": ["3c:52:82:0a:1b:2c"],
        "computer_name": "acme-pc-01",
    },
    "an id of the list, its first three groups the other way round": {
        "machine_id": "00020003-0004-0005-0006-000700080009",
        "mac_addresses": ["3c:52:82:0a:1b:2c"],
        "computer_name": "acme-pc-01",
    },
    "an id of the list, all its bytes the other way round": {
        "machine_id": "CCBBAAEF-DECD-AB90-7856-341278563412",
        "mac_addresses": ["3c:52:82:0a:1b:2c"],
        "computer_name": "acme-pc-01",
    },
    "an id that repeats two symbols": {
        "machine_id": "FEFEFEFE-FEFE-FEFE-FEFE-FEFEFEFEFEFE",
        "mac_addresses": ["3c:52:82:0a:1b:2c"],
        "computer_name": "acme-pc-01",
    },
    "an id that counts": {
        "machine_id": "0123456789ABCDEF",
        "mac_addresses": ["3c:52:82:0a:1b:2c"],
        "computer_name": "acme-pc-01",
    },
    "an id that counts now and then": {
        "machine_id": "12345678-1234-1234-1234-123456789abc",
        "mac_addresses": ["3c:52:82:0a:1b:2c"],
        "computer_name": "acme-pc-01",
    },
    "an id that counts its bytes, its first three groups the other way round": {
        "machine_id": "03020100-0504-0706-0809-0A0B0C0D0E0F",
        "mac_addresses": ["3c:52:82:0a:1b:2c"],
        "computer_name": "acme-pc-01",
    },
    "an id that is nearly all one byte": {
        "machine_id": "56F49712-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        "mac_addresses": ["3c:52:82:0a:1b:2c"],
        "computer_name": "acme-pc-01",
    },
    "an id that counts after a word": {
        "machine_id": "SN-1234567890",
        "mac_addresses": ["3c:52:82:0a:1b:2c"],
        "computer_name": "acme-pc-01",
    },
    "an id that only looks made up": {
        "machine_id": "00000000-0000-0000-0000-AC1F6B4E9A02",
        "mac_addresses": ["3c:52:82:0a:1b:2c"],
        "computer_name": "acme-pc-01",
    },
    "an address for a name": {
        "machine_id": "4c4c4544-0042-3510-8052-b4c04f4e5931",
        "mac_addresses": ["3c:52:82:0a:1b:2c"],
        "computer_name": "192.168.1.5",
    },
    "a domain without a name": {
        "machine_id": "4c4c4544-0042-3510-8052-b4c04f4e5931",
        "mac_addresses": ["3c:52:82:0a:1b:2c"],
        "computer_name": ".corp.local",
    },
    "a name in full width": {
        "machine_id": "4c4c4544-0042-3510-8052-b4c04f4e5931",
        "mac_addresses": [],
        "computer_name": " \N{FULLWIDTH LATIN CAPITAL LETTER A}cme-01 ",
    },
    "a name whose case folds to two letters": {
        "machine_id": "4c4c4544-0042-3510-8052-b4c04f4e5931",
        "mac_addresses": [],
        "computer_name": "Stra\N{LATIN SMALL LETTER SHARP S}e",
    },
    "a name in Roman numbers, which no locale changes": {
        "machine_id": "4c4c4544-0042-3510-8052-b4c04f4e5931",
        "mac_addresses": [],
        "computer_name": "HALL-III",
    },
    "a name with a dotted capital": {
        "machine_id": "4c4c4544-0042-3510-8052-b4c04f4e5931",
        "mac_addresses": [],
        "computer_name": "\u0130ZM\u0130R-7",
    },
    "a name that ends in a sigma": {
        "machine_id": "4c4c4544-0042-3510-8052-b4c04f4e5931",
        "mac_addresses": [],
        "computer_name": "\u039f\u0394\u03a5\u03a3\u03a3\u0395\u03a5\u03a3",
    },
    "a name with characters that JSON escapes": {
        "machine_id": "4c4c4544-0042-3510-8052-b4c04f4e5931",
        "mac_addresses": [],
        "computer_name": 'a"b\\c/d\b\f\n\r\t\x1f\x7f\x80e',
    },
    "a name beyond the first plane": {
        "machine_id": "4c4c4544-0042-3510-8052-b4c04f4e5931",
        "mac_addresses": [],
        "computer_name": "pc-\N{ROCKET}",
    },
}


LISTED_LATER = "00:0e:c6:7a:91:4c"
"""An adapter's address that is on no list today."""


@contextmanager
def longer(module: Any) -> Iterator[None]:
    """The list of a later release, in the service's or the client's module of the rules."""
    known = module.KNOWN
    every = (1 << 48) - 1
    more = known.addresses[every] | {int(LISTED_LATER.replace(":", ""), 16)}
    module.KNOWN = replace(known, addresses={**known.addresses, every: more})
    try:
        yield
    finally:
        module.KNOWN = known


def machines() -> list[dict[str, Any]]:
    """Machines as they are sent, what of them counts, and their thumbprints."""
    return [_machine(name, raw) for name, raw in RAW.items()]


def later() -> dict[str, Any]:
    """A machine by the list of today and by one that has an address more.

    Another part of it counts then, and the thumbprint is the same: an older agent takes the leases
    of a newer service, and a newer agent those of an older one.
    """
    raw = {
        "machine_id": "4c4c4544-0042-3510-8052-b4c04f4e5931",
        "mac_addresses": [LISTED_LATER, "3c:52:82:0a:1b:2c"],
        "computer_name": "acme-pc-01",
    }
    today = _machine("by the list of today", raw)
    with longer(components):
        return {
            "listed_later": LISTED_LATER,
            "machines": [today, _machine("by the list of a later release", raw)],
        }


def _machine(name: str, raw: dict[str, Any]) -> dict[str, Any]:
    made = Credentials.of(**raw)
    normalised = {
        "machine_id": made.machine_id,
        "mac_addresses": list(made.mac_addresses),
        "computer_name": made.computer_name,
    }
    return {
        "name": name,
        "raw": raw,
        "normalised": normalised,
        "canonical": made.sent,
        "thumbprint": made.thumbprint(),
    }


LEASE = Lease(
    issuer=ISSUER,
    license_id="lic_0123456789abcdef",
    organization_id="acme",
    environment="production",
    machine_thumbprint=credentials().thumbprint(),
    kind="standard",
    primary=False,
    issued_at=NOW,
    expires_at=NOW + DAY,
    nonce="n-1",
)
EXPECTED = {
    "issuer": LEASE.issuer,
    "license_id": LEASE.license_id,
    "organization_id": LEASE.organization_id,
    "environment": LEASE.environment,
    "machine_thumbprint": LEASE.machine_thumbprint,
    "nonce": LEASE.nonce,
}
HEADER = {"alg": "Ed25519", "kid": KID, "typ": "lease+jwt"}


def _signed(header: str, claims: str, key: Ed25519PrivateKey = KEY) -> str:
    content = f"{b64(header.encode())}.{b64(claims.encode())}"
    return f"{content}.{b64(key.sign(content.encode()))}"


def _with(**header: object) -> str:
    return _signed(json.dumps(HEADER | header), _claims())


def _claims(**changed: object) -> str:
    claims = {
        "iss": LEASE.issuer,
        "sub": LEASE.license_id,
        "organization_id": LEASE.organization_id,
        "environment": LEASE.environment,
        "machine_thumbprint": LEASE.machine_thumbprint,
        "kind": LEASE.kind,
        "primary": LEASE.primary,
        "iat": LEASE.issued_at,
        "exp": LEASE.expires_at,
        "nonce": LEASE.nonce,
    }
    return json.dumps({name: v for name, v in (claims | changed).items() if v is not ...})


def tokens() -> Iterator[tuple[str, str, int, str | None]]:
    """What each is, the token, when it is looked at, and why it is refused, if it is."""
    good = sign(LEASE, KEY, KID)
    head, body, signature = good.split(".")
    yield "good", good, NOW, None
    yield "good in its last second", good, NOW + DAY - 1, None
    yield "over", good, NOW + DAY, "over"
    link = sign(replace(LEASE, id="bGluay0x"), KEY, KID)
    yield "a link of a chain", link, NOW, None
    yield "a link that was validated, hours after it was issued", link, NOW + DAY // 3, None
    yield "a link that is over", link, NOW + DAY, "over"
    more = _signed(json.dumps(HEADER), _claims(jti="bGluay0x", plan="gold"))
    yield "a link with a claim that is not known yet", more, NOW, None
    yield "not yet", good, NOW - 1, "not_yet"
    for name, reason in (
        ("issuer", "wrong_issuer"),
        ("license_id", "wrong_license"),
        ("organization_id", "wrong_organization"),
        ("environment", "wrong_environment"),
        ("machine_thumbprint", "wrong_machine"),
        ("nonce", "wrong_nonce"),
    ):
        changed: dict[str, Any] = {name: "other"}
        yield f"another {name}", sign(replace(LEASE, **changed), KEY, KID), NOW, reason
    yield "without a nonce", sign(replace(LEASE, nonce=None), KEY, KID), NOW, "wrong_nonce"
    yield "signed by another", sign(LEASE, OTHER, KID), NOW, "wrong_signature"
    yield "by a key of another kind", sign(LEASE, KEY, "another-kind"), NOW, "unknown_key"
    yield "by a key under another name", sign(LEASE, OTHER, "another-name"), NOW, "unknown_key"
    yield "by a key of nobody", sign(LEASE, OTHER, "nobody"), NOW, "unknown_key"
    later = sign(replace(LEASE, expires_at=NOW + 2 * DAY), KEY, KID).split(".")[1]
    yield "with other claims", f"{head}.{later}.{signature}", NOW, "wrong_signature"
    yield "alg EdDSA", _with(alg="EdDSA"), NOW, "wrong_algorithm"
    yield (
        "alg none",
        f"{b64(json.dumps(HEADER | {'alg': 'none'}).encode())}.{body}.",
        NOW,
        ("wrong_algorithm"),
    )
    yield "typ JWT", _with(typ="JWT"), NOW, "wrong_type"
    yield "typ in capitals", _with(typ="LEASE+JWT"), NOW, "wrong_type"
    yield "with a key of its own", _with(jwk=public_jwk(OTHER.public_key())), NOW, "malformed"
    yield "kid in a list", _with(kid=[KID]), NOW, "unknown_key"
    yield (
        "a claim twice",
        _signed(json.dumps(HEADER), _claims()[:-1] + ',"exp":9999999999}'),
        NOW,
        ("malformed"),
    )
    yield "exp as a text", _signed(json.dumps(HEADER), _claims(exp="2030-01-01")), NOW, "malformed"
    yield "exp as a truth", _signed(json.dumps(HEADER), _claims(exp=True)), NOW, "malformed"
    yield "without exp", _signed(json.dumps(HEADER), _claims(exp=...)), NOW, "malformed"
    yield (
        "exp as a fraction",
        _signed(json.dumps(HEADER), _claims().replace(str(LEASE.expires_at), "1.9000864e9")),
        NOW,
        "malformed",
    )
    for name, wrong in (
        ("jti as a number", {"jti": 7}),
        ("primary as a text", {"primary": "true"}),
        ("without kind", {"kind": ...}),
        ("sub as a number", {"sub": 7}),
        ("exp before iat", {"exp": NOW - 1}),
        ("of more than 4,096 characters", {"plan": "x" * 4096}),
    ):
        yield name, _signed(json.dumps(HEADER), _claims(**wrong)), NOW, "malformed"
    yield "jti as null", _signed(json.dumps(HEADER), _claims(jti=None)), NOW, None
    deep = _claims()[:-1] + ',"plan":{"a":1,"a":2}}'
    yield "a claim's member twice", _signed(json.dumps(HEADER), deep), NOW, "malformed"
    commented = _claims()[:-1] + "/* by hand */}"
    yield "with a comment", _signed(json.dumps(HEADER), commented), NOW, "malformed"
    yield "claims in a list", _signed(json.dumps(HEADER), f"[{_claims()}]"), NOW, "malformed"
    yield "NaN", _signed(json.dumps(HEADER), _claims(iat=float("nan"))), NOW, "malformed"
    yield "padded", f"{head}=.{body}.{signature}", NOW, "malformed"
    # Of its last symbol four bits count for nothing; they have to be none.
    yield "in another spelling", f"{good[:-1]}{chr(ord(good[-1]) + 1)}", NOW, "malformed"
    longer_by_one = b64(unb64(signature) + b"\0")
    yield "a signature of 65 bytes", f"{head}.{body}.{longer_by_one}", NOW, "wrong_signature"
    yield "two parts", f"{head}.{body}", NOW, "malformed"
    yield "four parts", f"{good}.{signature}", NOW, "malformed"
    yield "nothing", "", NOW, "malformed"


def leases() -> dict[str, Any]:
    """Keys, what an agent expects, and tokens with what is to be thought of them."""
    others = [
        # Another kind of key, and one under a name that is not its own, which is for no lease.
        {**public_jwk(KEY.public_key()), "crv": "X25519", "kid": "another-kind"},
        {**public_jwk(OTHER.public_key()), "kid": "another-name"},
    ]
    return {
        "jwks": {"keys": [*others, public_jwk(KEY.public_key())]},
        "expected": EXPECTED,
        "tokens": [
            {"name": name, "token": token, "now": now, "reason": reason}
            for name, token, now, reason in tokens()
        ],
    }


TYPED: Mapping[str, str] = {
    "as printed": PRINTED,
    "in lower case": PRINTED.lower(),
    "without hyphens": PRINTED.replace("-", ""),
    "with blanks": f" {PRINTED.replace('-', ' ')} ",
    "letters for digits that look like them": PRINTED.replace("0", "O").replace("1", "l"),
    "with en dashes and blanks": PRINTED.replace("-", " \u2013 "),
    "with hyphens that do not break": PRINTED.replace("-", "\u2011"),
    "with minus signs": PRINTED.replace("-", "\u2212"),
    "with soft hyphens": PRINTED.replace("-", "\u00ad"),
    "with marks without a width": "\ufeff" + PRINTED.replace("-", "-\u200b") + "\u2060",
    "with blanks that do not break": PRINTED.replace("-", "\u00a0"),
    "over several lines": PRINTED.replace("-", "-\r\n", 3),
    "in quotation marks": f'"{PRINTED}"',
    "in a document's quotation marks": f"\u201c{PRINTED}\u201d",
    "in guillemets": f"\u00ab\u202f{PRINTED}\u202f\u00bb",
    "in wide letters": "".join(chr(ord(one) + 0xFEE0) for one in PRINTED),
    "after a label": f"License key: {PRINTED}.",
    "as a setting": f"LICENSE_KEY='{PRINTED}';",
    "after a label, one symbol wrong": f"License key: {PRINTED[:-1]}X",
    "after words without a colon": f"the key {PRINTED}",
    "one symbol wrong": PRINTED[:-1] + "X",
    "two symbols swapped": PRINTED[1] + PRINTED[0] + PRINTED[2:],
    "two symbols swapped further on": PRINTED[:12] + PRINTED[13] + PRINTED[12] + PRINTED[14:],
    "a group missing": PRINTED[:-6],
    "a group twice": f"{PRINTED}-{PRINTED[-5:]}",
    "a symbol that is none": PRINTED.replace("S", "U"),
    "nothing": "",
}


def license_keys() -> list[dict[str, str | None]]:
    """Keys as people type them, and the licence that each names if it is typed well."""
    return [{"name": name, "typed": typed, "id": _named(typed)} for name, typed in TYPED.items()]


def _named(typed: str) -> str | None:
    try:
        return license_key.parse(typed).license_id
    except InvalidInput:
        return None


def files() -> dict[Path, str]:
    """What stands in the folder, and the page, which shows a table of it."""
    made: dict[str, Any] = {"agent_machines.json": {"machines": machines(), "later": later()}}
    made["agent_leases.json"] = leases()
    made["agent_keys.json"] = {"keys": license_keys()}
    made["agent_answers.json"] = agent_answers.answers()
    made["agent_pairs.json"] = agent_pairs.pairs()
    made["agent_proofs.json"] = agent_proofs.proofs()
    made["agent_chains.json"] = agent_chains.chains() | {"agent": agent_questions.questions()}
    page = filled(PAGE.read_text(encoding="utf-8"), {"answers": agent_answers.table})
    return {PAGE: page} | {
        FOLDER / name: json.dumps(value, indent=1, ensure_ascii=True) + "\n"
        for name, value in made.items()
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
