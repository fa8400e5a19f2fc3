"""Lists that are read page by page, as a portal reads them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from tests.world import OLIVIA, Answer, Person, World


def page(
    world: World,
    path: str,
    person: Person | None = OLIVIA,
    *,
    limit: object = None,
    cursor: str | None = None,
    asked: Mapping[str, object] = MappingProxyType({}),
) -> Answer:
    """Ask for a page, whatever the answer."""
    query = {"limit": limit, "cursor": cursor} | dict(asked)
    given = [f"{name}={quote(str(value))}" for name, value in query.items() if value is not None]
    return world.request("GET", f"{path}?{'&'.join(given)}" if given else path, person=person)


def pages(
    world: World, path: str, person: Person = OLIVIA, *, limit: int | None = None
) -> list[list[dict[str, Any]]]:
    """All pages of a list, in order."""
    found: list[list[dict[str, Any]]] = []
    cursor: str | None = None
    while True:
        answer = page(world, path, person, limit=limit, cursor=cursor)
        assert answer.status == 200, answer
        (entries,) = [value for value in answer.json.values() if isinstance(value, list)]
        found.append(entries)
        cursor = answer.json["next_cursor"]
        if cursor is None:
            return found


def everything(world: World, path: str, person: Person = OLIVIA) -> list[dict[str, Any]]:
    """A whole list."""
    return [entry for entries in pages(world, path, person, limit=100) for entry in entries]


def history(world: World, license_id: str, person: Person = OLIVIA) -> list[dict[str, Any]]:
    """A licence's whole history, newest first."""
    return everything(world, f"/v1/licenses/{license_id}/events", person)


def feed(
    world: World, person: Person = OLIVIA, organization_id: str = "acme"
) -> list[dict[str, Any]]:
    """An organization's feed, newest first; for super-admins, the complete trail."""
    return everything(world, f"/v1/organizations/{organization_id}/events", person)


def temporary(
    world: World, organization_id: str = "acme", person: Person = OLIVIA
) -> list[dict[str, Any]]:
    """An organization's temporary licences, in the order that they are listed in."""
    return everything(world, f"/v1/organizations/{organization_id}/temporary-licenses", person)
