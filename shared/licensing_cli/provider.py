"""The identity provider: where people sign in, and how a code becomes tokens (RFC 6749, RFC 7636).

What this module guarantees: a code goes to the token endpoint alone, and a refresh token there and
to the revocation endpoint (RFC 7009), in the body of a request that is not redirected. An answer
without an ID token is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from licensing_agent.protocol import strict_json
from licensing_cli import tokens as jws
from licensing_cli.addresses import checked
from licensing_cli.errors import SignedOut, Unreachable, WrongUse

_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a person has signed in with; the ID token is good for ``seconds`` from now."""

    id_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Where and as what the command line signs people in.

    ``revocation_endpoint`` is ``""`` where the provider has none.
    """

    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str
    client_id: str
    scope: str

    @classmethod
    def of(cls, portal: Mapping[str, object], client_id: str | None) -> Registration:
        """By what the service tells of its portal; ``client_id`` stands for the one it names.

        Raises :class:`WrongUse` where there is no client for a command line.
        """
        named = client_id or portal.get("command_line_client_id")
        if not isinstance(named, str) or not named:
            raise WrongUse(
                "This service has no sign-in client for the command line.",
                "Register a public client at your identity provider and use --client-id, or pipe "
                "an ID token into licensing login --token -",
            )
        return cls(
            authorization_endpoint=_endpoint(portal, "authorization_endpoint"),
            token_endpoint=_endpoint(portal, "token_endpoint"),
            revocation_endpoint=(
                _endpoint(portal, "revocation_endpoint")
                if portal.get("revocation_endpoint") is not None
                else ""
            ),
            client_id=named,
            scope=str(portal.get("scope", "openid")),
        )

    def page(self, redirect_uri: str, *, state: str, verifier: str) -> str:
        """The address of the page that people sign in on."""
        return str(
            prepare_grant_uri(
                self.authorization_endpoint,
                client_id=self.client_id,
                response_type="code",
                redirect_uri=redirect_uri,
                scope=self.scope,
                state=state,
                code_challenge=create_s256_code_challenge(verifier),
                code_challenge_method="S256",
            )
        )

    def tokens(
        self, client: httpx.Client, code: str, redirect_uri: str, *, verifier: str
    ) -> Tokens:
        """Tokens for a code. Raises :class:`SignedOut` and :class:`Unreachable`."""
        form = prepare_token_request(
            "authorization_code",
            code=code,
            redirect_uri=redirect_uri,
            client_id=self.client_id,
            code_verifier=verifier,
        )
        return _exchanged(client, self.token_endpoint, str(form))


def refreshed(client: httpx.Client, endpoint: str, client_id: str, refresh_token: str) -> Tokens:
    """New tokens for a session that goes on. Raises :class:`SignedOut` if it does not."""
    form = prepare_token_request("refresh_token", refresh_token=refresh_token, client_id=client_id)
    return _exchanged(client, endpoint, str(form))


def revoked(client: httpx.Client, endpoint: str, client_id: str, refresh_token: str) -> bool:
    """Whether the provider says that this refresh token is good for nothing any more."""
    form = {"token": refresh_token, "client_id": client_id}
    try:
        response = client.post(endpoint, data=form, headers=_FORM, follow_redirects=False)
    except (httpx.RequestError, httpx.InvalidURL):
        return False
    return response.status_code == 200


def _exchanged(client: httpx.Client, endpoint: str, form: str) -> Tokens:
    try:
        response = client.post(endpoint, content=form, headers=_FORM, follow_redirects=False)
    except (httpx.RequestError, httpx.InvalidURL) as error:
        raise Unreachable(
            f"The identity provider cannot be reached ({type(error).__name__})."
        ) from error
    try:
        said = strict_json.read_object(response.content)
    except ValueError:
        said = {}
    if response.status_code >= 500:
        raise Unreachable(
            f"The identity provider failed (status {response.status_code}). Try again."
        )
    id_token, refresh_token = said.get("id_token"), said.get("refresh_token")
    if response.status_code != 200 or not isinstance(id_token, str):
        raise SignedOut(
            f"The identity provider refused the sign-in: {said.get('error', 'no ID token')}."
        )
    seconds = jws.lifetime(id_token)
    if seconds is None:
        raise SignedOut("The identity provider's ID token has no expiry time.")
    return Tokens(id_token, refresh_token if isinstance(refresh_token, str) else "", seconds)


def _endpoint(portal: Mapping[str, object], name: str) -> str:
    value = portal.get(name)
    if not isinstance(value, str):
        raise Unreachable(f"The service does not name its {name.replace('_', ' ')}.")
    return checked(value)
