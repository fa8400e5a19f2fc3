"""The identity provider: moto's Cognito, with the template's pool, clients and groups.

Its users log in with a password and get the RS256 tokens that Cognito would give them. Everybody
in `USERS` exists when the stack is up.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError, ParamValidationError
from joserfc import jwt
from joserfc.jwk import KeySet
from moto.cognitoidp.models import cognitoidp_backends

from tests.local import aws
from tests.local.template import ACCOUNT, REGION, Template, TemplateError

PASSWORD = "Correct-Horse-1"  # everybody's, until it is changed
ORGANIZATION_ATTRIBUTE = "custom:organization_id"


@dataclass(frozen=True)
class User:
    """Somebody who can log in."""

    username: str
    organization: str
    role: str
    name: str
    password: str = "Correct-Horse-1"


USERS: Sequence[User] = (
    User("olivia", "vendor", "super-admin", "Olivia Berg"),
    User("alice", "acme", "member", "Alice Moreau"),
    User("amir", "acme", "member", "Amir Haddad"),
    User("ada", "acme", "org-admin", "Ada Novak"),
    User("boris", "bolt", "member", "Boris Lind"),
    User("cora", "coop", "member", "Cora Silva"),
    User("pavel", "partner-works", "partner", "Pavel Horák"),
)


class UnknownUserError(Exception):
    """There is no user of that name."""


class PasswordRefusedError(Exception):
    """The pool's password policy does not allow this password; the message says why."""


class Sessions:
    """The tokens that have been issued, and which of them are good for nothing any more."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._issued: set[str] = set()
        self._ended: set[str] = set()
        self._families: dict[tuple[str, str], set[str]] = {}
        self._browsers: dict[str, str] = {}

    def begun(self, client_id: str, tokens: Mapping[str, str], refresh_token: str) -> None:
        """Tokens have been issued to a client, with a refresh token or by one."""
        with self._lock:
            self._issued.update(tokens.values())
            family = self._families.setdefault((client_id, refresh_token), set())
            family |= {refresh_token, tokens["AccessToken"]}

    def revoke(self, client_id: str, refresh_token: str) -> None:
        """End a client's refresh token and the access tokens that came of it.

        As on AWS, an ID token is good until it expires: API Gateway asks nobody about it.
        """
        with self._lock:
            self._ended |= self._families.pop((client_id, refresh_token), set())

    def goes_on(self, client_id: str, refresh_token: str) -> bool:
        """Whether a refresh token is this client's, and has not ended."""
        with self._lock:
            is_known = (client_id, refresh_token) in self._families
            return is_known and refresh_token not in self._ended

    def remember(self, username: str) -> str:
        """Somebody has signed in in a browser, which is known again by what this returns."""
        browser = secrets.token_urlsafe(32)
        with self._lock:
            self._browsers[browser] = username
        return browser

    def remembered(self, browser: str) -> str | None:
        """Who has signed in in a browser, and not out again."""
        with self._lock:
            return self._browsers.get(browser)

    def forget(self, browser: str) -> None:
        """Nobody is signed in in a browser any more; tokens go on."""
        with self._lock:
            self._browsers.pop(browser, None)

    def end(self) -> int:
        """End all sessions that there are; how many tokens that are."""
        with self._lock:
            self._browsers.clear()
            ended, self._issued = self._issued, set()
            self._ended |= ended
            return len(ended)

    def has_ended(self, token: str) -> bool:
        """Whether a token's session was ended."""
        with self._lock:
            return token in self._ended


@dataclass(frozen=True)
class BrowserClient:
    """A client whose people sign in with a browser, as the template registers it."""

    client_id: str
    redirect_uris: Sequence[str]
    logout_uris: Sequence[str]


