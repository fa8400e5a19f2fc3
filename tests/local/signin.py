"""The pages that people sign in on, as on those of Cognito's domain: with each of the clients.

Authorization code flow with PKCE (RFC 6749, RFC 7636), over moto's users and tokens:

- `GET /_local/.well-known/openid-configuration`: where all of this is
- `GET /_local/oauth2/authorize`: a form that asks for name and password; with `prompt=none`, a code
  for whoever has signed in in this browser, or `login_required`
- `POST /_local/oauth2/authorize`: the form, filled in; sends the browser back with a code
- `POST /_local/oauth2/token`: tokens for a code, once and within a minute, or for a refresh token
- `POST /_local/oauth2/revoke`: ends a refresh token and what came of it (RFC 7009)
- `GET /_local/oauth2/logout`: ends the browser's session and sends it back

A request of another client, or one that would send the browser elsewhere than the template says, is
answered with a page that says so and leads nowhere.
"""

import base64
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from html import escape
from http.cookies import SimpleCookie
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.local.events import Request, Response
from tests.local.identity import PASSWORD, USERS, BrowserClient, IdentityProvider

CODE_SECONDS = 60

_DISCOVERY = "/_local/.well-known/openid-configuration"
_AUTHORIZE = "/_local/oauth2/authorize"
_TOKEN = "/_local/oauth2/token"
_REVOKE = "/_local/oauth2/revoke"
_LOGOUT = "/_local/oauth2/logout"
_COOKIE = "local_session"
_NO_COOKIE = f"{_COOKIE}=; Path=/_local/oauth2; Max-Age=0"

Fields = Mapping[str, str]


@dataclass(frozen=True)
class _Grant:
    """What a code stands for."""

    client_id: str
    redirect_uri: str
    challenge: str
    until: float
    tokens: Mapping[str, Any]


class _LeadsNowhereError(Exception):
    """The request is of no client's; the message says what is wrong with it."""


class _RefusedError(Exception):
    """The client is told, by an OAuth error code."""


