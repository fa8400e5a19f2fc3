"""Everything that strangers' bytes reach, as functions of bytes.

Each target may end well or in an error of the package's own tree, and in nothing else; what it
takes, it checks to be what was sent. `tests/fuzz/test_targets.py` drives them by Hypothesis and
`tests/fuzz/guided.py` by coverage. What one of them finds becomes one of its `examples`.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from billing import handler as billing
from licensing.adapters.dynamo import schema
from licensing.adapters.dynamo.events import event_item, read_event
from licensing.adapters.oidc_discovery import Registration
from licensing.contract import agents, licenses, machines, organizations, temporary
from licensing.domain import lease, license_key
from licensing.domain.audit import Actor, ActorKind, Event, EventType, Origin
from licensing.domain.errors import InvalidInput, LicensingError
from licensing.domain.keyring import Keyring
from licensing.domain.license import Status
from licensing.domain.machine import Credentials, Machine
from licensing.domain.organization import PolicyFloor
from licensing.entrypoints import http
from licensing.entrypoints.http import callers
from licensing.entrypoints.http.inputs import Input
from licensing.entrypoints.http.requests import HttpRequest
from licensing.entrypoints.settings import Settings
from licensing.usecases import pagination
from tests.local.authorizer import as_strings

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KID = lease.public_jwk(KEY.public_key())["kid"]
NOW = 1_900_000_000
LEASE = lease.Lease(
    issuer="urn:licensing:test",
    license_id="lic_0123456789abcdef",
    organization_id="acme",
    environment="production",
    machine_thumbprint="thumbprint",
    kind="standard",
    primary=False,
    issued_at=NOW,
    expires_at=NOW + 86_400,
    nonce="n-1",
)
TOKEN = lease.sign(LEASE, KEY, KID)
PRINTED = license_key.LicenseKey(3, "lic_0123456789abcdef", bytes(range(16))).reveal()
MACHINE = {
    "machine_id": "4c4c4544-0042-3510-8052-b4c04f4e5931",
    "mac_addresses": ["3c:52:82:0a:1b:2c", "02:42:ac:11:00:03"],
    "computer_name": "ACME-PC-01.",
}
OLDER = {"MacId": "3C-52-82-0A-1B-2C;", "ComputerName": "PC", "AgentVersion": "4.3.0.12"}
SETTINGS = Settings(
    table_name="table",
    secret_id="secret",
    lease_issuer="urn:licensing:test",
    lease_seconds=86_400,
    last_seen_seconds=900,
    organization_claim="custom:organization_id",
    roles_claim="cognito:groups",
    roles_separator="",
    older_agents=True,
    policy_floor=PolicyFloor(),
    agent_url=None,
    cursor_key="",
    origin_keys=(),
    event_bus="bus",
    dynamodb_endpoint=None,
    sign_in=Registration("", "", "", "", None),
    api_documentation=False,
)

Target = Callable[[bytes], None]


@dataclass(frozen=True)
class Fuzzed:
    """One target: its name, bytes that it takes to start from, and what has been found with it."""

    run: Target
    seeds: Sequence[bytes]
    examples: Sequence[bytes] = ()

    def __call__(self, data: bytes) -> bool:
        """Whether the target took these bytes; anything but the package's own refusal is raised."""
        try:
            self.run(data)
        except LicensingError:
            return False
        return True


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


# -- agents' and people's own text -----------------------------------------------------------------


def printed_key(data: bytes) -> None:
    """A key as it was typed."""
    key = license_key.parse(data.decode(errors="replace"))
    assert license_key.parse(key.reveal()) == key
    assert license_key.is_license_id(key.license_id)
    assert 1 <= key.secret_version <= license_key.MAX_SECRET_VERSION