@dataclass(frozen=True)
class IdentityProvider:
    """One user pool, and its clients: the agents', the portal's and the command line's."""

    pool_id: str
    agents: BrowserClient
    portal: BrowserClient
    command_line: BrowserClient
    sessions: Sessions = field(default_factory=Sessions)

    @property
    def agent_client_id(self) -> str:
        """The client that people sign in with on agents."""
        return self.agents.client_id

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
        client = aws.client("cognito-idp")
        who = {"UserPoolId": self.pool_id, "Username": user.username}
        client.admin_create_user(
            **who,
            MessageAction="SUPPRESS",
            UserAttributes=[
                {"Name": ORGANIZATION_ATTRIBUTE, "Value": user.organization},
                {"Name": "name", "Value": user.name},
            ],
        )
        client.admin_add_user_to_group(**who, GroupName=user.role)
        self.set_password(user.username, PASSWORD)

    def set_password(self, username: str, password: str) -> None:
        """Give a user another password.

        Raises UnknownUserError, or PasswordRefusedError when the pool's policy forbids it.
        """
        client = aws.client("cognito-idp")
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

    def named(self, client_id: str, tokens: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
        """Tokens whose ID token names the nonce of a request, which moto does not know of."""
        key = cognitoidp_backends[ACCOUNT][REGION].user_pools[self.pool_id].json_web_key
        signed = jwt.decode(tokens["IdToken"], key)
        changed = {"IdToken": jwt.encode(signed.header, {**signed.claims, "nonce": nonce}, key)}
        both = {**changed, "AccessToken": tokens["AccessToken"]}
        self.sessions.begun(client_id, both, tokens["RefreshToken"])
        return {**tokens, **changed}

    def tokens_for(self, client_id: str, username: str) -> Mapping[str, Any]:
        """Tokens for somebody who is signed in already, which moto has no request for."""
        pool = cognitoidp_backends[ACCOUNT][REGION].user_pools[self.pool_id]
        refresh_token, _ = pool.create_refresh_token(client_id, username)
        access_token, id_token, seconds = pool.create_tokens_from_refresh_token(refresh_token)
        tokens = {
            "IdToken": id_token,
            "AccessToken": access_token,
            "RefreshToken": refresh_token,
        }
        self.sessions.begun(client_id, tokens, refresh_token)
        return {**tokens, "ExpiresIn": seconds}

    def initiate_auth(self, request: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Cognito's own `InitiateAuth`: the status and the JSON body that it answers."""
        client = aws.client("cognito-idp")
        refreshed = _parameters(request).get("REFRESH_TOKEN")
        if isinstance(refreshed, str) and not self.sessions.goes_on(
            str(request.get("ClientId")), refreshed
        ):
            return 400, {"__type": "NotAuthorizedException", "message": "Invalid Refresh Token"}
        try:
            answer: dict[str, Any] = client.initiate_auth(**request)
        except ClientError as error:
            fault = error.response["Error"]
            return 400, {"__type": fault["Code"], "message": fault["Message"]}
        except ParamValidationError as error:
            return 400, {"__type": "InvalidParameterException", "message": str(error)}
        del answer["ResponseMetadata"]
        result = answer.get("AuthenticationResult", {})
        tokens = {name: result[name] for name in _TOKENS & result.keys()}
        if tokens:
            refresh_token = str(tokens.get("RefreshToken", refreshed))
            self.sessions.begun(request["ClientId"], tokens, refresh_token)
        return 200, answer


_TOKENS = {"IdToken", "AccessToken", "RefreshToken"}
_AGENTS_PORT = 8978


def _parameters(request: Mapping[str, Any]) -> Mapping[str, Any]:
    parameters = request.get("AuthParameters")
    return parameters if isinstance(parameters, dict) else {}


def create(template: Template) -> IdentityProvider:
    """Create the template's user pool with its clients, groups and `USERS`.

    The agents' client and the command line's are those that are sent back to this machine, each to
    its port.
    """
    client = aws.client("cognito-idp")
    pool = _only(template, "AWS::Cognito::UserPool")
    properties = template.properties(pool)
    mfas = properties.pop("EnabledMfas", [])  # a call of its own, which CloudFormation makes
    pool_id = client.create_user_pool(
        PoolName=properties.pop("UserPoolName", pool),
        **properties,
    )["UserPool"]["Id"]
    client.set_user_pool_mfa_config(
        UserPoolId=pool_id,
        MfaConfiguration=properties["MfaConfiguration"],
        SoftwareTokenMfaConfiguration={"Enabled": "SOFTWARE_TOKEN_MFA" in mfas},
    )
    template.created(pool, pool_id, Arn=aws.arn("cognito-idp", f"userpool/{pool_id}"))

    found: dict[str, list[Any]] = {"agents": [], "portal": [], "command line": []}
    for app in template.of_type("AWS::Cognito::UserPoolClient"):
        properties = template.properties(app)
        name = properties.pop("ClientName", app)
        created = client.create_user_pool_client(ClientName=name, **properties)["UserPoolClient"]
        template.created(app, created["ClientId"])
        found[_whose(properties)].append(created)
    if any(len(clients) != 1 for clients in found.values()):
        raise TemplateError(f"the local stack wants one client for each of {', '.join(found)}")
    agents, portal, command_line = (clients[0] for clients in found.values())

    for group in template.of_type("AWS::Cognito::UserPoolGroup"):
        client.create_group(**template.properties(group))
    provider = IdentityProvider(
        pool_id, _browser_client(agents), _browser_client(portal), _browser_client(command_line)
    )
    for user in USERS:
        provider.add(user)
    return provider


def _whose(properties: Mapping[str, Any]) -> str:
    (back,) = map(urlsplit, properties["CallbackURLs"])
    if back.hostname != "localhost":
        return "portal"
    return "agents" if back.port == _AGENTS_PORT else "command line"


def _browser_client(created: Mapping[str, Any]) -> BrowserClient:
    return BrowserClient(
        created["ClientId"], created["CallbackURLs"], created.get("LogoutURLs", [])
    )


def _only(template: Template, resource_type: str) -> str:
    found = template.of_type(resource_type)
    if len(found) != 1:
        raise TemplateError(f"the local stack wants one {resource_type}, not {len(found)}")
    return found[0]
