"""An identity provider of few words: it does what a test says, and keeps what it was asked."""

import base64
import hashlib
import json
import socket
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode

import httpx

from tests.local.events import Request, Response
from tests.local.server import Server

CODE = "SECRET-code"
DEVICE_CODE = "SECRET-device-code"
SECRETS = (CODE, DEVICE_CODE, "SECRET-refresh", "SECRET-access")
WEB = httpx.Client(trust_env=False, timeout=60)
"""What people's browsers are: whoever is sent somewhere goes there by `opened`."""
PENDING = Response.of_json(400, {"error": "authorization_pending"})


def id_token(**claims: Any) -> str:
    """One that says this; the service is who verifies it."""
    payload = base64.urlsafe_b64encode(json.dumps({"sub": "alice", **claims}).encode())
    return f"e30.{payload.rstrip(b'=').decode()}.SECRET-signature"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as there:
        port: int = there.getsockname()[1]
        return port


def opened(link: str) -> httpx.Response:
    """What a person sees who opens a link and signs in."""
    return WEB.get(link, follow_redirects=True)


def refused(error: str) -> Response:
    return Response.of_json(400, {"error": error, "error_description": f"{CODE} \x1b[2J"})


class Issuer:
    """`description` and `comes_back` are changed by tests; `answers` come first, one a form."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers: list[Response] = []
        self.comes_back: dict[str, str | None] = {}
        self.asked: list[dict[str, str]] = []
        """What the browser was sent with, each time."""
        self._server = Server(self._answer)
        self.url = self._server.url
        self.description: dict[str, Any] = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize?tenant=1",
            "token_endpoint": f"{self.url}/token",
            "device_authorization_endpoint": f"{self.url}/device",
        }
        self.device: dict[str, Any] = {
            "device_code": DEVICE_CODE,
            "user_code": "WDJB-MJHT",
            "verification_uri": f"{self.url}/activate",
            "verification_uri_complete": f"{self.url}/activate?user_code=WDJB-MJHT",
            "expires_in": 15,
            "interval": 5,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    @property
    def forms(self) -> list[dict[str, str]]:
        """The forms that were posted."""
        return [dict(parse_qsl(one.body.decode())) for one in self.requests if one.body]

    def address(self, link: str) -> str:
        """Where a browser is sent back to that has nowhere to go to: it shows the address."""
        return WEB.get(link).headers["location"]

    def _answer(self, request: Request) -> Response:
        self.requests.append(request)
        if request.body and self.answers:
            return self.answers.pop(0)
        match request.path:
            case "/.well-known/openid-configuration":
                return Response.of_json(200, self.description)
            case "/authorize":
                return self._sent_back(dict(parse_qsl(request.query)))
            case "/token":
                return self._tokens(dict(parse_qsl(request.body.decode())))
            case "/device":
                return Response.of_json(200, self.device)
            case _:
                return Response(404, [], b"<html>")

    def _sent_back(self, asked: dict[str, str]) -> Response:
        self.asked.append(asked)
        told = {"code": CODE, "state": asked["state"], **self.comes_back}
        query = urlencode({name: value for name, value in told.items() if value is not None})
        return Response(302, [("location", f"{asked['redirect_uri']}?{query}")], b"")

    def _tokens(self, form: dict[str, str]) -> Response:
        told = {"access_token": "SECRET-access", "refresh_token": "SECRET-refresh"}
        if form["grant_type"] != "authorization_code":
            return Response.of_json(200, {**told, "id_token": id_token()})
        asked = self.asked[-1]
        challenge = hashlib.sha256(form["code_verifier"].encode()).digest()
        shown = base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
        is_it = form["code"] == CODE and form["redirect_uri"] == asked["redirect_uri"]
        if (
            not is_it
            or asked["code_challenge"] != shown
            or asked["code_challenge_method"] != "S256"
        ):
            return refused("invalid_grant")
        return Response.of_json(200, {**told, "id_token": id_token(nonce=asked["nonce"])})
