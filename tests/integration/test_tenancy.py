"""R1, R18 and R29: no role reaches into another organization, by any route, in any shape.

The calls are generated from the template's routes: a new one is covered as soon as it is there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import pytest

from licensing.domain.caller import Role
from tests.integration.answers import assert_problem
from tests.local import events
from tests.local.deployment import Route
from tests.local.gateway import match
from tests.proof import Proof
from tests.world import (
    ALICE,
    BORIS,
    MACHINE_A,
    MACHINE_B,
    NOON,
    OLIVIA,
    OPERATORS,
    YEAR,
    Answer,
    Person,
    World,
    instant,
    new_world,
    unsigned,
)

ROLES: dict[str, tuple[str, ...]] = {
    "no role": (),
    "member": ("member",),
    "org-admin": ("org-admin",),
    "partner": ("partner",),
    "all but super-admin": ("member", "org-admin", "partner"),
    "super-admin": ("super-admin",),
    "unknown roles": ("admin", "root", "superadmin", "org-admins", "Org-Admin", "SUPER-ADMIN", "*"),
}
BODIES: dict[str, Any] = {
    "POST /v1/machines/lookup": {"machine": MACHINE_A},
    "POST /v1/licenses/search": {"text": "acme-pc"},
    "PATCH /v1/licenses/{license_id}": {"primary": True},
    "PATCH /v1/organizations/{organization_id}": {"block_clones": True},
    "PUT /v1/organizations/{organization_id}": {
        "name": "Taken Over",
        "valid_until": instant(NOON + YEAR),
        "status": "active",
        "max_agents": 1,
    },
    "POST /v1/organizations/{organization_id}/temporary-licenses": {"ttl": "1h"},
}
ABSENT = {"license_id": "lic_0000000000000000", "organization_id": "nobody"}
TEMPORARY = "/v1/temporary-licenses/"


@dataclass(frozen=True)
class Things:
    """An organization, one of its licences and one of its temporary licences."""

    organization_id: str
    license_id: str
    temporary_id: str

    def target(self, route: Route) -> str:
        """The path of a route to these things."""
        license_id = self.temporary_id if route.path.startswith(TEMPORARY) else self.license_id
        return route.path.format(organization_id=self.organization_id, license_id=license_id)


def things(world: World, person: Person, machine: Any) -> Things:
    """Register a person's organization, with a licence and a temporary one."""
    organization_id = str(person.organization_id)
    world.register(organization_id)
    target = f"/v1/organizations/{organization_id}/temporary-licenses"
    temporary = world.request("POST", target, person=OLIVIA, json={"ttl": "1h"})
    return Things(
        organization_id,
        world.login(person, machine).json["license"]["id"],
        temporary.json["license"]["id"],
    )


def about_one(world: World) -> list[Route]:
    """The routes with an id in their path."""
    return [route for route in world.api if "{" in route.path]


def call(world: World, route: Route, target: str, person: Person | None) -> Answer:
    headers = [("If-None-Match", "*")] if route.method == "PUT" else []
    return world.request(
        route.method, target, person=person, json=BODIES.get(route.key), headers=headers
    )


def people() -> Iterator[tuple[str, Person]]:
    """Every role, in Acme, in an organization that is not registered, and in none."""
    for name, roles in ROLES.items():
        for organization_id in ("acme", "unregistered", None):
            yield f"{name} of {organization_id}", Person("sub", organization_id, roles)