def credentials(data: bytes) -> None:
    """A machine's components, separated by zero bytes: id, name, and MAC addresses."""
    machine_id, name, *macs = [*data.decode(errors="replace").split("\0"), "", ""]
    found = Credentials.of(machine_id=machine_id, computer_name=name, mac_addresses=macs)
    again = Credentials.of(
        machine_id=found.machine_id,
        computer_name=found.computer_name,
        mac_addresses=found.mac_addresses,
    )
    # What is normal stays as it is: a machine does not drift by being described again.
    assert replace(again, display_name=found.display_name) == replace(
        found, shared_id=None, shared_addresses=frozenset()
    )
    machine = Machine.of(found, b"key")
    assert machine.is_same_as(Machine.of(again, b"key"))
    assert 1 <= len(machine.pairs()) <= 17


# -- leases ----------------------------------------------------------------------------------------


def _verify(token: str) -> lease.Lease:
    return lease.verify(token, {KID: KEY.public_key()}, issuer="urn:licensing:test", now=NOW)


def lease_token(data: bytes) -> None:
    """A lease, as somebody presents it."""
    _verify(data.decode(errors="replace"))
    assert data == TOKEN.encode()


def lease_content(data: bytes) -> None:
    """Header and claims, separated by a zero byte, with a signature that fits."""
    header, _, claims = data.partition(b"\0")
    content = ".".join(
        base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (header, claims)
    )
    signature = base64.urlsafe_b64encode(KEY.sign(content.encode())).decode().rstrip("=")
    found = _verify(f"{content}.{signature}")
    said = json.loads(claims)
    assert (found.issuer, found.license_id) == (said["iss"], said["sub"])
    assert said["iat"] <= NOW < said["exp"]


# -- requests --------------------------------------------------------------------------------------


def _event(**parts: Any) -> HttpRequest:
    return HttpRequest.of(
        {"headers": {}, "requestContext": {"http": {"sourceIp": "203.0.113.7"}}} | parts
    )


def _sent(data: bytes) -> HttpRequest:
    """A request with this body, which API Gateway hands over in base64 unless it is text."""
    try:
        return _event(body=data.decode(), isBase64Encoded=False)
    except UnicodeDecodeError:
        return _event(body=base64.b64encode(data).decode(), isBase64Encoded=True)


def login_body(data: bytes) -> None:
    """A login in either form."""
    event = _sent(data)
    login = (
        http.VersionedBody(agents.LoginRequest, agents.OlderLoginRequest)
        .read(event)
        .login(None, None)
    )
    assert Machine.of(login.credentials, b"key").pairs()
    assert isinstance(login.is_of_older_agent, bool)


def validation_body(data: bytes) -> None:
    """A validation in either form."""
    event = _sent(data)
    asked = http.VersionedBody(agents.ValidateRequest, agents.OlderValidateRequest).read(event)
    assert Machine.of(asked.validation(None).credentials, b"key").pairs()


def lookup_body(data: bytes) -> None:
    """A search for a machine."""
    http.Body(machines.LookupRequest).read(_sent(data)).machine.credentials()


def transition_body(data: bytes) -> None:
    """A reason, or none."""
    http.OptionalBody(licenses.TransitionRequest).read(_sent(data))


def edit_body(data: bytes) -> None:
    """A mark and a label."""
    http.Body(licenses.EditRequest).read(_sent(data))


def temporary_body(data: bytes) -> None:
    """A time to live."""
    assert http.Body(temporary.TemporaryRequest).read(_sent(data)).ttl.seconds > 0


def organization_body(data: bytes) -> None:
    """An organization as it shall be, in part or as a whole."""
    amendment = http.Body(organizations.AmendmentRequest).read(_sent(data)).amendment()
    assert 0 <= amendment.terms.get("valid_until", 0) < 253_402_300_800
    wanted = http.Body(organizations.OrganizationRequest).read(_sent(data))
    assert 0 <= wanted.spec("acme").subscription.valid_until < 253_402_300_800


def base64_body(data: bytes) -> None:
    """A body of which API Gateway says that it is in base64."""
    event = _event(body=data.decode(errors="replace"), isBase64Encoded=True)
    http.Body(licenses.EditRequest).read(event)


