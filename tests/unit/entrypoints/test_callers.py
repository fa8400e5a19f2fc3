"""R1, R18: a role is one whole element of the token's own list, whatever the claim looks like."""

from dataclasses import replace
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from hypothesis import example, given, settings
from hypothesis import strategies as st

from licensing.domain.caller import Role
from licensing.domain.errors import Unauthenticated
from licensing.entrypoints.http.callers import caller
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
    usual = Person("eve", "acme").claims(OPERATORS)
    token = unsigned(usual | {"cognito:groups": shown})
    event = {
        "headers": {"authorization": f"Bearer {token}"},
        "requestContext": {
            "authorizer": {"jwt": {"claims": as_strings(usual | {"cognito:groups": handed})}}
        },
    }
    found = caller(APIGatewayProxyEventV2(event), replace(SETTINGS, roles_separator=separator))
    return {role.value for role in found.roles}


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
