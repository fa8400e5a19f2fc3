"""The audit trail as it stands in the table, for tests: each event as plain values."""

from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from tests.world import World

_PLAIN = TypeDeserializer()


def events(world: World, kind: str | None = None) -> list[dict[str, Any]]:
    """Every event, or those of a kind, oldest first within its licence or organization."""
    plain = [
        {name: _PLAIN.deserialize(value) for name, value in item.items()}
        for item in world.items()
        if item["sk"]["S"].startswith("EVENT#")
    ]
    return [event for event in plain if kind is None or event["type"] == kind]


def but_notes(world: World) -> list[dict[str, Any]]:
    """Every item of the table, without what is on record of refused logins and of reads."""
    apart = ("REFUSED#", "READS#")
    return [item for item in world.items() if not item["pk"]["S"].startswith(apart)]


def kinds(world: World) -> list[str]:
    """The kinds of all events, sorted."""
    return sorted(event["type"] for event in events(world))
