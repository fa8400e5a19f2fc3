"""What administrators and billing do, each with the scene that it is done in."""

from collections.abc import Callable
from functools import partial
from typing import Any

from licensing.domain.errors import Unavailable
from tests.faults.agents import detached, licensed, registered, revoked, shared, tied
from tests.faults.operation import Operation, Told, told
from tests.integration.billing import bill
from tests.integration.partner import generate, revoke
from tests.integration.policy import govern
from tests.world import ADA, ALICE, OLIVIA, YEAR, Person, World

ORDER = "order-17"


# -- licences ---------------------------------------------------------------------------------


def _act(action: str) -> Callable[[World, dict[str, Any]], Told]:
    return lambda world, issued: told(world.act(action, issued["license"]["id"]))


def _act_from_outside(action: str) -> Callable[[World, dict[str, Any]], Told]:
    return lambda world, issued: told(world.act(action, issued["license"]["id"], OLIVIA))


def _edit(world: World, issued: dict[str, Any]) -> Told:
    body = {"primary": True, "label": "Till 3"}
    return told(
        world.request("PATCH", f"/v1/licenses/{issued['license']['id']}", person=ADA, json=body)
    )


def _edited(world: World) -> dict[str, Any]:
    issued = licensed(world)
    _edit(world, issued)
    return issued


def _ask(path: str, person: Person, world: World, issued: dict[str, Any] | None) -> Told:
    license_id = issued["license"]["id"] if issued else None
    return told(world.request("GET", path.format(license_id=license_id), person=person))


# -- temporary licences -----------------------------------------------------------------------


def _generate(world: World, _: object) -> Told:
    return told(generate(world, idempotency_key=ORDER))


def _generate_another(world: World, _: object) -> Told:
    return told(generate(world, "7d", idempotency_key=ORDER))


def _ordered(world: World) -> None:
    registered(world)
    generate(world, idempotency_key=ORDER)


def _end_early(world: World, issued: dict[str, Any]) -> Told:
    return told(revoke(world, issued["license"]["id"]))


def _ended_early(world: World) -> dict[str, Any]:
    issued = tied(world)
    revoke(world, issued["license"]["id"])
    return issued


# -- organizations ----------------------------------------------------------------------------


def _create(world: World, _: object) -> Told:
    return told(world.put("cork", max_agents=3))


def _change(world: World, _: object) -> Told:
    return told(world.put("acme", version=1, seconds=2 * YEAR, name="Acme Ltd"))


def _changed(world: World) -> None:
    registered(world)
    world.change("acme", seconds=3 * YEAR)


def _govern(world: World, _: object) -> Told:
    return told(govern(world, require_device_key=True))


def _governed(world: World) -> None:
    registered(world)
    govern(world, require_device_key=True)


READS = "/v1/organizations/acme/events?type=OrganizationRead"


def _watched(world: World) -> None:
    registered(world)
    # The entry about this read stands, so that the next one changes nothing of what it shows.
    world.request("GET", READS, person=OLIVIA)


def _turned_away(world: World) -> None:
    world.register("acme", max_agents=0)
    world.login(ALICE)


def _bill(version: int, organization_id: str) -> Callable[[World, object], Told]:
    def act(world: World, _: object) -> Told:
        try:
            changed = bill(world, version, organization_id)
        except Unavailable as error:  # then Lambda hands the event over again
            return Told(503, str(error), str(error.retry_after))
        return Told(200, f"changed: {changed}", None)

    return act


def _billed(world: World) -> None:
    registered(world)
    bill(world, 7)


REVOKE = "RevokeFunction"
CHANGE_LICENSE = "ChangeLicenseFunction"
ORGANIZATIONS = "OrganizationsFunction"
TEMPORARY = "TemporaryFunction"
STATISTICS = "ShowStatisticsFunction"
BILLING = "BillingFunction"
SPINE = (
    Operation("revocation", REVOKE, licensed, _act("revoke")),
    Operation("revocation on a shared machine", REVOKE, shared, _act("revoke")),
    Operation("registration", ORGANIZATIONS, registered, _create),
    Operation("change", ORGANIZATIONS, registered, _change),
)


def _counts(function: str, path: str) -> bool:
    return function == STATISTICS or path == "/v1/summary"


