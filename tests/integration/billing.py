"""Events of the billing system, as EventBridge hands them to the function behind its bus."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from tests.local.template import ACCOUNT, REGION
from tests.world import YEAR, World, instant


def detail(world: World, version: Any, organization_id: str = "acme", **other: Any) -> Any:
    """What billing says of an organization; `seconds` is how long its subscription lasts."""
    seconds = other.pop("seconds", YEAR)
    return {
        "organization_id": organization_id,
        "name": organization_id.capitalize(),
        "valid_until": instant(world.clock() + seconds),
        "status": "active",
        "max_agents": None,
        "version": version,
        **other,
    }


def envelope(said: Any, **other: Any) -> dict[str, Any]:
    """The event that carries it."""
    return {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": "SubscriptionChanged",
        "source": "billing",
        "account": ACCOUNT,
        "time": "2030-03-17T17:46:40Z",
        "region": REGION,
        "resources": [],
        "detail": said,
        **other,
    }


def deliver(world: World, event: Mapping[str, Any]) -> bool:
    """Hand an event over; whether it has changed anything."""
    result = world.invoke("BillingFunction", event)
    assert result["organization_id"] == event["detail"]["organization_id"]
    changed: bool = result["changed"]
    return changed


def bill(world: World, version: int, organization_id: str = "acme", **other: Any) -> bool:
    """Let billing say something; whether that has changed anything."""
    return deliver(world, envelope(detail(world, version, organization_id, **other)))
