"""Who holds which pairs of machine credentials, as it stands in the table, for tests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from licensing.domain.machine import Credentials, Machine
from tests.world import World

_PLAIN = TypeDeserializer()

Holders = dict[str, dict[str, str]]
"""Organization id → environment → licence id."""


@dataclass(frozen=True)
class Pair:
    """The item of one pair."""

    holders: Holders
    exclusive: bool


def of(world: World, machine: Mapping[str, Any]) -> set[str]:
    """The pairs of a machine's credentials, by the names that they have in the table."""
    credentials = Credentials.of(
        machine_id=machine.get("machine_id"),
        mac_addresses=machine.get("mac_addresses", ()),
        computer_name=machine.get("computer_name"),
    )
    hashing_key = world.runtime.keyrings.keyring().hashing_key
    return {pair.hex() for pair in Machine.of(credentials, hashing_key).pairs()}


def held(world: World) -> dict[str, Pair]:
    """Every pair that somebody holds."""
    return {
        item["pk"]["S"].removeprefix("PAIR#"): Pair(
            _PLAIN.deserialize(item["holders"]), item["is_exclusive"]["BOOL"]
        )
        for item in world.items()
        if item["sk"]["S"] == "PAIR"
    }


def held_by(world: World, license_id: str) -> set[str]:
    """The pairs that a licence holds."""
    return {
        name
        for name, pair in held(world).items()
        if any(license_id in licenses.values() for licenses in pair.holders.values())
    }
