"""R5: the template allows every function what it does, and nothing beyond that."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any

import pytest

from tests.integration import permissions
from tests.integration.life import Life
from tests.integration.permissions import Permission
from tests.local.stack import TEMPLATE
from tests.local.template import Template
from tests.world import World, new_world

FUNCTIONS = Template(TEMPLATE).of_type("AWS::Serverless::Function")


@pytest.fixture(scope="module")
def lived() -> Iterator[World]:
    """A world in which each function has done all that it ever does."""
    with new_world() as world:
        world.runtime.bus.client.meta.events.register(
            "provide-client-params",
            lambda params, model, **_: world.calls.append((model.name, params)),
        )
        Life(world).live()
        yield world


def differences(needed: AbstractSet[Permission], allowed: AbstractSet[Permission]) -> list[str]:
    """What a role allows too much and too little."""
    return [
        *(f"{_told(one)} is not needed" for one in sorted(allowed - needed)),
        *(f"{_told(one)} is missing" for one in sorted(needed - allowed)),
    ]


def _told(permission: Permission) -> str:
    return f"{permission.action} on {permission.resource} of {permission.about}"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_r05_the_template_allows_every_function_what_it_does_and_no_more(
    lived: World, function: str
) -> None:
    needed = permissions.needed(lived, function) | permissions.needed_by_lambda(function)
    assert differences(needed, permissions.allowed(function)) == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_r05_one_permission_more_or_less_is_found(lived: World, function: str) -> None:
    needed = permissions.needed(lived, function) | permissions.needed_by_lambda(function)
    allowed = permissions.allowed(function)
    for one in allowed:
        fewer = differences(needed, allowed - {one})
        assert fewer == [f"{_told(one)} is missing"]
    for one in (
        Permission("dynamodb:Scan", "table"),
        Permission("dynamodb:Query", "table/*"),
        Permission("dynamodb:GetItem", "table"),
        Permission("dynamodb:UpdateItem", "table", "*#*"),
        Permission("dynamodb:Query", "table/index/by_organization", "LICENSE*"),
        Permission("secretsmanager:PutSecretValue", "secret"),
        Permission("sqs:ReceiveMessage", "BillingDeadLetters"),
        Permission("events:PutEvents", "bus", "billing"),
    ):
        more = differences(needed, allowed | {one})
        assert more == [f"{_told(one)} is not needed"]


ATTACKS = {
    "validation changes no subscription": ("ValidateFunction", "UpdateItem", "ORGANIZATION#acme"),
    "validation makes no organization": ("ValidateFunction", "PutItem", "ORGANIZATION#acme"),
    "a login makes no organization": ("IssueFunction", "PutItem", "ORGANIZATION#acme"),
    "a partner's key takes no machine": ("TemporaryFunction", "PutItem", "PAIR#00"),
    "billing reads no licence": ("BillingFunction", "GetItem", "LICENSE#lic_1"),
    "billing changes no licence": ("BillingFunction", "UpdateItem", "LICENSE#lic_1"),
    "a new rule touches no licence": ("OrganizationsFunction", "UpdateItem", "LICENSE#lic_1"),
    "discovery reads nothing": ("DiscoveryFunction", "GetItem", "LICENSE#lic_1"),
    "the portal reads nothing": ("PortalFunction", "GetItem", "LICENSE#lic_1"),
    "publishing reads nothing": ("PublishFunction", "GetItem", "LICENSE#lic_1"),
    "the sweep frees no machine": ("ExpirySweepFunction", "DeleteItem", "PAIR#00"),
}


@pytest.mark.parametrize(("function", "action", "key"), ATTACKS.values(), ids=ATTACKS.keys())
def test_r05_a_function_that_is_taken_over_reaches_no_items_but_its_own(
    function: str, action: str, key: str
) -> None:
    assert not permissions.lets_through(function, f"dynamodb:{action}", "table", [key])


def test_r05_a_function_that_is_taken_over_reads_no_other_list_of_an_index() -> None:
    index = "table/index/by_organization"
    for function, own in (
        ("LicensesFunction", "LICENSES#acme"),
        ("TemporaryFunction", "TEMPORARY#acme"),
        ("ListEventsFunction", "EVENTS#acme"),
        ("OrganizationsFunction", "ORGANIZATIONS"),
    ):
        for key in ("LICENSES#acme", "TEMPORARY#acme", "EVENTS#acme", "ORGANIZATIONS"):
            allowed = permissions.lets_through(function, "dynamodb:Query", index, [key])
            assert allowed is (key == own)


def test_r05_a_request_is_let_through_only_with_all_of_its_keys_and_never_without_any() -> None:
    batch = ("ValidateFunction", "dynamodb:BatchGetItem", "table")
    own = ["LICENSE#lic_1", "ORGANIZATION#acme", "PAIR#00"]
    assert permissions.lets_through(*batch, own)
    assert not permissions.lets_through(*batch, [*own, "LICENSES#acme"])
    assert not permissions.lets_through(*batch, [])


def test_r34_the_publisher_cannot_pass_for_the_billing_system() -> None:
    put = ("PublishFunction", "events:PutEvents", "bus")
    assert permissions.lets_through(*put, ["licensing", "licensing"])
    for sources in (["billing"], ["licensing", "billing"], []):
        assert not permissions.lets_through(*put, sources)


@pytest.mark.parametrize(
    "condition",
    [
        # IAM says yes to a request that has no key at all, without "Null".
        {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["LICENSE#*"]}},
        # One key of a batch that fits is enough for this one.
        {
            "ForAnyValue:StringLike": {"dynamodb:LeadingKeys": ["LICENSE#*"]},
            "Null": {"dynamodb:LeadingKeys": "false"},
        },
        {
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["LICENSE#*"]},
            "Null": {"dynamodb:LeadingKeys": "true"},
        },
        {"StringEquals": {"aws:SourceAccount": "123456789012"}},
    ],
)
def test_r05_a_condition_that_says_less_than_it_seems_to_is_found(condition: Any) -> None:
    statement = {
        "Effect": "Allow",
        "Action": "dynamodb:GetItem",
        "Resource": "table",
        "Condition": condition,
    }
    with pytest.raises(AssertionError):
        permissions.allowed_by([statement])


def test_r05_keys_of_one_action_in_two_statements_are_found() -> None:
    statements = [
        {
            "Effect": "Allow",
            "Action": "dynamodb:BatchGetItem",
            "Resource": "table",
            "Condition": {
                "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [pattern]},
                "Null": {"dynamodb:LeadingKeys": "false"},
            },
        }
        for pattern in ("LICENSE#*", "PAIR#*")
    ]
    with pytest.raises(AssertionError, match="two statements"):
        permissions.allowed_by(statements)


def test_r05_no_role_serves_two_functions() -> None:
    roles = {permissions.role_of(function) for function in FUNCTIONS}
    assert len(roles) == len(FUNCTIONS)
