"""The deployment's settings: what is missing or wrong is named, nothing is guessed."""

import pytest

from licensing.adapters.oidc_discovery import Registration
from licensing.domain.errors import Misconfigured
from licensing.domain.organization import PolicyFloor
from licensing.entrypoints.deployment import current_deployment, install_deployment
from licensing.entrypoints.settings import Settings
from tests.unit.samples import ENVIRON


def test_the_settings_are_those_of_the_environment() -> None:
    assert Settings.from_environ(ENVIRON) == Settings(
        table_name="licenses",
        secret_id="arn:secret",
        lease_issuer="urn:licensing:test",
        lease_seconds=86_400,
        last_seen_seconds=900,
        organization_claim="custom:organization_id",
        roles_claim="cognito:groups",
        roles_separator="",
        older_agents=False,
        policy_floor=PolicyFloor(block_clones=True),
        agent_url=None,
        cursor_key="",
        origin_keys=(),
        event_bus="licensing",
        dynamodb_endpoint=None,
        sign_in=Registration("", "", "", "", None),
        api_documentation=False,
    )


@pytest.mark.parametrize(
    ("value", "endpoint"), [("http://127.0.0.1:8000", "http://127.0.0.1:8000"), ("", None)]
)
def test_another_dynamodb_is_used_only_where_one_is_named(value: str, endpoint: str | None) -> None:
    settings = Settings.from_environ({**ENVIRON, "DYNAMODB_ENDPOINT": value})
    assert settings.dynamodb_endpoint == endpoint


@pytest.mark.parametrize("name", ENVIRON)
@pytest.mark.parametrize("is_empty", [False, True])
def test_a_missing_setting_is_named(name: str, *, is_empty: bool) -> None:
    environ = {key: value for key, value in ENVIRON.items() if key != name}
    with pytest.raises(Misconfigured, match=name):
        Settings.from_environ({**environ, name: ""} if is_empty else environ)


@pytest.mark.parametrize("name", ["LEASE_SECONDS", "LAST_SEEN_SECONDS"])
@pytest.mark.parametrize(
    "value",
    ["0", "-1", "1.5", "1e3", " 1", "one", "\N{ARABIC-INDIC DIGIT ONE}", "\N{SUPERSCRIPT TWO}"],
)
def test_a_duration_is_a_positive_number_of_seconds(name: str, value: str) -> None:
    with pytest.raises(Misconfigured, match=f"{name} is not a positive number"):
        Settings.from_environ({**ENVIRON, name: value})


@pytest.mark.parametrize("value", ["true", "ON", "1", " on"])
def test_a_switch_is_on_or_off(value: str) -> None:
    with pytest.raises(Misconfigured, match="OLDER_AGENTS is neither on nor off"):
        Settings.from_environ({**ENVIRON, "OLDER_AGENTS": value})


@pytest.mark.parametrize(("value", "is_on"), [("on", True), ("off", False), ("", False)])
def test_the_documentation_is_shown_only_where_that_is_said(value: str, *, is_on: bool) -> None:
    settings = Settings.from_environ({**ENVIRON, "API_DOCUMENTATION": value})
    assert settings.api_documentation is is_on


@pytest.mark.parametrize(("value", "limit"), [("", None), ("0", 0), ("12", 12)])
def test_r38_a_limit_of_the_floor_is_a_number_or_none(value: str, limit: int | None) -> None:
    settings = Settings.from_environ({**ENVIRON, "AGENTS_PER_MEMBER": value})
    assert settings.policy_floor == PolicyFloor(block_clones=True, agents_per_member=limit)


@pytest.mark.parametrize("value", ["-1", "1.5", " 1", "none", "\N{ARABIC-INDIC DIGIT ONE}"])
def test_r38_any_other_limit_is_named(value: str) -> None:
    with pytest.raises(Misconfigured, match="AGENTS_PER_MEMBER is neither empty nor a number"):
        Settings.from_environ({**ENVIRON, "AGENTS_PER_MEMBER": value})


@pytest.mark.parametrize(("value", "separator"), [("none", ""), ("blank", " "), ("comma", ",")])
def test_what_separates_roles_has_a_name(value: str, separator: str) -> None:
    settings = Settings.from_environ({**ENVIRON, "ROLES_SEPARATOR": value})
    assert settings.roles_separator == separator


@pytest.mark.parametrize("value", [",", " ", "tab", "None"])
def test_what_separates_roles_is_no_other(value: str) -> None:
    with pytest.raises(Misconfigured, match="ROLES_SEPARATOR is none of none, blank, comma"):
        Settings.from_environ({**ENVIRON, "ROLES_SEPARATOR": value})


def test_the_runtime_is_made_of_the_environment_on_first_use_and_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {**ENVIRON, "AWS_DEFAULT_REGION": "eu-central-1"}.items():
        monkeypatch.setenv(name, value)
    install_deployment(None)
    try:
        made = current_deployment()
        assert made.settings.table_name == "licenses"
        assert current_deployment() is made
    finally:
        install_deployment(None)


@pytest.mark.parametrize(
    ("key", "keys"),
    [("one", ("one",)), ("new,old", ("new", "old")), (" new , old ", ("new", "old"))],
)
def test_behind_cloudfront_each_key_of_the_secret_is_good(key: str, keys: tuple[str, ...]) -> None:
    environ = {**ENVIRON, "BEHIND_CLOUDFRONT": "on", "ORIGIN_KEY": key}
    assert Settings.from_environ(environ).origin_keys == keys
    assert Settings.from_environ({**environ, "BEHIND_CLOUDFRONT": "off"}).origin_keys == ()


@pytest.mark.parametrize("key", ["", ",", "new,", " "])
def test_a_key_that_is_missing_opens_nothing(key: str) -> None:
    environ = {**ENVIRON, "BEHIND_CLOUDFRONT": "on", "ORIGIN_KEY": key}
    with pytest.raises(Misconfigured, match="ORIGIN_KEY"):
        Settings.from_environ(environ)
