"""An agent's answers and machine to test with."""

from dataclasses import replace
from typing import Any

from licensing.domain.lease import Lease, public_jwk, sign
from licensing_agent.lifecycle import Terms
from licensing_agent.protocol.credentials import Credentials
from licensing_agent.protocol.lease import public_keys
from licensing_agent.protocol.outcomes import LoggedIn, Valid
from tests.unit.domain.test_lease import ISSUER, KEY, KID
from tests.unit.samples import DAY, NOW

JWKS: dict[str, object] = {"keys": [public_jwk(KEY.public_key())]}
KEYS = public_keys(JWKS)
MACHINE = Credentials.of(
    machine_id="4c4c4544-0042-3510-8052-b4c04f4e5931",
    mac_addresses=["3c:52:82:0a:1b:2c"],
    computer_name="ACME-PC-01",
)
ELSEWHERE = Credentials.of(machine_id="aa-bb-cc", mac_addresses=[], computer_name="other")
TERMS = Terms(issuer=ISSUER, environment="production")
PINNED = replace(TERMS, pinned=KEYS, fetches_keys=False)
LICENSE_ID = "lic_0123456789abcdef"
LICENSE_KEY = "0808G-S19HT-2AJV3-BKT27-EZ32P-28RJ0-1YYBD-J9Q7Y-4P1C1"


def lease_token(*, now: int = NOW, seconds: int = DAY, kid: str = KID, **changed: Any) -> str:
    """What the service signs at ``now``."""
    statement = Lease(
        issuer=ISSUER,
        license_id=LICENSE_ID,
        organization_id="acme",
        environment="production",
        machine_thumbprint=MACHINE.thumbprint(),
        kind="standard",
        primary=False,
        issued_at=now,
        expires_at=now + seconds,
        nonce="n-1",
    )
    return sign(replace(statement, **changed), KEY, kid)


LOGGED_IN = LoggedIn(
    license_key=LICENSE_KEY,
    lease=lease_token(),
    license_id=LICENSE_ID,
    organization_id="acme",
    save_configuration=True,
    nonce="n-1",
    credentials=MACHINE,
    server_time=NOW,
)


def valid(*, now: int = NOW, seconds: int = DAY, token: str | None = None) -> Valid:
    """The answer that the licence is valid at ``now``."""
    return Valid(
        lease=token or lease_token(now=now, seconds=seconds),
        renew_after=now + seconds // 2,
        server_time=now,
        nonce="n-1",
        credentials=MACHINE,
    )