def parameters(data: bytes) -> None:
    """Headers and query parameters, all of the same text."""
    text = data.decode(errors="replace")
    event = _event(
        headers=dict.fromkeys(("if-match", "if-none-match", "idempotency-key"), text),
        queryStringParameters=dict.fromkeys(
            ("limit", "cursor", "status", "search", "primary", "from"), text
        ),
    )
    inputs: Sequence[Input[object]] = (
        http.IfMatch(""),
        http.IfNoneMatch(""),
        http.IdempotencyKey(""),
        http.SORTED_PAGE,
        http.Choice("status", Status),
        http.SearchText(""),
        http.Flag("primary"),
        http.Instant("from"),
    )
    for taken in inputs:
        try:
            taken.read(event)
        except LicensingError:
            continue


def claims(data: bytes) -> None:
    """The claims of a token, beside what API Gateway hands over of them."""
    said = _object(data)
    payload = base64.urlsafe_b64encode(data).decode().rstrip("=")
    event = _event(
        headers={"authorization": f"Bearer eyJhbGciOiJSUzI1NiJ9.{payload}.c2ln"},
        requestContext={
            "http": {},
            "authorizer": {"jwt": {"claims": as_strings(said), "scopes": None}},
        },
    )
    caller = callers.caller(event, SETTINGS)
    assert caller.subject == said["sub"]
    assert caller.organization_id in {None, said.get("custom:organization_id")}
    roles = said.get("cognito:groups")
    # Each is one whole element, or the whole text.
    assert caller.roles <= set(roles if isinstance(roles, list) else [roles])


_LISTING = pagination.name_of("LICENSES#acme", sort="computer_name", search="pc")


def cursor(data: bytes) -> None:
    """Where a list goes on."""
    text = data.decode(errors="replace")
    found = 0
    for partition, form, start in (
        (schema.licenses_of("acme"), schema.LICENSE_PLACE, schema.license_start),
        (schema.events_of("acme"), schema.FEED_PLACE, schema.feed_start),
        ("LICENSE#lic_0123456789abcdef", schema.HISTORY_PLACE, schema.history_start),
    ):
        try:
            place = schema.read_cursor(text, partition, form)
        except LicensingError:
            continue
        found += 1
        start("acme", place)
        if form is schema.LICENSE_PLACE:
            schema.state_in_sort_key(place)
    try:
        pagination.sorted_page(
            _LISTING, [("a", "1")], pagination.PageRequest(1, text), is_descending=True
        )
        found += 1
    except InvalidInput:
        pass
    assert found <= 1
    if not found:
        raise InvalidInput("a cursor of no list")


# -- what other systems hand over ------------------------------------------------------------------


def _object(data: bytes) -> dict[str, Any]:
    """The object that an event is made of: Lambda hands over nothing but JSON."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def billing_event(data: bytes) -> None:
    """An event of the billing system."""
    told = billing.parse(_object(data))
    assert 1 <= told.version < 2**62
    assert 0 <= told.terms().get("valid_until", 0) < 253_402_300_800


def stream_image(data: bytes) -> None:
    """An item of the table's stream."""
    entry = read_event(_object(data))
    assert entry.type in EventType


def secret(data: bytes) -> None:
    """The server secret."""
    text = data.decode(errors="surrogateescape")  # what is not UTF-8 is half a character
    ring = Keyring.from_secret(text)
    assert ring.newest == max(map(int, json.loads(text)))
    assert len({key["kid"] for key in ring.jwks()["keys"]}) <= len(ring.versions)


# -- all of them -----------------------------------------------------------------------------------

_LOGIN = {"machine": MACHINE, "environment": "production", "agent_version": "4.5.0.0"}
_CLAIMS = {
    "iss": "https://issuer.example",
    "aud": "operators",
    "exp": NOW,
    "token_use": "id",
    "sub": "alice",
    "custom:organization_id": "acme",
    "cognito:groups": ["org-admin", "member", "super-admin of nothing"],
}
_BILLING = {
    "organization_id": "acme",
    "name": "Acme",
    "valid_until": "2031-01-31T12:00:00Z",
    "status": "active",
    "max_agents": 3,
    "version": 7,
}
_SECRET = {"1": "a first secret of forty characters or so", "2": "x" * 32}
_WANTED = {
    "name": "Acme",
    "valid_until": "2031-01-31T12:00:00+01:00",
    "status": "active",
    "max_agents": None,
}
_HEADER, _STATEMENT = (base64.urlsafe_b64decode(part + "==") for part in TOKEN.split(".")[:2])
_EVENT = Event(
    id="evt_1",
    type=EventType.LICENSE_UPDATED,
    at=NOW,
    organization_id="acme",
    license_id="lic_0123456789abcdef",
    revision=2,
    origin=Origin(
        actor=Actor(ActorKind.USER, "alice", ("member",)),
        request_id="request-1",
        source_address="203.0.113.7",
        agent_version="4.5",
    ),
    before={"state": "active", "label": None, "primary": False, "seats": 1},
    after={"state": "active", "label": "x", "primary": True, "seats": 2},
    reason="why",
    components=("computer_name",),
)

