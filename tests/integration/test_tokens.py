"""R1: a token is good for one purpose, and only the ID token that was verified counts.

The claims that API Gateway hands over are those of the token in the request's header. What differs
between the two, or is no ID token of one client, lets nobody in, whatever the route.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.integration.answers import assert_problem, header
from tests.local import events
from tests.world import (
    ADA,
    AGENTS,
    ALICE,
    BEA,
    MACHINE_A,
    OLIVIA,
    OPERATORS,
    PAVEL,
    Answer,
    Person,
    World,
    unsigned,
)

ME = "GET /v1/me"
LOGIN = "POST /v1/licenses"


def shown(
    world: World, token: str | None, handed: Mapping[str, Any], route: str = ME, body: Any = None
) -> Answer:
    """The answer where API Gateway has verified claims, and the header has this token."""
    (found,) = [one for one in world.deployed.routes if one.key == route]
    headers = [] if token is None else [("authorization", token)]
    sent = json.dumps(body).encode() if body is not None else b""
    request = events.Request(
        found.method, found.path, [*headers, ("content-type", "application/json")], sent, "::1"
    )
    event = events.request_event(request, found, {}, handed, world.clock())
    return world.deliver(found.function, event)


def claimed(world: World, header: Mapping[str, Any] | None = None, **changed: Any) -> Answer:
    """The answer to an operator's token that claims something else than usual."""
    claims = OLIVIA.claims(OPERATORS) | changed
    claims = {name: value for name, value in claims.items() if value is not ...}
    return shown(world, f"Bearer {unsigned(claims, **(header or {}))}", claims)


# -- only ID tokens --------------------------------------------------------------------------------

NO_ID_TOKENS: dict[str, dict[str, Any]] = {
    "Cognito's access token": {
        "token_use": "access",
        "client_id": OPERATORS,
        "scope": "openid",
    },
    "of no use that Cognito names": {"token_use": "refresh"},
    "of several uses": {"token_use": ["id", "access"]},
    "Keycloak's access token": {"token_use": ..., "typ": "Bearer"},
    "Keycloak's refresh token": {"token_use": ..., "typ": "Refresh"},
    "Keycloak's access token with a proof": {"token_use": ..., "typ": "DPoP"},
    "Okta's access token": {"token_use": ..., "scp": ["openid"], "cid": OPERATORS},
    "Entra's access token": {"token_use": ..., "scp": "user_impersonation", "azpacr": "0"},
    "Entra's token of a program": {"token_use": ..., "appid": "x", "idtyp": "app"},
    "Entra's older token of a program": {"token_use": ..., "appidacr": "1"},
    "Auth0's access token": {"token_use": ..., "scope": "openid profile"},
    "Auth0's token of a program": {"token_use": ..., "gty": "client-credentials"},
    "RFC 9068's access token": {"token_use": ..., "client_id": OPERATORS, "jti": "x"},
}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", NO_ID_TOKENS)
def test_r01_only_id_tokens_count_where_the_issuer_tells_them_apart(
    world: World, name: str
) -> None:
    answer = claimed(world, **NO_ID_TOKENS[name])
    assert_problem(answer, 401, "unauthorized")
    assert header(answer, "www-authenticate") == "Bearer"
    assert "ID token" in answer.json["detail"]


@pytest.mark.parametrize("kind", ["at+jwt", "application/at+jwt", "dpop+jwt", "lease+jwt", 1, ""])
def test_r01_a_token_that_is_typed_as_another_kind_is_none(world: World, kind: Any) -> None:
    assert_problem(claimed(world, {"typ": kind}), 401, "unauthorized")


@pytest.mark.parametrize("kind", ["JWT", "jwt", None])
def test_r01_id_tokens_of_all_issuers_count(world: World, kind: str | None) -> None:
    typed = {"typ": kind} if kind else {}
    for others in ({}, {"token_use": ...}, {"token_use": ..., "typ": "ID", "azp": OPERATORS}):
        answer = claimed(world, typed, **others)
        assert (answer.status, answer.json["roles"]) == (200, ["super-admin"])


def test_r01_an_access_token_is_refused_by_every_route_and_writes_nothing(
    world: World, subtests: pytest.Subtests
) -> None:
    before = world.items()
    for route in world.deployed.routes:
        if route.authorizer is None or "{" in route.path:
            continue
        with subtests.test(route.key):
            (client,) = route.authorizer.audience
            claims = OLIVIA.claims(client) | {"token_use": "access", "client_id": client}
            del claims["aud"]
            answer = shown(world, f"Bearer {unsigned(claims)}", claims, route.key, {})
            assert_problem(answer, 401, "unauthorized")
    assert world.items() == before


# -- for one client --------------------------------------------------------------------------------


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "changed",
    [
        {"aud": [AGENTS, OPERATORS]},
        {"aud": [OPERATORS, OPERATORS]},
        {"aud": []},
        {"aud": ...},
        {"aud": 7},
        {"aud": [["operators"]]},
        {"azp": AGENTS},
        {"aud": [OPERATORS], "azp": AGENTS},
        {"azp": None},
    ],
    ids=str,
)
def test_r01_a_token_of_several_clients_is_good_for_none(
    world: World, changed: dict[str, Any]
) -> None:
    assert_problem(claimed(world, **changed), 401, "unauthorized")


