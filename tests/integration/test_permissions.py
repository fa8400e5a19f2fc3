"""R5: the template allows every function what it does, and nothing beyond that."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

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
        *(f"{action} on {resource} is not needed" for action, resource in sorted(allowed - needed)),
        *(f"{action} on {resource} is missing" for action, resource in sorted(needed - allowed)),
    ]


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
    for action, resource in allowed:
        fewer = differences(needed, allowed - {(action, resource)})
        assert fewer == [f"{action} on {resource} is missing"]
    for action, resource in (
        ("dynamodb:Scan", "table"),
        ("dynamodb:Query", "table/*"),
        ("secretsmanager:PutSecretValue", "secret"),
        ("sqs:ReceiveMessage", "BillingDeadLetters"),
    ):
        more = differences(needed, allowed | {(action, resource)})
        assert more == [f"{action} on {resource} is not needed"]


def test_r05_no_role_serves_two_functions() -> None:
    roles = {permissions.role_of(function) for function in FUNCTIONS}
    assert len(roles) == len(FUNCTIONS)
