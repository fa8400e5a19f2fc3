"""The story that `demo` tells: an agent's life, over HTTP, with passwords and tokens.

Every step is printed and every answer is checked; the first that is not as it should be raises
`UnexpectedAnswerError` and ends the story.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet

from tests.local.cast import (
    ACME,
    AGENT_VERSION,
    BOLT,
    MACHINE_A,
    MACHINE_B,
    NAMES,
    days_from_now,
    login,
    organization,
)
from tests.local.client import Answer, Client, UnexpectedAnswerError

SWEEP = "ExpirySweepFunction"
_DAY = 86400


class Story:
    """Tells the story to `say`, step by step, against the service that `client` speaks to."""

    def __init__(self, client: Client, say: Callable[[str], None]) -> None:
        """Nothing is asked of the service before `tell`."""
        self._client = client
        self._say = say
        self._steps = 0
        self._local = Answer(0, {}, {})
        self._passwords: dict[str, str] = {}

    def tell(self) -> None:
        """Tell all of it."""
        self._local = self._client.call("GET", "/_local").expect(200)
        self._passwords = {user["username"]: user["password"] for user in self._local["users"]}
        self._say("Two organizations, Acme and Bolt. Alice and Amir are members of Acme, Ada is")
        self._say("its administrator; Boris is a member of Bolt; Olivia works for the vendor.")
        self._say("Two machines: A in Acme's factory, B in Bolt's office. An agent runs on each.")

        self._vendor_registers_two_organizations()
        first = self._first_login()
        self._second_member_logs_in(first)
        self._other_environment(first)
        self._other_organization()
        self._agent_validates(first)
        self._key_on_another_machine(first)
        self._password_changes(first)
        self._machine_is_renamed(first)
        self._administrator_revokes(first)
        bolt = self._bolt_logs_in()
        self._subscription_ends(bolt)
        self._sweep_marks(bolt)
        self._renewal_reinstates(bolt)

    def _vendor_registers_two_organizations(self) -> None:
        self._step("Olivia registers Acme and Bolt, each with a subscription for a year.")
        for name in (ACME, BOLT):
            body = organization(name, days_from_now(365))
            answer = self._as("olivia", "PUT", f"/v1/organizations/{name}", body)
            self._show(
                answer.expect(201, **{"organization.name": NAMES[name]}),
                "organization.name",
                "organization.subscription.valid_until",
            )

    def _first_login(self) -> Answer:
        self._step("Alice logs in to the agent on machine A: the first login there.")
        return self._show(
            self._as("alice", "POST", "/v1/licenses", login(MACHINE_A)).expect(
                201,
                **{"created": True, "license.status": "active", "license.organization_id": ACME},
            ),
            "license_key",
            "license.id",
            "license.status",
        )

    def _second_member_logs_in(self, first: Answer) -> None:
        self._step("Amir logs in there, too: the same licence and the same key.")
        same = {name: first[name] for name in ("license.id", "license_key")}
        answer = self._as("amir", "POST", "/v1/licenses", login(MACHINE_A))
        self._show(answer.expect(200, created=False, **same), "license_key", "license.id")

    def _other_environment(self, first: Answer) -> None:
        self._step("Amir logs in to the agent's staging environment on machine A: another key.")
        answer = self._as("amir", "POST", "/v1/licenses", login(MACHINE_A, "staging"))
        answer.expect(201, **{"license.environment": "staging"})
        self._check(answer["license_key"] != first["license_key"], "the key is the same", answer)
        self._show(answer, "license_key", "license.environment")

    def _other_organization(self) -> None:
        self._step("Boris of Bolt logs in from machine A, which is Acme's: refused.")
        answer = self._as("boris", "POST", "/v1/licenses", login(MACHINE_A)).expect(
            409,
            code="machine_registered_to_other_organization",
            detail="Your machine is already registered with Acme.",
        )
        self._show(answer, "code", "detail")

    def _agent_validates(self, first: Answer) -> None:
        self._step("From now on the agent needs no user: it validates with its key alone.")
        nonce = secrets.token_hex(16)
        answer = self._validate(first, MACHINE_A, nonce)
        answer.expect(200, valid=True, code="VALID", action="continue")
        self._show(answer, "code", "message", "lease.expires_at")

        self._step("It verifies the lease by the published keys, as it would without a network.")
        keys = self._client.call("GET", "/.well-known/jwks.json").expect(200)
        self._line("GET", "/.well-known/jwks.json", keys.status)
        lease = jwt.decode(
            answer["lease.token"], KeySet.import_key_set(keys.body), algorithms=["Ed25519"]
        )
        now = time.time()
        for name, wanted in {
            "sub": first["license.id"],
            "organization_id": ACME,
            "environment": "production",
            "nonce": nonce,
        }.items():
            self._check(lease.claims.get(name) == wanted, f"the lease's {name} is wrong", answer)
        self._check(lease.header.get("typ") == "lease+jwt", "its type is wrong", answer)
        self._check(now < lease.claims["exp"] <= now + _DAY + 1, "its end is wrong", answer)
        for name in ("alg", "typ"):
            self._field(name, lease.header[name])
        for name in ("iss", "sub", "organization_id", "environment"):
            self._field(name, lease.claims[name])

    def _key_on_another_machine(self, first: Answer) -> None:
        self._step("Somebody copies the key to machine B: it is worth nothing there.")
        answer = self._validate(first, MACHINE_B)
        answer.expect(200, valid=False, code="MACHINE_MISMATCH", lease=None)
        self._show(answer, "code", "message")

    def _password_changes(self, first: Answer) -> None:
        self._step("Alice's password is changed. The old one is refused, the agent runs on.")
        path = "/_local/users/alice/password"
        answer = self._client.call("PUT", path, {"password": "Battery-Staple-2"}).expect(204)
        self._line("PUT", path, answer.status)
        refused = self._client.log_in(self._local["client_id"], "alice", self._passwords["alice"])
        self._line("POST", "/ (InitiateAuth, alice, old password)", refused.status)
        refused.expect(400, __type="NotAuthorizedException")
        self._passwords["alice"] = "Battery-Staple-2"
        self._token("alice")
        answer = self._validate(first, MACHINE_A)
        self._show(answer.expect(200, valid=True, code="VALID"), "code")

    def _machine_is_renamed(self, first: Answer) -> None:
        self._step("Machine A is renamed: two of its three marks are as before, so it is the same.")
        renamed = MACHINE_A | {"computer_name": "FACTORY-PC-RENAMED"}
        answer = self._validate(first, renamed)
        self._show(answer.expect(200, valid=True, code="VALID"), "code")

    def _administrator_revokes(self, first: Answer) -> None:
        self._step("Ada, Acme's administrator, revokes the licence: the key is dead at once.")
        path = f"/v1/licenses/{first['license.id']}/revoke"
        answer = self._as("ada", "POST", path, {"reason": "The machine is scrapped."})
        self._show(answer.expect(200, **{"license.status": "revoked"}), "license.status")
        answer = self._validate(first, MACHINE_A)
        answer.expect(200, valid=False, code="REVOKED", lease=None)
        self._show(answer, "code", "message")

    def _bolt_logs_in(self) -> Answer:
        self._step("Boris logs in from machine B, which is free, and the agent there validates.")
        answer = self._as("boris", "POST", "/v1/licenses", login(MACHINE_B)).expect(201)
        self._show(answer, "license_key", "license.id")
        valid = self._validate(answer, MACHINE_B).expect(200, valid=True, code="VALID")
        self._show(valid, "code")
        return answer

    def _subscription_ends(self, bolt: Answer) -> None:
        self._step("Bolt's subscription ends: one write, and every agent of Bolt is expired.")
        self._subscribe(BOLT, days_from_now(-1))
        answer = self._validate(bolt, MACHINE_B)
        answer.expect(200, valid=False, code="EXPIRED", lease=None)
        self._show(answer, "code", "message")

    def _sweep_marks(self, bolt: Answer) -> None:
        self._step("The scheduled sweep marks Bolt's licence, for people to see.")
        self._show(self._sweep().expect(200, expired=1), "expired")
        self._status(bolt, "expired")

    def _renewal_reinstates(self, bolt: Answer) -> None:
        self._step("Bolt renews: the same key is valid at once, and the sweep reinstates it.")
        self._subscribe(BOLT, days_from_now(365))
        answer = self._validate(bolt, MACHINE_B)
        self._show(answer.expect(200, valid=True, code="VALID"), "code")
        self._show(self._sweep().expect(200, reinstated=1), "reinstated")
        self._status(bolt, "active")
        answer = self._validate(bolt, MACHINE_B)
        self._show(answer.expect(200, valid=True, code="VALID"), "code")

    def _subscribe(self, organization_id: str, valid_until: str) -> None:
        path = f"/v1/organizations/{organization_id}"
        current = self._as("olivia", "GET", path).expect(200)
        self._show(current, "organization.version")
        answer = self._as(
            "olivia",
            "PUT",
            path,
            organization(organization_id, valid_until),
            {"If-Match": current.headers.get("etag", "")},
        ).expect(200)
        self._show(answer, "organization.subscription.valid_until")

    def _status(self, issued: Answer, status: str) -> None:
        answer = self._as("olivia", "GET", f"/v1/licenses/{issued['license.id']}")
        self._show(answer.expect(200, **{"license.status": status}), "license.status")

    def _sweep(self) -> Answer:
        path = f"/_local/schedule/{SWEEP}"
        answer = self._client.call("POST", path)
        self._line("POST", path, answer.status)
        return answer

    def _validate(self, issued: Answer, machine: Mapping[str, Any], nonce: str = "") -> Answer:
        """Ask what the agent asks, which has the key that was `issued`, on a machine."""
        body = {
            "license_key": issued["license_key"],
            "organization_id": issued["license.organization_id"],
            "environment": issued["license.environment"],
            "machine": machine,
            "agent_version": AGENT_VERSION,
            "nonce": nonce or secrets.token_hex(16),
        }
        answer = self._client.call("POST", "/v1/licenses/validate", body)
        self._line("POST", "/v1/licenses/validate", answer.status, "the agent")
        return answer

    def _as(
        self,
        username: str,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Log in with the user's password, and call with the token."""
        token = self._token(username)
        answer = self._client.call(method, path, body, token=token, headers=headers)
        self._line(method, path, answer.status, username)
        return answer

    def _token(self, username: str) -> str:
        password = self._passwords[username]
        answer = self._client.log_in(self._local["client_id"], username, password).expect(200)
        return str(answer["AuthenticationResult.IdToken"])

    def _step(self, text: str) -> None:
        self._steps += 1
        self._say(f"\n{self._steps:2}. {text}")

    def _line(self, method: str, path: str, status: int, who: str = "") -> None:
        by = f"  ({who})" if who else ""
        self._say(f"      {method} {path}{by}  ->  {status}")

    def _field(self, name: str, value: Any) -> None:
        self._say(f"          {name}: {value}")

    def _show(self, answer: Answer, *fields: str) -> Answer:
        for name in fields:
            value = answer[name]
            self._field(name, shortened(value) if name == "license_key" else value)
        return answer

    def _check(self, holds: bool, otherwise: str, answer: Answer) -> None:  # noqa: FBT001 - a fact
        if not holds:
            raise UnexpectedAnswerError(f"{otherwise}, in the answer {answer.body}")


def shortened(license_key: str) -> str:
    """A licence key that may be shown: its first two groups."""
    return "-".join([*license_key.split("-")[:2], "..."])