OPERATIONS = (
    *SPINE,
    Operation("repeated revocation", REVOKE, revoked, _act("revoke")),
    Operation("revocation repeated from outside", REVOKE, revoked, _act_from_outside("revoke")),
    Operation("attachment in vain by others", CHANGE_LICENSE, shared, _act_from_outside("attach")),
    Operation("detachment", CHANGE_LICENSE, licensed, _act("detach")),
    Operation("attachment", CHANGE_LICENSE, detached, _act("attach")),
    Operation("attachment of a revoked license", CHANGE_LICENSE, revoked, _act("attach")),
    Operation("dissociation", CHANGE_LICENSE, shared, _act("dissociate")),
    Operation("edit", CHANGE_LICENSE, licensed, _edit),
    Operation("repeated edit", CHANGE_LICENSE, _edited, _edit),
    Operation("generation", TEMPORARY, registered, _generate, is_cold=True),
    Operation("repeated generation", TEMPORARY, _ordered, _generate),
    Operation("generation by a key that has served", TEMPORARY, _ordered, _generate_another),
    Operation("end of a temporary license", REVOKE, tied, _end_early),
    Operation("repeated end of a temporary license", REVOKE, _ended_early, _end_early),
    Operation("refused change", ORGANIZATIONS, _changed, _change),
    Operation("decision about agents", ORGANIZATIONS, registered, _govern),
    Operation("repeated decision about agents", ORGANIZATIONS, _governed, _govern),
    Operation("first billing event", BILLING, registered, _bill(7, "cork")),
    Operation("newer billing event", BILLING, _billed, _bill(8, "acme")),
    Operation("older billing event", BILLING, _billed, _bill(6, "acme")),
    *(
        Operation(
            name, function, scene, partial(_ask, path, person), counts=_counts(function, path)
        )
        for name, function, scene, path, person in [
            (
                "organization",
                ORGANIZATIONS,
                registered,
                "/v1/organizations/acme",
                ADA,
            ),
            (
                "organization read from outside",
                ORGANIZATIONS,
                registered,
                "/v1/organizations/acme",
                OLIVIA,
            ),
            (
                "organizations",
                ORGANIZATIONS,
                _changed,
                "/v1/organizations?search=acme&sort=-valid_until",
                OLIVIA,
            ),
            ("license", "LicensesFunction", shared, "/v1/licenses/{license_id}", OLIVIA),
            ("list", "LicensesFunction", shared, "/v1/organizations/acme/licenses", ADA),
            (
                "list of active ones",
                "LicensesFunction",
                revoked,
                "/v1/organizations/acme/licenses?status=active",
                ADA,
            ),
            (
                "search",
                "LicensesFunction",
                shared,
                "/v1/organizations/acme/licenses?search=acme",
                ADA,
            ),
            (
                "list by name",
                "LicensesFunction",
                revoked,
                "/v1/organizations/acme/licenses?sort=computer_name",
                ADA,
            ),
            (
                "list by last seen",
                "LicensesFunction",
                shared,
                "/v1/organizations/acme/licenses?sort=-last_seen",
                ADA,
            ),
            ("history", "ListEventsFunction", revoked, "/v1/licenses/{license_id}/events", ADA),
            (
                "detachments",
                "ListEventsFunction",
                detached,
                "/v1/organizations/acme/events?type=LicenseDetached&from=2020-01-01T00:00:00Z",
                ADA,
            ),
            ("feed", "ListEventsFunction", tied, "/v1/organizations/acme/events", ADA),
            (
                "feed of refused logins",
                "ListEventsFunction",
                _turned_away,
                "/v1/organizations/acme/events?type=AccessRefused",
                ADA,
            ),
            (
                "trail",
                "ListEventsFunction",
                tied,
                # Not all of it: the entry about this very read may be in the index by then, or not.
                "/v1/organizations/acme/events?type=TemporaryLicenseUsed",
                OLIVIA,
            ),
            ("trail of reads", "ListEventsFunction", _watched, READS, OLIVIA),
            (
                "refusals of all",
                "ListEventsFunction",
                _turned_away,
                "/v1/events?type=AccessRefused",
                OLIVIA,
            ),
            ("summary", STATISTICS, revoked, "/v1/organizations/acme/summary", OLIVIA),
            ("summary of all", ORGANIZATIONS, _changed, "/v1/summary", OLIVIA),
            ("statistics", STATISTICS, revoked, "/v1/organizations/acme/statistics", ADA),
            ("activity", STATISTICS, revoked, "/v1/organizations/acme/activity", OLIVIA),
            (
                "list of temporary ones",
                TEMPORARY,
                _ended_early,
                "/v1/organizations/acme/temporary-licenses",
                OLIVIA,
            ),
        ]
    ),
)
