"""The people of a deployed stack: who signs in there, and by what.

A password or a token comes from the environment, or the password from the terminal; neither is
ever printed. Where Cognito is, follows from the address that API Gateway gives; it can be named.
"""

import os
import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.local.client import Client

_API = re.compile(r"[a-z0-9]+\.execute-api\.([a-z0-9-]+)\.(amazonaws\.com(?:\.cn)?)")

_CHALLENGES = {
    "NEW_PASSWORD_REQUIRED": (
        "Set a permanent password first (aws cognito-idp admin-set-user-password --permanent)."
    )
}
_SECOND_FACTOR = (
    "With a second factor people sign in in a browser: set {part}_TOKEN in the environment to an "
    "ID token from there."
)


class SignInError(Exception):
    """Somebody cannot sign in; the message says why and what to do."""


def login_url(url: str) -> str:
    """Where users of a service at `url` sign in: Cognito of its Region, or the local stack."""
    parts = urlsplit(url)
    found = _API.fullmatch(parts.hostname or "")
    return f"https://cognito-idp.{found[1]}.{found[2]}" if found else url


@dataclass(frozen=True)
class Person:
    """Somebody with a user; `part` is what the environment calls them: ADMIN, MEMBER, PARTNER.

    They sign in with the client that the variable `client` names: the operators' or the agents'.
    """

    part: str
    username: str | None
    client: str
    client_id: str | None

    @property
    def is_there(self) -> bool:
        """Whether anybody plays this part."""
        return bool(self.username or os.environ.get(f"{self.part}_TOKEN"))


@dataclass
class DeployedPeople:
    """Who plays in the story: a super-admin, and perhaps a member, and a partner."""

    url: str
    admin: Person
    member: Person
    partner: Person
    ask: Callable[[str], str]
    _tokens: dict[str, str] = field(default_factory=dict)

    def token(self, name: str, *, on_agent: bool) -> str:
        """The token of who plays this part. Raises :class:`SignInError`.

        Each signs in where they work: the super-admin never on an agent, the others only there.
        """
        parts = {"amir": self.member, "alice": self.member, "pavel": self.partner}
        person = parts.get(name, self.admin)
        if on_agent is (person is self.admin):
            raise LookupError(f"{name} does not work there")
        if person.part not in self._tokens:
            self._tokens[person.part] = self._signed_in(person)
        return self._tokens[person.part]

    def _signed_in(self, person: Person) -> str:
        given = os.environ.get(f"{person.part}_TOKEN")
        if given:
            return given
        if not person.username or not person.client_id:
            raise SignInError(
                f"Name a user with {person.part}= and the pool's client with {person.client}=, or "
                f"set {person.part}_TOKEN in the environment to a token."
            )
        password = os.environ.get(f"{person.part}_PASSWORD") or self.ask(
            f"Password of {person.username}: "
        )
        with closing(Client(self.url)) as client:
            answer = client.log_in(person.client_id, person.username, password)
        if challenge := answer["ChallengeName"]:
            help_ = _CHALLENGES.get(str(challenge), _SECOND_FACTOR)
            raise SignInError(
                f"{person.username} cannot sign in by a password alone: {challenge}. "
                + help_.format(part=person.part)
            )
        token = answer["AuthenticationResult.IdToken"]
        if answer.status != 200 or not isinstance(token, str):
            kind, message = answer["__type"], answer["message"]
            raise SignInError(
                f"{person.username} cannot sign in at {self.url}: {answer.status} {kind}: {message}"
            )
        return token
