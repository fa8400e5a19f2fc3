"""R1, R18: a role is one whole element of the token's own list, whatever the claim looks like."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from licensing.domain.caller import Caller, Role
from licensing.domain.errors import Unauthenticated
from licensing.entrypoints.http.callers import caller
from licensing.entrypoints.http.requests import HttpRequest
from licensing.entrypoints.settings import Settings
from tests.local.authorizer import as_strings
from tests.unit.samples import ENVIRON
from tests.world import OPERATORS, Person, unsigned

SETTINGS = Settings.from_environ(ENVIRON)
ROLES = [role.value for role in Role]

separators = st.sampled_from(["", " ", ",", ";", "\t", "\N{NO-BREAK SPACE}", "] [", "-"])
words = st.sampled_from([*ROLES, *(role.upper() for role in ROLES), "of", "not", "", "[", "]"])
texts = st.builds(
    lambda separator, parts: separator.join(parts), separators, st.lists(words, max_size=4)
)
leaves = texts | st.none() | st.booleans() | st.integers()
claims = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=2),
    max_leaves=8,
)


def roles(shown: Any, handed: Any, separator: str = "") -> set[str]:
    """The roles of somebody whose token claims `shown`, where the gateway hands over `handed`."""
    found = read({"cognito:groups": shown}, {"cognito:groups": handed}, separator)
    return {role.value for role in found.roles}


def read(shown: dict[str, Any], handed: dict[str, Any], separator: str = "") -> Caller:
    """Who it is whose token claims `shown`, where the gateway hands over `handed`."""
    usual = Person("eve", "acme").claims(OPERATORS)
    token = unsigned(usual | shown)
    event = {
        "headers": {"authorization": f"Bearer {token}"},
        "requestContext": {"authorizer": {"jwt": {"claims": as_strings(usual | handed)}}},
    }
    return caller(HttpRequest.of(event), replace(SETTINGS, roles_separator=separator))


def elements(claim: Any) -> set[str]:
    """What a claim says as a whole: one text, or a list of nothing but texts."""
    if isinstance(claim, str):
        return {claim}
    if isinstance(claim, list) and all(isinstance(one, str) for one in claim):
        return set(claim)
    return set()


@settings(max_examples=100, deadline=None)
@given(claims)
@example(["super-admin of nothing"])
@example("[super-admin]")
@example("member super-admin")
@example([["super-admin"]])
def test_r18_nobody_has_a_role_that_is_no_element_of_the_claim(claim: Any) -> None:
    assert roles(claim, claim) == elements(claim) & set(ROLES)


@settings(max_examples=100, deadline=None)
@given(claims, claims)
@example(["super-admin"], ["member"])
@example(["super-admin", "x"], ["member"])
def test_r18_a_token_that_was_not_verified_gives_no_role_that_the_gateway_does_not_show(
    shown: Any, handed: Any
) -> None:
    try:
        found = roles(shown, handed)
    except Unauthenticated:
        return
    assert all(role in as_strings({"roles": handed})["roles"] for role in found)


@pytest.mark.parametrize(
    ("separator", "claim", "found"),
    [
        ("", "org-admin", {"org-admin"}),
        ("", "org-admin partner", set()),
        ("", "org-admin,partner", set()),
        (" ", "org-admin partner", {"org-admin", "partner"}),
        (" ", "org-admin,partner", set()),
        (" ", "org-admin\tpartner", set()),
        (",", "org-admin,partner", {"org-admin", "partner"}),
        (",", "org-admin partner", set()),
        (",", "[org-admin,partner]", set()),
        # It is for one text: the elements of a list are whole as they are.
        (" ", ["super-admin of nothing", "member"], {"member"}),
        (",", ["super-admin,nothing", "member"], {"member"}),
    ],
)
def test_r18_one_text_is_one_role_unless_the_deployment_says_what_separates_several(
    separator: str, claim: Any, found: set[str]
) -> None:
    assert roles(claim, claim, separator) == found


# -- what somebody is called -------------------------------------------------------------------


def called(shown: dict[str, Any], handed: dict[str, Any] | None = None) -> str | None:
    """The name of somebody whose token claims `shown`, where the gateway hands over `handed`."""
    return read(shown, shown if handed is None else handed).name


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"name": "Alice Liddell", "email": "alice@acme.example"}, "Alice Liddell"),
        (
            {"email": "alice@acme.example", "preferred_username": "al", "cognito:username": "a"},
            "alice@acme.example",
        ),
        ({"preferred_username": "al", "cognito:username": "a", "username": "b"}, "al"),
        ({"cognito:username": "a1b2", "username": "b"}, "a1b2"),
        ({"username": "b"}, "b"),
        ({}, None),
        ({"name": " \t ", "email": "alice@acme.example"}, "alice@acme.example"),
        ({"name": ""}, None),
        ({"name": 7, "email": ["alice@acme.example"]}, None),
        ({"name": "  Alice\x00\x1b[2J \u202eLiddell\n"}, "Alice[2J Liddell"),
        ({"name": "A" * 101}, "A" * 100),
        ({"name": "A" * 99 + " B"}, "A" * 99),
        ({"name": "愛麗絲 \N{CAT FACE}"}, "愛麗絲 \N{CAT FACE}"),
    ],
)
def test_r32_a_person_is_called_by_the_first_claim_that_tells_a_name(
    claims: dict[str, Any], name: str | None
) -> None:
    assert called(claims) == name


def test_a_name_that_was_not_handed_over_is_none_and_refuses_nobody() -> None:
    assert called({"name": "Adele"}, {"name": "Ada"}) is None
    assert called({"name": "Adele"}, {}) is None
    assert called(
        {"name": "Adele", "email": "ada@acme.example"}, {"email": "ada@acme.example"}
    ) == ("ada@acme.example")
