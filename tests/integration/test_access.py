"""R1, R15 and R18: who may call what; another organization's things answer like no things at all.

The routes come from the template: a new one fails here until its row says what it answers to whom.
"""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from licensing_build.openapi import operations
from tests.integration.answers import assert_problem, header
from tests.local.deployment import Route
from tests.world import (
    ADA,
    ALICE,
    BEA,
    BESIDE,
    BORIS,
    MACHINE_A,
    NOON,
    OLIVIA,
    PAVEL,
    YEAR,
    Answer,
    Person,
    World,
    instant,
)

ROLELESS = Person("rita", "acme", ())
HOMELESS = Person("hal", None, ("org-admin",))
WRONG_ROLE = Person("walter", "acme", ("Org-Admin", "admin", "SUPER-ADMIN", "org-admin2"))
EVERYBODY = (ALICE, ROLELESS, WRONG_ROLE, ADA, BORIS, BEA, PAVEL, HOMELESS, OLIVIA)
ABSENT = {"license_id": "lic_0000000000000000", "organization_id": "nobody"}


@dataclass(frozen=True)
class Row:
    """A route: what is sent, and what it answers to `EVERYBODY` about a thing of Acme's."""

    answers: tuple[int, ...]
    sent: Any = None


#                            member and others of Acme's
#                            |              admin of Acme's
#                            |              |    member and admin of Bolt's
#                            |              |    |         partner
#                            |              |    |         |    admin of no organization
#                            |              |    |         |    |    super-admin
READ_BY_ADMINISTRATORS = Row((403, 403, 403, 200, 403, 404, 403, 404, 200))
CHANGED_BY_ADMINISTRATORS = Row((403, 403, 403, 200, 403, 404, 403, 404, 200), {"reason": "why"})
PUT_BY_SUPER_ADMINS = Row(
    (403, 403, 403, 403, 403, 403, 403, 403, 412),  # 412: the version is not named
    {
        "name": "Acme Two",
        "valid_until": instant(NOON + YEAR),
        "status": "active",
        "max_agents": None,
    },
)
# Whoever belongs to a registered organization; Acme's have the machine, so that it is not Bolt's.
LOGIN = Row((200, 200, 200, 200, 409, 409, 403, 403, 403), {"machine": MACHINE_A})


def by_super_admins(status: int, sent: Any = None) -> Row:
    return Row((*[403] * 8, status), sent)


TABLE = {
    "POST /v1/licenses": LOGIN,
    "GET /v1/licenses/{license_id}": READ_BY_ADMINISTRATORS,
    "PATCH /v1/licenses/{license_id}": replace(READ_BY_ADMINISTRATORS, sent={"primary": True}),
    "GET /v1/licenses/{license_id}/events": READ_BY_ADMINISTRATORS,
    "POST /v1/licenses/{license_id}/revoke": CHANGED_BY_ADMINISTRATORS,
    "POST /v1/licenses/{license_id}/detach": CHANGED_BY_ADMINISTRATORS,
    "POST /v1/licenses/{license_id}/attach": CHANGED_BY_ADMINISTRATORS,
    "POST /v1/licenses/{license_id}/dissociate": CHANGED_BY_ADMINISTRATORS,
    "POST /v1/licenses/{license_id}/reset-device-key": CHANGED_BY_ADMINISTRATORS,
    "GET /v1/organizations/{organization_id}/licenses": READ_BY_ADMINISTRATORS,
    "GET /v1/organizations/{organization_id}/events": READ_BY_ADMINISTRATORS,
    "GET /v1/organizations/{organization_id}/statistics": READ_BY_ADMINISTRATORS,
    "GET /v1/organizations/{organization_id}/activity": READ_BY_ADMINISTRATORS,
    "GET /v1/organizations/{organization_id}/summary": READ_BY_ADMINISTRATORS,
    "GET /v1/organizations/{organization_id}/temporary-licenses": by_super_admins(200),
    "POST /v1/organizations/{organization_id}/temporary-licenses": by_super_admins(
        201, {"ttl": "1h"}
    ),
    # A licence of the organization's own is none of these.
    "POST /v1/temporary-licenses/{license_id}/revoke": by_super_admins(404),
    "POST /v1/machines/lookup": by_super_admins(200, {"machine": MACHINE_A}),
    "POST /v1/licenses/search": by_super_admins(200, {"text": "acme-pc"}),
    "GET /v1/events": by_super_admins(200),
    "GET /v1/me": Row((200,) * 9),
    "GET /v1/organizations": by_super_admins(200),
    "GET /v1/summary": by_super_admins(200),
    "GET /v1/organizations/{organization_id}": READ_BY_ADMINISTRATORS,
    "PATCH /v1/organizations/{organization_id}": replace(
        READ_BY_ADMINISTRATORS, sent={"block_clones": True}
    ),
    "PUT /v1/organizations/{organization_id}": PUT_BY_SUPER_ADMINS,
}
OPEN = {"POST /v1/licenses/validate", "GET /.well-known/jwks.json", "GET /v1/openapi.json"}
AGENTS = {"POST /v1/licenses", "POST /v1/licenses/validate"}
WHO = tuple(person.subject for person in EVERYBODY)
# Who is not refused for what they are, whether or not the thing is theirs; as the document says it.
CALLERS = {
    frozenset(person.subject for person in people): callers
    for people, callers in (
        ((ADA, BEA, HOMELESS, OLIVIA), "administrators"),
        ((OLIVIA,), "super-admins"),
        (EVERYBODY, "operators"),
    )
}


