"""What all chapters of the story need: acting as somebody, checking the answer, printing it."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from tests.local.cast import AGENT_VERSION, ENVIRONMENT, organization
from tests.local.client import Answer, Client, UnexpectedAnswerError

SWEEP = "ExpirySweepFunction"


class People(Protocol):
    """Who plays in the story."""

    def token(self, name: str, *, on_agent: bool) -> str:
        """The token of who plays this part, who signs in on an agent or as an operator."""


class LocalPeople:
    """The users of the local stack, each in their own part."""

    def __init__(self, client: Client) -> None:
        """Ask the stack who can log in."""
        self._client = client
        self._local = client.call("GET", "/_local").expect(200)
        self._passwords: dict[str, str] = {
            user["username"]: user["password"] for user in self._local["users"]
        }

    def token(self, name: str, *, on_agent: bool) -> str:
        """A user's token."""
        answer = self.log_in(name, self._passwords[name], on_agent=on_agent).expect(200)
        return str(answer["AuthenticationResult.IdToken"])

    def log_in(self, name: str, password: str, *, on_agent: bool = True) -> Answer:
        """Try a password."""
        client = "agent_client_id" if on_agent else "operator_client_id"
        return self._client.log_in(self._local[client], name, password)

    def now_have(self, name: str, password: str) -> str:
        """Remember that a user has another password now; the one before."""
        before = self._passwords[name]
        self._passwords[name] = password
        return before


class Teller:
    """Acts and prints; a first answer that is not as it should be ends the story."""

    def __init__(self, client: Client, say: Callable[[str], None], people: People) -> None:
        """Nothing is asked of the service yet."""
        self._client = client
        self._say = say
        self._people = people
        self._steps = 0

    # -- telling -----------------------------------------------------------------------------------

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self._say(f"\n{title}\n{'-' * len(title)}")

    def step(self, text: str) -> None:
        """Say what happens next."""
        self._steps += 1
        self._say(f"\n{self._steps:2}. {text}")

    def line(self, method: str, path: str, status: int, who: str = "") -> None:
        """Show a request and the status that it got."""
        by = f"  ({who})" if who else ""
        self._say(f"      {method} {path}{by}  ->  {status}")

    def field(self, name: str, value: Any) -> None:
        """Show one value."""
        self._say(f"          {name}: {value}")

    def show(self, answer: Answer, *fields: str) -> Answer:
        """Show some of an answer's fields."""
        for name in fields:
            value = answer[name]
            self.field(name, shortened(value) if name == "license_key" else value)
        return answer

    def check(self, holds: bool, otherwise: str, answer: Answer) -> None:  # noqa: FBT001 - a fact
        """End the story, unless something holds of an answer."""
        if not holds:
            raise UnexpectedAnswerError(f"{otherwise}, in the answer {answer.body}")

    # -- acting ------------------------------------------------------------------------------------

    def act(
        self,
        username: str,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Log in with the user's password, and call with the token."""
        on_agent = (method, path) == ("POST", "/v1/licenses")
        token = self._people.token(username, on_agent=on_agent)
        answer = self._client.call(method, path, body, token=token, headers=headers)
        self.line(method, path, answer.status, username)
        return answer

    def as_operator(self, username: str, method: str, path: str, body: Any = None) -> Answer:
        """Call a route with an operator's token, also one that wants an agent's."""
        token = self._people.token(username, on_agent=False)
        answer = self._client.call(method, path, body, token=token)
        self.line(method, path, answer.status, username)
        return answer

    def call(self, method: str, path: str, body: Any = None) -> Answer:
        """Call a route that asks for no user."""
        answer = self._client.call(method, path, body)
        self.line(method, path, answer.status)
        return answer

    def validate(self, issued: Answer, machine: Mapping[str, Any], nonce: str = "") -> Answer:
        """Ask what the agent asks, which has the key that was `issued`, on a machine."""
        body = {
            "license_key": issued["license_key"],
            "organization_id": issued["license.organization_id"],
            "environment": ENVIRONMENT,
            "machine": machine,
            "agent_version": AGENT_VERSION,
            "nonce": nonce or secrets.token_hex(16),
        }
        return self.agent(body)

    def agent(self, body: Mapping[str, Any]) -> Answer:
        """Send an agent's validation."""
        answer = self._client.call("POST", "/v1/licenses/validate", body)
        self.line("POST", "/v1/licenses/validate", answer.status, "the agent")
        return answer

    def is_valid(self, issued: Answer, machine: Mapping[str, Any]) -> Answer:
        """Validate, which shall succeed."""
        answer = self.validate(issued, machine)
        answer.expect(200, valid=True, code="VALID", action="continue")
        return self.show(answer, "code")

    def is_refused(
        self, issued: Answer, machine: Mapping[str, Any], code: str, **fields: Any
    ) -> Answer:
        """Validate, which shall be refused with this code."""
        answer = self.validate(issued, machine)
        answer.expect(200, valid=False, code=code, lease=None, **fields)
        return self.show(answer, "code", "message", *fields.keys() - {"message"})

    def change(self, username: str, action: str, issued: Answer, reason: str, status: str) -> None:
        """Change a licence as an administrator; it shall have this status then."""
        path = f"/v1/licenses/{issued['license.id']}/{action}"
        answer = self.act(username, "POST", path, {"reason": reason})
        self.show(answer.expect(200, **{"license.status": status}), "license.status")

    def subscribe(self, organization_id: str, valid_until: str, **other: str) -> None:
        """Change a subscription as the vendor does by hand."""
        path = f"/v1/organizations/{organization_id}"
        current = self.act("olivia", "GET", path).expect(200)
        self.show(current, "organization.version")
        answer = self.act(
            "olivia",
            "PUT",
            path,
            organization(organization_id, valid_until) | other,
            {"If-Match": current.headers.get("etag", "")},
        ).expect(200)
        self.show(answer, "organization.subscription.valid_until")

    def has_status(self, issued: Answer, status: str) -> None:
        """Look at a licence, which shall have this status."""
        answer = self.act("olivia", "GET", f"/v1/licenses/{issued['license.id']}")
        self.show(answer.expect(200, **{"license.status": status}), "license.status")

    def sweep(self) -> Answer:
        """Run the scheduled sweep now; what it did."""
        return self.call("POST", f"/_local/schedule/{SWEEP}")

    def read(self, username: str, path: str, items: str) -> list[Any]:
        """All entries of a list that comes in pages."""
        entries: list[Any] = []
        cursor = ""
        while True:
            answer = self.act(username, "GET", f"{path}?limit=100{cursor}").expect(200)
            entries += answer[items]
            if answer["next_cursor"] is None:
                return entries
            cursor = f"&cursor={answer['next_cursor']}"


def shortened(license_key: str) -> str:
    """A licence key that may be shown: its first two groups."""
    return "-".join([*license_key.split("-")[:2], "..."])
