"""A vendor's agent, as its author writes it: what type checkers have to understand (never run)."""

import asyncio
import logging
from pathlib import Path

from licensing_agent import (
    AsyncClient,
    Client,
    Configuration,
    DeviceKey,
    FolderInUse,
    KeyLocked,
    LicenseState,
    SignInFailed,
    Status,
)

LOG = logging.getLogger("vendor")


class Tpm:
    """A vendor's device key."""

    def public_key(self) -> bytes:
        """32 bytes."""
        raise KeyLocked("the chip is away")

    def sign(self, data: bytes) -> bytes:
        """64 bytes."""
        raise OSError(len(data))


def configuration(key: DeviceKey | None) -> Configuration:
    """Where the service is."""
    return Configuration(
        url="https://licensing.example",
        issuer="urn:licensing:licensing",
        folder=Path("state"),
        agent_version="1.0",
        device_key=key,
        ca_file=Path("ca.pem"),
        proxy="http://proxy.example:3128",
    )


def sign_in() -> str | None:
    """A person's ID token."""
    raise SignInFailed("Nobody is there.")


def show(status: Status) -> None:
    """A line for the log."""
    until: int | None = status.until
    LOG.info("%s until %s: %s", status.license_state.value, until, status.message or status.storage)
    if status.license_state is LicenseState.REFUSED:
        LOG.warning("%s: %s", status.code, status.action)


def work() -> bool:
    """With threads."""
    try:
        with Client(
            configuration(Tpm()), sign_in=sign_in, on_valid=show, on_refused=show
        ) as client:
            client.run()
            return client.check(at_once=True).usable
    except FolderInUse:
        return False


async def work_on_a_loop() -> bool:
    """Without."""

    async def ask() -> str | None:
        await asyncio.sleep(0)
        return None

    async with AsyncClient(configuration(None), sign_in=ask, on_grace=show) as client:
        return (await client.check()).usable
