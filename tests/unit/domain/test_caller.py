"""Who may control whose agents."""

import pytest

from licensing.domain.caller import Caller, Role


@pytest.mark.parametrize(
    ("organization_id", "roles", "allowed"),
    [
        ("acme", {Role.ORG_ADMIN}, {"acme"}),
        ("acme", {Role.ORG_ADMIN, Role.MEMBER}, {"acme"}),
        ("bolt", {Role.ORG_ADMIN}, {"bolt"}),
        ("acme", {Role.MEMBER}, set()),
        ("acme", {Role.PARTNER}, set()),
        ("acme", set(), set()),
        (None, {Role.ORG_ADMIN}, set()),
        ("vendor", {Role.SUPER_ADMIN}, {"acme", "bolt"}),
        (None, {Role.SUPER_ADMIN}, {"acme", "bolt"}),
        ("bolt", {Role.SUPER_ADMIN, Role.MEMBER}, {"acme", "bolt"}),
    ],
)
def test_r18_org_admins_control_their_own_organization_and_super_admins_all(
    organization_id: str | None, roles: set[Role], allowed: set[str]
) -> None:
    caller = Caller("somebody", organization_id, frozenset(roles))
    assert {name for name in ("acme", "bolt") if caller.administers(name)} == allowed


def test_r18_only_the_role_itself_makes_a_super_admin() -> None:
    for role in Role:
        caller = Caller("super-admin", "super-admin", frozenset({role}))
        assert caller.is_super_admin is (role is Role.SUPER_ADMIN)


def test_r18_the_roles_are_named_as_tokens_name_them() -> None:
    assert {role.value for role in Role} == {"member", "org-admin", "partner", "super-admin"}
