"""What a vendor tells the client.

What this module guarantees: a :class:`Configuration` can be used. Keys and tokens are never sent
over a connection that others can read: plain HTTP is for this machine alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import httpx

from licensing_agent import proxies
from licensing_agent.lifecycle import Terms
from licensing_agent.machine.identity import APPLICATION
from licensing_agent.protocol import lease
from licensing_agent.storage.device_key import DeviceKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What to speak to, as what, and where to keep the licence.

    ``url``
        the service's address.
    ``issuer``
        the issuer that leases name.
    ``folder``
        where the licence is kept; in a container, a folder on a volume. One agent each.
    ``environment``
        the name of this installation, where a machine has several.
    ``agent_version``
        the agent's, for its administrators to see.
    ``organization_id``
        the only organization that this agent is for, if it is for one.
    ``license_key``
        a key to present at the login: a partner's temporary one, or one that waits for a machine.
    ``pinned_keys``
        the service's JWKS. Then these keys count and no others, unless ``fetch_keys`` is true.
    ``fetch_keys``
        whether to take keys from ``/.well-known/jwks.json``; by default where none are pinned.
    ``proxy``
        as in ``http://proxy:3128``. By default what ``HTTPS_PROXY`` and the like, or else the
        settings of Windows or macOS, say at each attempt.
    ``ca_file``
        a private certificate authority, in PEM: trusted beside those of the system's store.
    ``timeout``
        how many seconds a request may take, from the connection to the last byte of the answer;
        connecting, half of them.
    ``computer_name``
        stands for the machine's own, which in a container may change with each start.
    ``application``
        what machine ids are hashed for; a vendor may have an id of its own, and keep it.
    ``use_device_key``
        whether the agent proves to hold a key that never leaves its machine.
    ``device_key``
        that key, where the vendor has it in a TPM or the like; by default it is kept in ``folder``.
    ``use_keyring``
        whether the platform's keyring takes part, where the extra is installed.
    """

    url: str
    issuer: str
    folder: Path
    environment: str = "production"
    agent_version: str | None = None
    organization_id: str | None = None
    license_key: str | None = field(default=None, repr=False)
    pinned_keys: Mapping[str, object] | None = None
    fetch_keys: bool | None = None
    proxy: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    timeout: float = 10.0
    computer_name: str | None = None
    application: UUID = APPLICATION
    use_keyring: bool = True
    use_device_key: bool = True
    device_key: DeviceKey | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme != "https" and not (
            parts.scheme == "http" and parts.hostname in proxies.THIS_MACHINE
        ):
            raise ValueError("The address of the service must begin with https://.")
        if self.pinned_keys is not None and not lease.public_keys(self.pinned_keys):
            raise ValueError(
                "pinned_keys contains no key that can verify leases. Use the service's JWKS."
            )
        self.given_proxy()

    def address(self, path: str) -> str:
        """Where a request goes, spelled as it is sent: a proof names it."""
        return str(httpx.URL(self.url.rstrip("/") + path))

    def shown(self, path: str) -> str:
        """The same for people: without what the address may have of a name and a password."""
        return str(httpx.URL(self.address(path)).copy_with(userinfo=b""))

    def given_proxy(self) -> proxies.Proxy | None:
        """The vendor's own proxy, if there is one. Raises :class:`ValueError` if it is none."""
        return None if self.proxy is None else proxies.read(self.proxy, "proxy")

    def terms(self) -> Terms:
        """What of it the rules need."""
        fetches = self.pinned_keys is None if self.fetch_keys is None else self.fetch_keys
        return Terms(
            issuer=self.issuer,
            environment=self.environment,
            organization_id=self.organization_id,
            license_key=self.license_key,
            pinned={} if self.pinned_keys is None else lease.public_keys(self.pinned_keys),
            fetches_keys=fetches,
        )