def seen(answer: Answer) -> tuple[int, Any, dict[str, str]]:
    """All that a caller gets to see of an answer."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return answer.status, answer.json, headers


@pytest.mark.thorough
def test_r18_a_foreign_thing_answers_like_one_that_does_not_exist_whatever_the_route_and_role(
    world: World, subtests: pytest.Subtests
) -> None:
    things(world, ALICE, MACHINE_A)
    bolts = things(world, BORIS, MACHINE_B)
    nothing = Things(ABSENT["organization_id"], ABSENT["license_id"], ABSENT["license_id"])
    before = world.items()
    assert len(about_one(world)) >= 14
    for route in about_one(world):
        for name, person in people():
            if "super-admin" in person.roles:
                continue
            with subtests.test(f"{route.key} as {name}"):
                foreign = call(world, route, bolts.target(route), person)
                absent = call(world, route, nothing.target(route), person)
                assert seen(foreign) == seen(absent)
                assert_problem(
                    foreign, foreign.status, {403: "forbidden", 404: "not_found"}[foreign.status]
                )
                shown = str((foreign.json, foreign.headers)).lower()
                for secret in (bolts.organization_id, bolts.license_id, bolts.temporary_id):
                    assert secret not in shown
    assert world.items() == before


@pytest.mark.thorough
def test_r18_ids_of_any_length_and_form_answer_like_one_that_does_not_exist(
    world: World, subtests: pytest.Subtests
) -> None:
    acmes = things(world, ALICE, MACHINE_A)
    before = world.items()
    admin = Person("ada", "acme", ("org-admin",))
    of_no_thing = {
        "license_id": (
            *("x", "lic_", "lic_0", "LIC_0000000000000000", "lic_000000000000000I", "null", "*"),
            *(acmes.license_id.upper(), f"{acmes.license_id}0", f"%20{acmes.license_id}"),
            *("l" * 2049, "lic_" + "0" * 5000, "%25", "%C3%B6", "events"),
        ),
        "organization_id": (
            *("x", "ACME", "acme%20", "%20acme", "bolt_", "null", "*", "a" * 64, "o" * 5000),
            acmes.license_id,
        ),
    }
    # What no id is made of: the end of a text, and what separates the parts of a key.
    of_no_id = (
        "acme%00",
        f"{acmes.license_id}%00",
        "LICENSE%23x",
        "ORGANIZATION%23x",
        "%E2%82%AC",
    )
    for route in about_one(world):
        if route.path.startswith(TEMPORARY) or route.method == "PUT":
            continue
        (parameter,) = [name for name in ABSENT if f"{{{name}}}" in route.path]
        for person in (admin, OLIVIA):
            absent = call(world, route, route.path.format_map(ABSENT), person)
            assert absent.status in {403, 404}
            for id in (*of_no_thing[parameter], *of_no_id):
                with subtests.test(f"{route.key} of {id[:20]} as {person.subject}"):
                    answer = call(world, route, route.path.replace(f"{{{parameter}}}", id), person)
                    assert seen(answer) == seen(absent)
    assert world.items() == before


def test_r18_each_kind_of_license_answers_to_its_own_routes_only(
    world: World, subtests: pytest.Subtests
) -> None:
    acmes = things(world, ALICE, MACHINE_A)
    crossed = Things(acmes.organization_id, acmes.temporary_id, acmes.license_id)
    before = world.items()
    for route in about_one(world):
        if "{license_id}" not in route.path or route.path.endswith("/events"):
            continue
        with subtests.test(route.key):
            answer = call(world, route, crossed.target(route), OLIVIA)
            assert_problem(answer, 404, "not_found")
    assert world.items() == before


def test_r18_in_their_own_organization_only_administrators_get_anything(
    world: World, subtests: pytest.Subtests
) -> None:
    acmes = things(world, ALICE, MACHINE_A)
    before = world.items()
    for route in about_one(world):
        for name, person in people():
            is_admin = {"org-admin", "super-admin"} & set(person.roles)
            if is_admin and (person.organization_id == "acme" or "super-admin" in person.roles):
                continue
            with subtests.test(f"{route.key} as {name}"):
                answer = call(world, route, acmes.target(route), person)
                status, code = (404, "not_found") if is_admin else (403, "forbidden")
                if answer.json["code"] == "forbidden":
                    status, code = 403, "forbidden"  # only for super-admins
                assert_problem(answer, status, code)
                assert acmes.license_id not in str(answer.json)
        with subtests.test(f"{route.key} without a token"):
            assert_problem(call(world, route, acmes.target(route), None), 401, "unauthorized")
    assert world.items() == before


ONLY_SUPER_ADMINS = {
    "PUT /v1/organizations/{organization_id}",
    "POST /v1/organizations/{organization_id}/temporary-licenses",
    "GET /v1/organizations/{organization_id}/temporary-licenses",
    "POST /v1/temporary-licenses/{license_id}/revoke",
}


@pytest.mark.parametrize("role", ["org-admin", "super-admin"])
def test_r18_administrators_get_their_own_things_and_super_admins_all(
    world: World, role: str, subtests: pytest.Subtests
) -> None:
    acmes = things(world, ALICE, MACHINE_A)
    person = Person("sub", "acme" if role == "org-admin" else "vendor", (role,))
    for route in about_one(world):
        with subtests.test(route.key):
            answer = call(world, route, acmes.target(route), person)
            if role == "org-admin" and route.key in ONLY_SUPER_ADMINS:
                assert_problem(answer, 403, "forbidden")
            elif route.path.endswith("/attach"):
                # Revoked by now, as the routes stand in the template.
                assert_problem(answer, 409, "invalid_transition")
            elif route.method == "PUT":
                assert_problem(answer, 412, "precondition_failed")
            else:
                assert answer.status in {200, 201, 409}, answer
                assert answer.status != 409 or answer.json["code"] == "invalid_transition"


# -- the matrix ------------------------------------------------------------------------------------

ONLY_SUPER_ADMINS_ANYWHERE = {
    *ONLY_SUPER_ADMINS,
    "POST /v1/machines/lookup",
    "POST /v1/licenses/search",
    "GET /v1/events",
    "GET /v1/summary",
    "GET /v1/organizations",
}
ANYBODYS = "GET /v1/me"
LOGIN = "POST /v1/licenses"
EVERY_SET_OF_ROLES = [
    tuple(chosen)
    for count in range(len(Role) + 1)
    for chosen in combinations([role.value for role in Role], count)
]


def expected(route: Route, roles: tuple[str, ...], whose: str) -> int | None:
    """What a person of Acme with these roles is answered; `None` stands for being served."""
    is_super_admin = "super-admin" in roles
    if route.key == ANYBODYS:
        return None
    if route.key in ONLY_SUPER_ADMINS_ANYWHERE and not is_super_admin:
        return 403
    if not is_super_admin and "org-admin" not in roles:
        return 403
    if whose == "absent" and route.method == "PUT":
        return None
    if whose == "absent" or (whose == "foreign" and not is_super_admin):
        return 404
    return None


@pytest.mark.proof
def test_r18_r29_every_route_answers_every_set_of_roles_as_the_matrix_says(
    engine: str, proof: Proof
) -> None:
    with new_world(engine) as world:
        whose = {
            "own": things(world, ALICE, MACHINE_A),
            "foreign": things(world, BORIS, MACHINE_B),
            "absent": Things(ABSENT["organization_id"], ABSENT["license_id"], ABSENT["license_id"]),
        }
        # Logging in is every member's, and a PUT makes what was absent.
        routes = sorted(
            (one for one in world.deployed.routes if one.authorizer and one.key != LOGIN),
            key=lambda route: route.method == "PUT",
        )
        assert {route.key for route in routes} >= ONLY_SUPER_ADMINS_ANYWHERE
        cells = [
            (route, roles, name)
            for route, roles, name in product(routes, EVERY_SET_OF_ROLES, whose)
            if "{" in route.path or name == "own"
        ]
        before, wrong = world.items(), list[str]()
        # Whoever is refused comes first, and changes nothing.
        for route, roles, name in sorted(cells, key=lambda cell: expected(*cell) is None):
            status = expected(route, roles, name)
            if status is None and before:
                assert world.items() == before
                before.clear()
            answer = call(world, route, whose[name].target(route), Person("x", "acme", roles))
            if status is None:
                is_right = answer.status not in {401, 403, 404}
            else:
                code = {403: "forbidden", 404: "not_found"}[status]
                is_right = (answer.status, answer.json["code"]) == (status, code)
            if not is_right:
                wrong.append(f"{route.key} of {name} as {roles}: {answer}")
        assert not wrong, "\n".join(wrong)
        proof.found(
            f"{len(routes)} routes, {len(EVERY_SET_OF_ROLES)} sets of roles, own, foreign and "
            f"absent things: {len(cells)} cells, no escalation",
            is_random=False,
        )


# -- claims: what a token may look like -----------------------------------------------------------

NO_ESCALATION: dict[str, Any] = {
    "missing": None,
    "a group with blanks in its name": ["super-admin of nothing"],
    "two groups with blanks in their names": ["not super-admin", "org-admin not"],
    "blanks around": [" super-admin", "super-admin ", "\tsuper-admin\n"],
    "a list as text": "[super-admin]",
    "several in one text": "member super-admin",
    "several with commas in one text": "member,super-admin",
    "a list with what is no text": ["x", None, ["y"], "super-admin"],
    "with a byte of zero": ["super-admin\0"],
    "in another case": ["Super-Admin", "ORG-ADMIN"],
    "composed otherwise": ["su\N{COMBINING DIAERESIS}per-admin", "\N{KELVIN SIGN}org-admin"],
    "empty": "",
    "blank": "   ",
    "an empty list as text": "[]",
    "a blank list as text": "[ ]",
    "upper case": "SUPER-ADMIN",
    "mixed case in a list": "[Super-Admin Org-Admin]",
    "another separator": "super-admin;org-admin",
    "a group with a comma in its name": "[x,super-admin org-admin,y]",
    "a group with a bracket in its name": "[super-admin",
    "a longer word": "super-admin2",
    "a part of a word": "[not-super-admin org-admin-not]",
    "with an underscore": "super_admin",
    "quoted": '"super-admin"',
    "JSON as text": '["super-admin", "org-admin"]',
    "nested as text": "[[super-admin] [org-admin]]",
    "doubly bracketed": "[[super-admin]]",
    "a map as text": "map[super-admin:true]",
    "a look-alike": "s\N{LATIN SMALL LETTER U WITH DIAERESIS}per-admin",
    "full width": "\N{FULLWIDTH LATIN SMALL LETTER S}uper-admin",
    "with a zero width space": "\N{ZERO WIDTH SPACE}super-admin",
    "with a non-breaking hyphen": "super\N{NON-BREAKING HYPHEN}admin",
    "very long": "super-admin" * 10_000,
    "a very long list": "[" + " ".join(f"role-{n}" for n in range(20_000)) + "]",
    "a nested list": [["super-admin"], ["org-admin"]],
    "a list of maps": [{"super-admin": True}, {"name": "org-admin"}],
    "a list of no texts": [None, True, 1, 1.5],
    "a map": {"super-admin": True, "org-admin": True},
    "a truth": True,
    "a number": 1,
}
SUPER_ADMIN: dict[str, Any] = {
    "alone": "super-admin",
    "in a list": ["super-admin"],
    "in a longer list": ["member", "super-admin", "partner"],
    "beside a group with blanks in its name": ["all of us", "super-admin"],
    "twice": ["super-admin", "super-admin"],
    "in a very long list": [*(f"role-{n}" for n in range(20_000)), "super-admin"],
}
NOT_ACME: dict[str, Any] = {
    "missing": None,
    "empty": "",
    "upper case": "ACME",
    "blank around": " acme ",
    "a list as text": "[acme]",
    "two of them": "acme bolt",
    "with a comma": "acme,bolt",
    "a longer word": "acme2",
    "a prefix": "acm",
    "with a line break": "acme\n",
    "with a zero byte": "acme\0",
    "a key of the table": "ORGANIZATION#acme",
    "a path": "../acme",
    "very long": "acme" * 20_000,
    "a list": ["acme"],
    "a map": {"acme": True},
    "a truth": True,
    "a number": 1,
}


def claiming(world: World, method: str, target: str, body: Any = None, **claims: Any) -> Answer:
    """A request whose token makes these claims."""
    named = {"roles": "cognito:groups", "organization": "custom:organization_id", "sub": "sub"}
    usual = Person("eve", "acme", ("member",)).claims(OPERATORS)
    raw = {**usual, **{named[name]: value for name, value in claims.items()}}
    (route,) = [
        route
        for route in world.deployed.routes
        if route.method == method
        and route.path.count("{") == ("{" in route.path)
        and match(route.path, target) is not None
        and (target == "/v1/licenses" or "{" in route.path or route.path == target)
    ]
    present = {name: value for name, value in raw.items() if value is not None}
    headers = [
        ("content-type", "application/json"),
        ("authorization", f"Bearer {unsigned(present)}"),
    ]
    sent = events.Request(method, target, headers, b"", "192.0.2.1")
    parameters = match(route.path, target) or {}
    event = events.request_event(sent, route, parameters, present, world.clock())
    if body is not None:
        event["body"] = body
    return world.deliver(route.function, event)


def test_r01_r18_no_shape_of_a_claim_makes_an_administrator(
    world: World, subtests: pytest.Subtests
) -> None:
    acmes = things(world, ALICE, MACHINE_A)
    before = world.items()
    revoke = f"/v1/licenses/{acmes.license_id}/revoke"
    for name, roles in NO_ESCALATION.items():
        with subtests.test(name):
            assert_problem(claiming(world, "POST", revoke, roles=roles), 403, "forbidden")
            answer = claiming(world, "GET", "/v1/organizations/acme", roles=roles)
            assert_problem(answer, 403, "forbidden")
    assert world.items() == before


def test_r18_a_role_is_read_in_each_shape_that_issuers_give_it(
    world: World, subtests: pytest.Subtests
) -> None:
    things(world, ALICE, MACHINE_A)
    target = "/v1/organizations/acme"
    for name, roles in SUPER_ADMIN.items():
        with subtests.test(name):
            answer = claiming(world, "GET", target, roles=roles, organization="vendor")
            assert answer.status == 200


def test_r01_r18_no_shape_of_a_claim_makes_a_member_of_an_organization(
    world: World, subtests: pytest.Subtests
) -> None:
    acmes = things(world, ALICE, MACHINE_A)
    before = world.items()
    login = '{"machine": {"machine_id": "4711", "computer_name": "PC"}}'
    for name, organization in NOT_ACME.items():
        with subtests.test(name):
            answer = claiming(world, "POST", "/v1/licenses", login, organization=organization)
            assert_problem(answer, 403, "forbidden")
            for target in (f"/v1/licenses/{acmes.license_id}", "/v1/organizations/acme/events"):
                answer = claiming(
                    world, "GET", target, organization=organization, roles=["org-admin"]
                )
                assert_problem(answer, 404, "not_found")
            target = f"/v1/licenses/{acmes.license_id}/dissociate"
            answer = claiming(world, "POST", target, organization=organization, roles="org-admin")
            assert_problem(answer, 404, "not_found")
    assert world.items() == before


def test_r01_a_token_without_a_subject_is_no_token(world: World, subtests: pytest.Subtests) -> None:
    acmes = things(world, ALICE, MACHINE_A)
    before = world.items()
    subjects: dict[str, Any] = {"missing": None, "empty": "", "a number": 7, "a list": ["olivia"]}
    for name, subject in subjects.items():
        with subtests.test(name):
            target = f"/v1/licenses/{acmes.license_id}/revoke"
            answer = claiming(world, "POST", target, sub=subject, roles="super-admin")
            assert_problem(answer, 401, "unauthorized")
    assert world.items() == before
