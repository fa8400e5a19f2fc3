"""What the stack's own identity provider allows, and which requests reach a function at all."""

import pytest

from tests.template.deployed import deployed

PORTAL = deployed(PortalUrl="https://portal.example")
CLIENTS = PORTAL.of_type("AWS::Cognito::UserPoolClient")
PEOPLES = ("PortalClient", "CommandLineClient")
"""The clients with which people sign in in a browser."""


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_gets_tokens_for_a_code_alone_and_no_more_than_it_asks_for(client: str) -> None:
    properties = PORTAL.properties(client)
    assert not properties.get("GenerateSecret")
    assert properties.get("AllowedOAuthFlows", ["code"]) == ["code"]
    assert properties.get("AllowedOAuthScopes", ["openid"]) == ["openid"]
    addresses = properties.get("CallbackURLs", [])
    assert len(addresses) <= 1
    assert not [one for one in addresses if "*" in one]
    assert properties["PreventUserExistenceErrors"] == "ENABLED"
    assert properties["EnableTokenRevocation"] is True


@pytest.mark.parametrize("client", PEOPLES)
def test_a_session_in_a_browser_ends_after_twelve_hours_and_its_tokens_after_one(
    client: str,
) -> None:
    properties = PORTAL.properties(client)
    units = properties["TokenValidityUnits"]
    assert (properties["RefreshTokenValidity"], units["RefreshToken"]) == (12, "hours")
    assert (properties["IdTokenValidity"], units["IdToken"]) == (60, "minutes")
    assert (properties["AccessTokenValidity"], units["AccessToken"]) == (60, "minutes")


def test_nobody_is_there_from_the_beginning_and_nobody_adds_themselves() -> None:
    kinds = {"AWS::Cognito::UserPoolUser", "AWS::Cognito::UserPoolUserToGroupAttachment"}
    assert not [name for kind in kinds for name in PORTAL.of_type(kind)]
    pool = PORTAL.properties("UserPool")
    assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True
    assert pool["Policies"]["PasswordPolicy"]["MinimumLength"] >= 12


def test_only_named_methods_and_paths_reach_a_function_and_no_other_origin_is_let_in() -> None:
    functions = PORTAL.of_type("AWS::Serverless::Function")
    events = [event for function in functions for event in PORTAL.events(function)]
    # But for what says which methods and paths there are.
    routes = [route for kind, route in events if kind == "HttpApi" and "Path" in route]
    assert {route["Method"] for route in routes} <= {"GET", "HEAD", "PATCH", "POST", "PUT"}
    assert not [route["Path"] for route in routes if {"+", "$"} & set(route["Path"])]
    assert PORTAL.properties("HttpApi", "CorsConfiguration") == {}
    # Nothing else listens.
    assert PORTAL.of_type("AWS::Serverless::HttpApi") == ["HttpApi"]
    others = ("AWS::Lambda::Url", "AWS::Serverless::Api", "AWS::ApiGatewayV2::Api")
    assert not [name for kind in others for name in PORTAL.of_type(kind)]
    assert not [name for name in functions if PORTAL.properties(name, "FunctionUrlConfig")]


def test_names_differ_in_more_than_case_and_a_verified_address_is_as_good_as_a_name() -> None:
    pool = PORTAL.properties("UserPool")
    assert pool["UsernameConfiguration"] == {"CaseSensitive": False}
    assert pool["AliasAttributes"] == pool["AutoVerifiedAttributes"] == ["email"]
    # Else whoever types another's address would be signed in by it, and get its new password.
    verified_first = pool["UserAttributeUpdateSettings"][
        "AttributesRequireVerificationBeforeUpdate"
    ]
    assert verified_first == ["email"]
    assert pool["AccountRecoverySetting"]["RecoveryMechanisms"] == [
        {"Name": "verified_email", "Priority": 1}
    ]


@pytest.mark.parametrize("mfa", ["OFF", "OPTIONAL", "ON"])
def test_a_second_factor_is_an_authenticator_app_and_needs_no_paid_messages(mfa: str) -> None:
    pool = deployed(Mfa=mfa).properties("UserPool")
    assert pool["MfaConfiguration"] == mfa
    assert pool.get("EnabledMfas", []) == ([] if mfa == "OFF" else ["SOFTWARE_TOKEN_MFA"])
    assert "SmsConfiguration" not in pool


def test_people_may_have_a_second_factor_on_the_cheapest_plan_unless_it_is_said_otherwise() -> None:
    pool = PORTAL.properties("UserPool")
    assert (pool["MfaConfiguration"], pool["UserPoolTier"]) == ("OPTIONAL", "LITE")
    assert deployed(UserPoolPlan="PLUS").properties("UserPool")["UserPoolTier"] == "PLUS"
