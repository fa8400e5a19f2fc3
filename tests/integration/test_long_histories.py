"""R33: a licence that has changed a million times is read in pages like any other."""

from typing import Any

import pytest

from licensing.adapters.dynamo import items
from licensing.domain.license import License
from tests.integration import pages
from tests.world import ADA, World

FEED = "/v1/organizations/acme/events"


@pytest.fixture
def license_id(world: World) -> str:
    """A licence at revision 999,998."""
    world.register("acme")
    issued: str = world.login().json["license"]["id"]
    set_revision(world, issued, 999_998)
    return issued


def stored(world: World, license_id: str) -> License:
    found = world.runtime.store.license(license_id)
    assert found is not None
    return found


def set_revision(world: World, license_id: str, revision: int) -> None:
    """As so many changes would have left it."""
    item = next(item for item in world.items() if item["sk"]["S"] == "LICENSE")
    assert items.read_license(item).id == license_id
    put(world, item | {"revision": {"N": str(revision)}})


def put(world: World, item: dict[str, Any]) -> None:
    world.runtime.dynamodb.put_item(TableName=world.runtime.settings.table_name, Item=item)


def label(world: World, license_id: str, text: str) -> None:
    target = f"/v1/licenses/{license_id}"
    assert world.request("PATCH", target, person=ADA, json={"label": text}).status == 200


def as_an_earlier_build(world: World, *, digits: int = 6) -> None:
    """Store all events of the licence as a build did that padded revisions to six digits."""
    store = world.runtime.dynamodb
    for item in world.items():
        head, _, rest = item["sk"]["S"].partition("#")
        at, _, rest = rest.partition("#")
        revision, _, id = rest.partition("#")
        if head != "EVENT" or not item["pk"]["S"].startswith("LICENSE#"):
            continue
        key = {"pk": item["pk"], "sk": item["sk"]}
        store.delete_item(TableName=world.runtime.settings.table_name, Key=key)
        place = f"{at}#{int(revision):0{digits}d}#{id}"
        put(
            world,
            item | {"sk": {"S": f"EVENT#{place}"}, "org_sk": {"S": f"{place}#{item['pk']['S']}"}},
        )


def revisions(world: World, path: str) -> list[int]:
    """The revisions of the changes in a list that is read one by one."""
    found = [entry for (entry,) in pages.pages(world, path, ADA, limit=1)]
    return [entry["revision"] for entry in found if entry["license_id"] is not None]


@pytest.mark.parametrize("seconds", [0, 1], ids=["in one second", "one by one"])
def test_r33_pages_go_on_in_order_past_the_millionth_revision(
    world: World, license_id: str, seconds: int
) -> None:
    for number in range(4):
        world.clock.advance(seconds)
        label(world, license_id, f"Till {number}")
    assert stored(world, license_id).revision == 1_000_002
    newest_first = [1_000_002, 1_000_001, 1_000_000, 999_999, 1]
    assert revisions(world, f"/v1/licenses/{license_id}/events") == newest_first
    assert revisions(world, FEED) == newest_first


def test_r33_what_an_earlier_build_has_stored_is_read_with_it_and_so_are_its_cursors(
    world: World, license_id: str
) -> None:
    for number in range(3):
        world.clock.advance(1)
        label(world, license_id, f"Till {number}")
    as_an_earlier_build(world)  # of which the last one has seven digits
    paths = [f"/v1/licenses/{license_id}/events", FEED]
    older = [pages.page(world, path, ADA, limit=2).json["next_cursor"] for path in paths]
    for number in range(2):
        world.clock.advance(1)
        label(world, license_id, f"Desk {number}")
    newest_first = [1_000_003, 1_000_002, 1_000_001, 1_000_000, 999_999, 1]
    for path, cursor in zip(paths, older, strict=True):
        assert revisions(world, path) == newest_first
        rest = pages.page(world, path, ADA, cursor=cursor).json["events"]
        assert [entry["revision"] for entry in rest if entry["license_id"]] == [999_999, 1]
