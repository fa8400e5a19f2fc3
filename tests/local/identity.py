"""The identity provider: moto's Cognito, with the template's pool, client and groups.

Its users log in with a password and get the RS256 tokens that Cognito would give them. Everybody
in `USERS` exists when the stack is up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError, ParamValidationError
from joserfc.jwk import KeySet

from tests.local import aws
from tests.local.template import REGION, Template, TemplateError

PASSWORD = "Correct-Horse-1"  # everybody's, until it is changed
ORGANIZATION_ATTRIBUTE = "custom:organization_id"


@dataclass(frozen=True)
class User:
    """Somebody who can log in."""

    username: str
    organization: str
    role: str
    password: str = "Correct-Horse-1"


USERS: Sequence[User] = (
    User("olivia", "vendor", "super-admin"),
    User("alice", "acme", "member"),
    User("amir", "acme", "member"),
    User("ada", "acme", "org-admin"),
    User("boris", "bolt", "member"),
    User("cora", "coop", "member"),
    User("pavel", "partner-works", "partner"),
)


class UnknownUserError(Exception):
    """There is no user of that name."""


class PasswordRefusedError(Exception):
    """The pool's password policy does not allow this password; the message says why."""


@dataclass(frozen=True)
class IdentityProvider:
    """One user pool and the client that the agents log in through."""

    pool_id: str
    client_id: str

    @property
    def issuer(self) -> str:
        """The issuer that its tokens name."""
        return f"https://cognito-idp.{REGION}.amazonaws.com/{self.pool_id}"

    def keys(self) -> KeySet:
        """The keys that verify its tokens, found as API Gateway finds them."""
        configuration = aws.fetch(f"{self.issuer}/.well-known/openid-configuration")
        return KeySet.import_key_set(aws.fetch(configuration["jwks_uri"]))

    def add(self, user: User) -> None:
        """Create a user with a password that need not be changed at the first login."""
        client = boto3.client("cognito-idp")
        who = {"UserPoolId": self.pool_id, "Username": user.username}
        client.admin_create_user(
            **who,
            MessageAction="SUPPRESS",
            UserAttributes=[{"Name": ORGANIZATION_ATTRIBUTE, "Value": user.organization}],
        )
        client.admin_add_user_to_group(**who, GroupName=user.role)
        self.set_password(user.username, PASSWORD)

    def set_password(self, username: str, password: str) -> None:
        """Give a user another password.

        Raises UnknownUserError, or PasswordRefusedError when the pool's policy forbids it.
        """
        client = boto3.client("cognito-idp")
        try:
            client.admin_set_user_password(
                UserPoolId=self.pool_id, Username=username, Password=password, Permanent=True
            )
        except client.exceptions.UserNotFoundException as error:
            raise UnknownUserError(username) from error
        except ClientError as error:
            raise PasswordRefusedError(error.response["Error"]["Message"]) from error
        except ParamValidationError as error:
            raise PasswordRefusedError(str(error)) from error

    def initiate_auth(self, request: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Cognito's own `InitiateAuth`: the status and the JSON body that it answers."""
        client = boto3.client("cognito-idp")
        try:
            answer: dict[str, Any] = client.initiate_auth(**request)
        except ClientError as error:
            fault = error.response["Error"]
            return 400, {"__type": fault["Code"], "message": fault["Message"]}
        except ParamValidationError as error:
            return 400, {"__type": "InvalidParameterException", "message": str(error)}
        del answer["ResponseMetadata"]
        return 200, answer


def create(template: Template) -> IdentityProvider:
    """Create the template's user pool with its client, groups and `USERS`."""
    client = boto3.client("cognito-idp")
    pool = _only(template, "AWS::Cognito::UserPool")
    properties = template.properties(pool)
    pool_id = client.create_user_pool(
        PoolName=properties.pop("UserPoolName", pool),
        **properties,
    )["UserPool"]["Id"]
    template.created(pool, pool_id, Arn=aws.arn("cognito-idp", f"userpool/{pool_id}"))

    app = _only(template, "AWS::Cognito::UserPoolClient")
    properties = template.properties(app)
    client_id = client.create_user_pool_client(
        ClientName=properties.pop("ClientName", app),
        **properties,
    )["UserPoolClient"]["ClientId"]
    template.created(app, client_id)

    for group in template.of_type("AWS::Cognito::UserPoolGroup"):
        client.create_group(**template.properties(group))
    provider = IdentityProvider(pool_id, client_id)
    for user in USERS:
        provider.add(user)
    return provider


def _only(template: Template, resource_type: str) -> str:
    found = template.of_type(resource_type)
    if len(found) != 1:
        raise TemplateError(f"the local stack wants one {resource_type}, not {len(found)}")
    return found[0]