class SignIn:
    """Answers the routes above."""

    def __init__(self, identity: IdentityProvider, url: str, clock: Callable[[], float]) -> None:
        """`url` is where the local service is."""
        self._identity = identity
        self._url = url
        self._clock = clock
        self._lock = Lock()
        self._grants: dict[str, _Grant] = {}
        self._routes: Mapping[tuple[str, str], Callable[[Request], Response]] = {
            ("GET", _DISCOVERY): self._describe,
            ("GET", _AUTHORIZE): self._ask,
            ("POST", _AUTHORIZE): self._sign_in,
            ("POST", _TOKEN): self._exchange,
            ("POST", _REVOKE): self._revoke,
            ("GET", _LOGOUT): self._sign_out,
        }

    @property
    def discovery_url(self) -> str:
        """Where the discovery document is."""
        return self._url + _DISCOVERY

    def answer(self, request: Request) -> Response | None:
        """The answer to a request that is for here, or None."""
        route = self._routes.get((request.method, request.path))
        if route is None:
            return None
        try:
            return route(request)
        except _LeadsNowhereError as error:
            return _page(400, "Nobody can sign in here", f"<p>{escape(str(error))}</p>")

    def _describe(self, _: Request) -> Response:
        return Response.of_json(
            200,
            {
                "issuer": self._identity.issuer,
                "authorization_endpoint": self._url + _AUTHORIZE,
                "token_endpoint": self._url + _TOKEN,
                "revocation_endpoint": self._url + _REVOKE,
                "end_session_endpoint": self._url + _LOGOUT,
                "response_types_supported": ["code"],
                "code_challenge_methods_supported": ["S256"],
            },
        )

    # -- the form ----------------------------------------------------------------------------------

    def _ask(self, request: Request) -> Response:
        asked = _fields(request.query)
        try:
            self._check(asked)
        except _RefusedError as error:
            return _back(asked, error=str(error))
        if asked.get("prompt") != "none":
            return _form(request, asked["redirect_uri"], asked.get("login_hint", ""), "")
        username = self._identity.sessions.remembered(_browser(request))
        if username is None:
            return _back(asked, error="login_required")
        return _back(
            asked, code=self._code(asked, self._identity.tokens_for(asked["client_id"], username))
        )

    def _sign_in(self, request: Request) -> Response:
        asked, filled = _fields(request.query), _fields(request.body.decode(errors="replace"))
        try:
            self._check(asked)
        except _RefusedError as error:
            return _back(asked, error=str(error))
        username = filled.get("username", "")
        status, answer = self._identity.initiate_auth(
            {
                "AuthFlow": "USER_PASSWORD_AUTH",
                "ClientId": asked["client_id"],
                "AuthParameters": {
                    "USERNAME": username,
                    "PASSWORD": filled.get("password", ""),
                },
            }
        )
        if status != 200:
            wrong = "The user name or the password is wrong. Try again."
            return _form(request, asked["redirect_uri"], username, wrong)
        code = self._code(asked, answer["AuthenticationResult"])
        browser = self._identity.sessions.remember(username)
        cookie = f"{_COOKIE}={browser}; Path=/_local/oauth2; HttpOnly; SameSite=Lax"
        back = _back(asked, code=code)
        return replace(back, headers=[*back.headers, ("set-cookie", cookie)])

    def _code(self, asked: Fields, tokens: Mapping[str, Any]) -> str:
        """A code that tokens can be had for."""
        code = secrets.token_urlsafe(32)
        if "nonce" in asked:
            tokens = self._identity.named(asked["client_id"], tokens, asked["nonce"])
        with self._lock:
            self._grants[code] = _Grant(
                asked["client_id"],
                asked["redirect_uri"],
                asked["code_challenge"],
                self._clock() + CODE_SECONDS,
                tokens,
            )
        return code

    def _check(self, asked: Fields) -> None:
        """Whether a client asks, and asks for what there is here."""
        client = self._client(asked)
        if client is None:
            raise _LeadsNowhereError(
                "The client_id is neither the agents', the portal's nor the command line's."
            )
        if asked.get("redirect_uri") not in client.redirect_uris:
            raise _LeadsNowhereError(
                "The redirect_uri is not one that the client is registered with."
            )
        if asked.get("response_type") != "code":
            raise _RefusedError("unsupported_response_type")
        is_challenge = asked.get("code_challenge_method") == "S256" and asked.get("code_challenge")
        if not is_challenge or not asked.get("state"):
            raise _RefusedError("invalid_request")
        if "openid" not in asked.get("scope", "").split():
            raise _RefusedError("invalid_scope")

    def _client(self, asked: Fields) -> BrowserClient | None:
        known = self._identity
        clients = (known.agents, known.portal, known.command_line)
        return next((one for one in clients if one.client_id == asked.get("client_id")), None)

    # -- tokens ------------------------------------------------------------------------------------

    def _exchange(self, request: Request) -> Response:
        asked = _fields(request.body.decode(errors="replace"))
        try:
            tokens = self._tokens(asked)
        except _RefusedError as error:
            return Response.of_json(400, {"error": str(error)}, ("cache-control", "no-store"))
        names = {
            "IdToken": "id_token",
            "AccessToken": "access_token",
            "RefreshToken": "refresh_token",
            "ExpiresIn": "expires_in",
        }
        told = {names[name]: value for name, value in tokens.items() if name in names}
        return Response.of_json(
            200, {**told, "token_type": "Bearer"}, ("cache-control", "no-store")
        )

    def _tokens(self, asked: Fields) -> Mapping[str, Any]:
        if self._client(asked) is None:
            raise _RefusedError("invalid_client")
        if asked.get("grant_type") == "authorization_code":
            return self._of_code(asked)
        if asked.get("grant_type") == "refresh_token":
            return self._refreshed(asked)
        raise _RefusedError("unsupported_grant_type")

    def _of_code(self, asked: Fields) -> Mapping[str, Any]:
        with self._lock:
            # Whatever comes of it, a code is good for one try.
            grant = self._grants.pop(asked.get("code", ""), None)
        challenge = sha256(asked.get("code_verifier", "").encode()).digest()
        shown = base64.urlsafe_b64encode(challenge).decode().rstrip("=")
        if (
            grant is None
            or self._clock() > grant.until
            or asked.get("client_id") != grant.client_id
            or asked.get("redirect_uri") != grant.redirect_uri
            or not hmac.compare_digest(shown, grant.challenge)
        ):
            raise _RefusedError("invalid_grant")
        return grant.tokens

    def _refreshed(self, asked: Fields) -> Mapping[str, Any]:
        status, answer = self._identity.initiate_auth(
            {
                "AuthFlow": "REFRESH_TOKEN_AUTH",
                "ClientId": asked["client_id"],
                "AuthParameters": {"REFRESH_TOKEN": asked.get("refresh_token", "")},
            }
        )
        if status != 200:
            raise _RefusedError("invalid_grant")
        tokens: Mapping[str, Any] = answer["AuthenticationResult"]
        return tokens

    def _revoke(self, request: Request) -> Response:
        asked = _fields(request.body.decode(errors="replace"))
        if self._client(asked) is None:
            return Response.of_json(400, {"error": "invalid_client"})
        if not asked.get("token"):
            return Response.of_json(400, {"error": "invalid_request"})
        # One that is not this client's, or none, is as good as revoked (RFC 7009, 2.2).
        self._identity.sessions.revoke(asked["client_id"], asked["token"])
        return Response(200, [("cache-control", "no-store")], b"")

    # -- the end -----------------------------------------------------------------------------------

    def _sign_out(self, request: Request) -> Response:
        asked = _fields(request.query)
        client = self._client(asked)
        # Cognito's own name for it, and that of OpenID Connect.
        target = asked.get("logout_uri") or asked.get("post_logout_redirect_uri", "")
        if client is None or target not in client.logout_uris:
            raise _LeadsNowhereError(
                "The client_id or the logout_uri is not one that a client is registered with."
            )
        self._identity.sessions.forget(_browser(request))
        headers = [("location", target), ("cache-control", "no-store"), ("set-cookie", _NO_COOKIE)]
        return Response(302, headers, b"")