def test_r01_a_token_of_one_client_in_a_list_is_one(world: World) -> None:
    assert claimed(world, aud=[OPERATORS]).status == 200


def test_r01_each_route_takes_the_tokens_of_one_kind_of_client(world: World) -> None:
    taken = {
        route.key: route.authorizer.audience for route in world.deployed.routes if route.authorizer
    }
    assert taken.pop(LOGIN) == (AGENTS,)
    assert set(taken.values()) == {(OPERATORS,)}
    assert ME in taken


# -- the token that was verified -------------------------------------------------------------------

HANDED = ADA.claims(OPERATORS)
TOKEN = ADA.token(OPERATORS)
FORGED = unsigned(HANDED | {"cognito:groups": ["super-admin"]})
HEADERS: dict[str, str | None] = {
    "no header": None,
    "nothing": "",
    "a scheme alone": "Bearer ",
    "two tokens": f"Bearer {TOKEN},Bearer {FORGED}",
    "two tokens the other way round": f"Bearer {FORGED},Bearer {TOKEN}",
    "two tokens in one scheme": f"Bearer {TOKEN} {FORGED}",
    "another scheme": f"Basic {TOKEN}",
    "one part": "Bearer x",
    "two parts": f"Bearer {TOKEN.rpartition('.')[0]}",
    "four parts": f"Bearer {TOKEN}.x",
    "no JSON": f"Bearer {TOKEN.split('.')[0]}.eA.x",
    "a list": f"Bearer {TOKEN.split('.')[0]}.W10.x",
    "another alphabet": f"Bearer {TOKEN.replace('e', '+', 1)}",
    "padding": f"Bearer {TOKEN.replace('.', '=.', 1)}",
    "with more roles": f"Bearer {FORGED}",
    "of another organization": f"Bearer {unsigned(HANDED | {'custom:organization_id': 'bolt'})}",
    "of another person": f"Bearer {BEA.token(OPERATORS)}",
    "of another issuer": f"Bearer {unsigned(HANDED | {'iss': 'https://evil.example'})}",
    "with another end": f"Bearer {unsigned(HANDED | {'exp': HANDED['exp'] + 1})}",
    "with no end": f"Bearer {unsigned(HANDED | {'exp': None})}",
    "of another client": f"Bearer {unsigned(HANDED | {'aud': AGENTS})}",
}


@pytest.mark.sampled(5)
@pytest.mark.parametrize("name", HEADERS)
def test_r01_claims_without_the_token_that_they_were_verified_in_let_nobody_in(
    world: World, name: str
) -> None:
    assert_problem(shown(world, HEADERS[name], HANDED), 401, "unauthorized")


def test_r01_the_token_counts_with_and_without_its_scheme(world: World) -> None:
    for text in (TOKEN, f"Bearer {TOKEN}", f"bearer {TOKEN}", f"Bearer  {TOKEN} "):
        assert shown(world, text, HANDED).json["roles"] == ["member", "org-admin"]


def test_r01_a_claim_that_is_named_twice_is_none(world: World) -> None:
    head, _, tail = TOKEN.split(".")
    twice = json.dumps(HANDED)[:-1] + ', "cognito:groups": ["super-admin"]}'
    body = base64.urlsafe_b64encode(twice.encode()).decode().rstrip("=")
    handed = HANDED | {"cognito:groups": ["super-admin"]}
    for claims in (HANDED, handed):
        assert_problem(shown(world, f"Bearer {head}.{body}.{tail}", claims), 401, "unauthorized")


def test_r01_an_end_counts_as_a_number_however_it_is_written(world: World) -> None:
    for end in ("1900003600", "1.9000036e+09", "1900003600.0"):
        assert shown(world, f"Bearer {TOKEN}", HANDED | {"exp": end}).status == 200
    for end in ("", "soon", "nan", "1900003601"):
        answer = shown(world, f"Bearer {TOKEN}", HANDED | {"exp": end})
        assert_problem(answer, 401, "unauthorized")


def test_r01_a_token_is_no_license_key_and_is_not_looked_up(world: World) -> None:
    world.register("acme")
    with world.counting() as calls:
        answer = world.validate(ALICE.token(AGENTS))
    assert_problem(answer, 400, "invalid_request")
    assert calls == {}


# -- super-admins on agents ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "roles", [("super-admin",), ("super-admin", "partner"), ("super-admin", "member", "org-admin")]
)
def test_r01_super_admins_log_in_on_no_agent_with_or_without_a_key(
    world: World, roles: tuple[str, ...]
) -> None:
    world.register("acme")
    world.register("vendor")
    target = "/v1/organizations/acme/temporary-licenses"
    temporary = world.request("POST", target, person=OLIVIA, json={"ttl": "1h"})
    before = world.items()
    for organization_id in ("vendor", "acme", "unregistered", None):
        person = Person("olivia", organization_id, roles)
        for more in ({}, {"license_key": temporary.json["license_key"]}):
            answer = world.login(person, MACHINE_A, **more)
            assert_problem(answer, 403, "forbidden")
            assert "without the role super-admin" in answer.json["detail"]
    assert world.items() == before
    # The partner gets in with it all the same.
    key = temporary.json["license_key"]
    assert world.login(PAVEL, MACHINE_A, license_key=key).status == 200