TARGETS: Mapping[str, Fuzzed] = {
    "license_key": Fuzzed(printed_key, [PRINTED.encode(), PRINTED.lower().encode()]),
    "credentials": Fuzzed(
        credentials, [b"4c4c4544-0042\0ACME-PC-01.\x003c:52:82:0a:1b:2c\x0002-42-AC-11-00-03"]
    ),
    "lease_token": Fuzzed(lease_token, [TOKEN.encode()]),
    "lease_content": Fuzzed(lease_content, [_HEADER + b"\0" + _STATEMENT]),
    "login_body": Fuzzed(
        login_body,
        [
            _json(_LOGIN),
            _json(_LOGIN | {"license_key": PRINTED}),
            _json(OLDER | {"LicenseKey": ""}),
        ],
    ),
    "validation_body": Fuzzed(
        validation_body,
        [
            _json(
                {
                    "license_key": PRINTED,
                    "organization_id": "acme",
                    "machine": MACHINE,
                    "nonce": "n-1",
                }
            ),
            _json(OLDER | {"LicenseKey": PRINTED}),
        ],
    ),
    "lookup_body": Fuzzed(lookup_body, [_json({"machine": MACHINE})]),
    "transition_body": Fuzzed(transition_body, [_json({"reason": "stolen"}), b""]),
    "edit_body": Fuzzed(edit_body, [_json({"primary": True, "label": "Hall 3"})]),
    "temporary_body": Fuzzed(temporary_body, [_json({"ttl": "7d"})]),
    "organization_body": Fuzzed(organization_body, [_json(_WANTED), _json({"status": "paused"})]),
    "base64_body": Fuzzed(base64_body, [base64.b64encode(_json({"primary": True}))]),
    "parameters": Fuzzed(
        parameters, [b'"12"', b"50", b"active", b"true", b"2030-03-17T17:46:40.5+01:00"]
    ),
    "claims": Fuzzed(claims, [_json(_CLAIMS), _json(_CLAIMS | {"cognito:groups": "partner"})]),
    "cursor": Fuzzed(
        cursor,
        [
            pagination.write_cursor(partition, place).encode()
            for partition, place in (
                (schema.licenses_of("acme"), f"active#{NOW}#lic_0123456789abcdef"),
                (schema.events_of("acme"), f"{NOW}#evt_1#LICENSE#lic_0123456789abcdef"),
                (_LISTING, "=acme-pc-01#lic_0123456789abcdef"),
            )
        ],
    ),
    "billing_event": Fuzzed(billing_event, [_json({"source": "billing", "detail": _BILLING})]),
    "stream_image": Fuzzed(
        stream_image, [_json(event_item(_EVENT))], [b"{}", b'{"actor": {"M": []}}']
    ),
    "secret": Fuzzed(
        secret,
        [_json(_SECRET)],
        [
            b'{"1": "a secret of more than 32 characters \\ud800"}',
            b'{"' + b"9" * 5_000 + b'": "a secret of more than 32 characters"}',
            b'{"1": "a secret of more than 32 characters \xed\xa0\x80"}',
        ],
    ),
}


def planted(data: bytes) -> None:
    """A bug to find: four bytes in a row, each of which is looked at only behind the one before."""
    if data[:1] == b"j" and data[1:2] == b"s" and data[2:3] == b"o" and data[3:4] == b"n":
        raise ZeroDivisionError
