"""The service's public API over HTTP: one request at a time, with retries, and lists in pages.

What this module guarantees:

* A token goes to the service alone, see :mod:`licensing_cli.addresses`, and after no redirection.
* What is answered 429 or 5xx, or not at all, is tried again: after as long as ``Retry-After`` says,
  or with full jitter after a time that doubles. Every request of this package may be repeated.
* Whatever goes wrong is a :class:`licensing_cli.errors.CommandError`. What is told of a request is
  its method, address, status and time.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote

from licensing_cli import __version__, problems
from licensing_cli.errors import SignedOut, Unreachable, WrongUse
from licensing_cli.json_types import Json

if TYPE_CHECKING:
    import httpx

LARGEST_PAGE: Final = 100
LONGEST_WAIT: Final = 60.0
"""Seconds: whoever wants to be left alone for longer is not waited for."""

_SEPARATORS: Final = frozenset("/\\")
_FIRST_WAIT: Final = 1.0
_TRIED_AGAIN: Final = frozenset({408, 425, 429})

Query = Mapping[str, str | int | None]


class Bearer(Protocol):
    """Who proves to be signed in."""

    def __call__(self, *, anew: bool = False) -> str:
        """A token; ``anew``: the one at hand was refused. Raises :class:`SignedOut`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service answered, with a status from 200 to 299."""

    status: int
    headers: Mapping[str, str]
    body: Json


@dataclass(slots=True, kw_only=True)
class Api:
    """The service at ``url``, an address that has been checked.

    ``tell`` hears of each request, ``warn`` of each that is tried again; ``pause`` waits for
    seconds.
    """

    url: str
    bearer: Bearer
    client: httpx.Client
    retries: int
    tell: Callable[[str], None]
    warn: Callable[[str], None]
    pause: Callable[[float], None] = time.sleep
    chance: Callable[[float, float], float] = field(default=secrets.SystemRandom().uniform)

    def get(self, path: str, query: Query | None = None) -> Answer:
        """Read something as the person who is signed in."""
        return self.send("GET", path, query=query)

    def public(self, path: str) -> Answer:
        """Read something that everybody may see."""
        return self._answered("GET", path, None, None, {})

    def send(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make a request as the person who is signed in."""
        sent = dict(headers or {})
        sent["Authorization"] = f"Bearer {self.bearer()}"
        try:
            return self._answered(method, path, body, query, sent)
        except SignedOut:
            # A session that was ended elsewhere may be good for another token.
            sent["Authorization"] = f"Bearer {self.bearer(anew=True)}"
            return self._answered(method, path, body, query, sent)

    def listed(self, path: str, name: str, query: Query, *, limit: int) -> Json:
        """A list as one document: its pages together, until there are no more or ``limit`` entries.

        Entries stand in the member ``name``; a limit of 0 sets none. A page that was filtered may
        have fewer entries than were asked for, and none at all.
        """
        return _together(lambda more: self.get(path, {**query, **more}).body, name, limit)

    def searched(self, path: str, name: str, body: Json, *, limit: int) -> Json:
        """As :meth:`listed`, of a list that a body asks for."""

        def page(more: Query) -> Json:
            given = {one: value for one, value in more.items() if value is not None}
            return self.send("POST", path, {**body, **given}).body

        return _together(page, name, limit)

    def _answered(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None,
        query: Query | None,
        headers: Mapping[str, str],
    ) -> Answer:
        asked = {name: value for name, value in (query or {}).items() if value is not None}
        waits = 0
        while True:
            try:
                return self._once(method, path, body, asked, headers)
            except Unreachable as error:
                wait = error.retry_after
                if wait is None:
                    wait = self.chance(0, _FIRST_WAIT * 2**waits)
                if not error.passes or waits >= self.retries or wait > LONGEST_WAIT:
                    raise
                waits += 1
                self.warn(f"{error.message} Trying again in {wait:.1f} s.")
                self.pause(wait)

    def _once(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None,
        query: Mapping[str, str | int],
        headers: Mapping[str, str],
    ) -> Answer:
        import httpx

        from licensing_cli import connections

        began = time.monotonic()
        try:
            response = self.client.request(
                method,
                self.url + path,
                params=query,
                json=body,
                headers={
                    "User-Agent": f"licensing_cli/{__version__}",
                    "Accept": "application/json",
                    **headers,
                },
                follow_redirects=False,
            )
        except (httpx.RequestError, httpx.InvalidURL) as error:
            # The error's own words may show an address, and no secret.
            why = f"{type(error).__name__}: {error}".rstrip(": ")
            raise Unreachable(
                f"The service at {self.url} cannot be reached ({why}).",
                connections.advice(error),
            ) from error
        took = (time.monotonic() - began) * 1000
        self.tell(f"{method} {response.request.url} {response.status_code} {took:.0f} ms")
        return self._meaning(response)

    def _meaning(self, response: httpx.Response) -> Answer:
        from licensing_agent.protocol import strict_json

        status = response.status_code
        try:
            said = strict_json.read_object(response.content)
        except ValueError:
            said = {}
        if status >= 500 or status in _TRIED_AGAIN:
            told = said.get("detail") or said.get("message") or "no details"
            raise Unreachable(
                f"The service is busy or in trouble (status {status}: {told}).",
                "Repeating the command is safe.",
                retry_after=_seconds(response.headers.get("retry-after", "")),
            )
        if not said or not (200 <= status < 300 or 400 <= status < 500):
            raise Unreachable(
                f"The server at {self.url} is not the licence service (status {status}).",
                "Check --url: it is the output ApiUrl of the stack, without a path.",
                passes=False,
            )
        if status >= 400:
            raise problems.failure(status, said)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(status, headers, said)


def segment(text: str) -> str:
    """One part of a path. Raises :class:`WrongUse` for what leads elsewhere, once it is decoded."""
    if text in {"", ".", ".."} or set(text) & _SEPARATORS:
        raise WrongUse(f"{text!r} is not an id.")
    return quote(text, safe="")


def _entries(page: Mapping[str, object], name: str) -> list[object]:
    entries = page.get(name)
    if not isinstance(entries, list):
        raise Unreachable(f"The service's answer has no {name}.")
    return entries


def _seconds(text: str) -> float | None:
    return float(text[:9]) if text.isascii() and text.isdigit() else None


def _together(read: Callable[[Query], Json], name: str, limit: int) -> Json:
    """The pages of a list, each read by its limit and cursor, as one document."""
    entries: list[object] = []
    cursor: object = None
    while True:
        size = min(limit - len(entries), LARGEST_PAGE) if limit else LARGEST_PAGE
        page = read({"limit": size, "cursor": cursor if isinstance(cursor, str) else None})
        entries += _entries(page, name)
        cursor = page.get("next_cursor")
        if cursor is None or (limit and len(entries) >= limit):
            return {**page, name: entries}