def _browser(request: Request) -> str:
    """What a browser is known by again, "" if it is not."""
    cookie = SimpleCookie(request.header("cookie")).get(_COOKIE)
    return cookie.value if cookie else ""


def _fields(encoded: str) -> dict[str, str]:
    """Fields of a query or a form; of one that is there twice, none."""
    pairs = parse_qsl(encoded, keep_blank_values=True)
    names = [name for name, _ in pairs]
    return {name: value for name, value in pairs if names.count(name) == 1}


def _back(asked: Fields, **told: str) -> Response:
    """Send the browser back to where it came from."""
    state = {"state": asked["state"]} if "state" in asked else {}
    location = f"{asked['redirect_uri']}?{urlencode({**told, **state})}"
    return Response(302, [("location", location), ("cache-control", "no-store")], b"")


def _form(request: Request, redirect_uri: str, username: str, wrong: str) -> Response:
    alert = f'<p role="alert" id="wrong">{escape(wrong)}</p>' if wrong else ""
    described = ' aria-describedby="wrong" aria-invalid="true"' if wrong else ""
    # Whoever has typed a name goes on with the password.
    on_name, on_password = ("", " autofocus") if username else (" autofocus", "")
    users = "".join(
        f'<tr><th scope="row">{escape(user.username)}</th>'
        f"<td>{escape(user.role)}</td><td>{escape(user.organization)}</td></tr>"
        for user in USERS
    )
    body = f"""{alert}
<form method="post" action="{_AUTHORIZE}?{escape(request.query)}">
<p><label for="username">User name</label><br>
<input id="username" name="username" autocomplete="username" autocapitalize="none"
 spellcheck="false" required value="{escape(username)}"{described}{on_name}></p>
<p><label for="password">Password</label><br>
<input id="password" name="password" type="password" autocomplete="current-password"
 required{described}{on_password}></p>
<p><button type="submit">Sign in</button></p>
</form>
<h2>Who there is</h2>
<p>The password of all of them is <code>{escape(PASSWORD)}</code> until it is changed.</p>
<table>
<thead><tr><th scope="col">User name</th><th scope="col">Role</th>
<th scope="col">Organization</th></tr></thead>
<tbody>{users}</tbody>
</table>"""
    target = urlsplit(redirect_uri)
    return _page(200, "Sign in", body, f"'self' {target.scheme}://{target.netloc}")


def _page(status: int, title: str, body: str, form_action: str = "'none'") -> Response:
    text = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{title} - local stack</title>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""
    policy = (
        f"default-src 'none'; img-src data:; base-uri 'none'; form-action {form_action}; "
        "frame-ancestors 'none'"
    )
    headers = [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("content-security-policy", policy),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ]
    return Response(status, headers, text.encode())