def test_r01_every_route_asks_for_a_token_except_those_that_anybody_may_call(
    world: World,
) -> None:
    guarded = {route.key for route in world.deployed.routes if route.authorizer}
    assert guarded == set(TABLE)
    assert {route.key for route in world.deployed.routes if not route.authorizer} == OPEN | BESIDE


def test_the_document_says_of_each_operation_who_may_call_it() -> None:
    said = {f"{operation.method} {operation.path}": operation.callers for operation in operations()}
    assert {route for route, callers in said.items() if callers == "everybody"} == OPEN - AGENTS
    assert {route for route, callers in said.items() if callers == "agents"} == AGENTS
    for route, row in TABLE.items():
        if route not in AGENTS:
            takes = frozenset(who for who, it in zip(WHO, row.answers, strict=True) if it != 403)
            assert said[route] == CALLERS[takes], route


def test_r01_no_guarded_route_answers_without_claims(
    world: World, subtests: pytest.Subtests
) -> None:
    existing = _prepared(world)
    before = world.items()
    for route in _guarded(world):
        with subtests.test(route.key):
            answer = _call(world, route, existing, None)
            assert_problem(answer, 401, "unauthorized")
            assert header(answer, "www-authenticate") == "Bearer"
    assert world.items() == before


@pytest.mark.sampled(3)
@pytest.mark.parametrize("key", TABLE)
def test_r18_each_route_answers_each_role_as_the_table_says(world: World, key: str) -> None:
    existing = _prepared(world)
    (route,) = [route for route in _guarded(world) if route.key == key]
    answers = {person.subject: _call(world, route, existing, person) for person in EVERYBODY}
    assert [answer.status for answer in answers.values()] == list(TABLE[key].answers)
    for subject, answer in answers.items():
        if answer.status == 404:
            assert_problem(answer, 404, "not_found")
        if answer.status == 403:
            assert answer.json["code"] == "forbidden", subject


def test_r18_a_foreign_thing_answers_exactly_like_one_that_does_not_exist(
    world: World, subtests: pytest.Subtests
) -> None:
    existing = _prepared(world)
    before = world.items()
    foreigners = (BORIS, BEA, PAVEL, HOMELESS)
    for route in _guarded(world):
        if "{" not in route.path:
            continue
        for person in foreigners:
            with subtests.test(f"{route.key} as {person.subject}"):
                foreign = _call(world, route, existing, person)
                absent = _call(world, route, ABSENT, person)
                assert (foreign.status, foreign.headers, foreign.json) == (
                    absent.status,
                    absent.headers,
                    absent.json,
                )
                assert foreign.status in {403, 404}
                assert "acme" not in str(foreign.json).lower()
    assert world.items() == before


def test_r18_a_role_counts_for_the_organization_of_the_token_only(world: World) -> None:
    existing = _prepared(world)
    for claimed in ("ACME", " acme", "acme,bolt", "[acme bolt]", ""):
        person = Person("eve", claimed, ("org-admin",))
        answer = world.request("GET", f"/v1/licenses/{existing['license_id']}", person=person)
        assert_problem(answer, 404, "not_found")


def _prepared(world: World) -> dict[str, str]:
    world.register("acme")
    world.register("bolt")
    return {"license_id": world.login(ALICE).json["license"]["id"], "organization_id": "acme"}


def _guarded(world: World) -> list[Route]:
    return [route for route in world.deployed.routes if route.authorizer]


def _call(world: World, route: Route, parameters: dict[str, str], person: Person | None) -> Answer:
    target = route.path.format_map(parameters)
    return world.request(route.method, target, person=person, json=TABLE[route.key].sent)
