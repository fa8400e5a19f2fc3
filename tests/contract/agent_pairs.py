"""Machines as the service keeps them: hashes, the pairs that they claim, and which two are one."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from licensing.domain import components
from licensing.domain.machine import Credentials, Machine
from tests.unit.samples import HASHING_KEY

WHOLE: dict[str, Any] = {
    "machine_id": "{4C4C4544-0042-3510-8052-B4C04F4E5931}",
    "mac_addresses": ["3C-52-82-0A-1B-2C", "A4-BB-6D-3E-90-1F"],
    "computer_name": "ACME-PC-01",
}
MACHINES: Mapping[str, dict[str, Any]] = {
    "all three, with two addresses": WHOLE,
    "no machine id": {**WHOLE, "machine_id": None},
    "no address": {**WHOLE, "mac_addresses": []},
    "no name": {**WHOLE, "computer_name": None},
    "a default name, which makes no pair with what software has given": {
        **WHOLE,
        "mac_addresses": ["3C-52-82-0A-1B-2C", "52:54:00:6b:3c:58"],
        "computer_name": "localhost.localdomain",
    },
}
_OTHER_ID: dict[str, Any] = {"machine_id": "b1a7c0de-77aa-4c3e-9f10-0d5e6f708192"}
_OTHER_NAME: dict[str, Any] = {"computer_name": "bolt-1"}
_OTHER_CARD: dict[str, Any] = {"mac_addresses": ["00:1b:63:84:45:e6"]}
_ONE_CARD_MORE: dict[str, Any] = {"mac_addresses": ["00:1b:63:84:45:e6", "3c:52:82:0a:1b:2c"]}
_NO_ID: dict[str, Any] = {**WHOLE, "machine_id": None}
_NO_CARD: dict[str, Any] = {**WHOLE, "mac_addresses": []}
_IN_A_DOMAIN: dict[str, Any] = {"computer_name": "acme-pc-01.corp.local"}
_ON_A_VPN: dict[str, Any] = {
    **WHOLE,
    "mac_addresses": ["00:05:9a:3c:7a:00", "3c:52:82:0a:1b:2c"],
    "computer_name": "SERVER01",
}
_TWO_CARDS: dict[str, Any] = {"mac_addresses": ["00:05:9a:3c:7a:00", "00:1b:63:84:45:e6"]}
_OF_AN_IMAGE: dict[str, Any] = {
    **WHOLE,
    "mac_addresses": ["52:54:00:6b:3c:58"],
    "computer_name": "ubuntu",
}
TWO: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "in another spelling": (
        WHOLE,
        {
            "machine_id": "4c4c4544004235108052b4c04f4e5931",
            "mac_addresses": ["a4bb.6d3e.901f", "3c:52:82:0a:1b:2c"],
            "computer_name": "acme-pc-01.",
        },
    ),
    "renamed": (WHOLE, WHOLE | _OTHER_NAME),
    "with another network card": (WHOLE, WHOLE | _OTHER_CARD),
    "with its disk written anew": (WHOLE, WHOLE | _OTHER_ID),
    "renamed, and docked: one address is enough": (WHOLE, WHOLE | _OTHER_NAME | _ONE_CARD_MORE),
    "without an id this time": (WHOLE, _NO_ID),
    "without an id this time, and renamed": (WHOLE, _NO_ID | _OTHER_NAME),
    "without an id both times, and renamed": (_NO_ID, _NO_ID | _OTHER_NAME),
    "without an address both times": (_NO_CARD, _NO_CARD),
    "without an address both times, and renamed": (_NO_CARD, _NO_CARD | _OTHER_NAME),
    "only the id in common": (WHOLE, WHOLE | _OTHER_CARD | _OTHER_NAME),
    "only the name in common": (WHOLE, WHOLE | _OTHER_ID | _OTHER_CARD),
    "only addresses in common, but two of them": (WHOLE, WHOLE | _OTHER_ID | _OTHER_NAME),
    "its name without its domain": (WHOLE, WHOLE | _OTHER_ID | _IN_A_DOMAIN),
    "a VPN's address and a name in common": (_ON_A_VPN, _ON_A_VPN | _OTHER_ID | _TWO_CARDS),
    "of one image: its name, and an address that software has given": (
        _OF_AN_IMAGE,
        _OF_AN_IMAGE | _OTHER_ID,
    ),
    "of one image, but with a maker's address in common": (
        _OF_AN_IMAGE | _TWO_CARDS,
        _OF_AN_IMAGE | _OTHER_ID | _TWO_CARDS,
    ),
    "renamed from the image's name": (_OF_AN_IMAGE, _OF_AN_IMAGE | _OTHER_NAME),
    "nothing in common": (WHOLE, WHOLE | _OTHER_ID | _OTHER_CARD | _OTHER_NAME),
}


def pairs() -> dict[str, Any]:
    """The hashing key, machines with their hashes and claims, and two machines at a time."""
    return {
        "hashing_key": HASHING_KEY.hex(),
        "machines": [_machine(name, raw) for name, raw in MACHINES.items()],
        "two": [_two(name, *raw) for name, raw in TWO.items()],
    }


def _machine(name: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    made = Credentials.of(**raw)
    hashed = Machine.of(made, HASHING_KEY)
    return {
        "name": name,
        "raw": raw,
        "normalised": {
            "machine_id": made.machine_id,
            "mac_addresses": list(made.mac_addresses),
            "computer_name": made.computer_name,
        },
        "hashes": {
            "machine_id": _hex(hashed.machine_id),
            "mac_addresses": [_hex(mac) for mac in hashed.mac_addresses],
            "computer_name": _hex(hashed.computer_name),
        },
        "pairs": list(_pairs(made)),
    }


def _pairs(made: Credentials) -> Iterator[dict[str, Any]]:
    """Each pair of components, with the claim of a machine that has nothing else."""
    parts = [
        ("machine_id", made.machine_id),
        *(("mac_address", mac) for mac in made.mac_addresses),
        ("computer_name", made.computer_name),
    ]
    unnamed = (
        {mac for mac in made.mac_addresses if components.is_locally_administered(mac)}
        if made.has_default_name
        else set()
    )
    for one, other in combinations(parts, 2):
        is_made = not (other[0] == "computer_name" and one[1] in unnamed)
        if one[0] != other[0] and one[1] and other[1] and is_made:
            pair = dict([one, other])
            macs = [mac for mac in [pair.get("mac_address")] if mac]
            alone = Credentials.of(
                machine_id=pair.get("machine_id"),
                mac_addresses=macs,
                computer_name=pair.get("computer_name"),
            )
            (claim,) = Machine.of(alone, HASHING_KEY).pairs()
            yield {"of": pair, "claim": _hex(claim)}


def _two(name: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    first, second = (Machine.of(Credentials.of(**raw), HASHING_KEY) for raw in (one, other))
    return {
        "name": name,
        "one": one,
        "other": other,
        "same": first.is_same_as(second),
        "claims_in_common": sorted(claim.hex() for claim in first.pairs() & second.pairs()),
    }


def _hex(digest: bytes | None) -> str | None:
    return None if digest is None else digest.hex()
