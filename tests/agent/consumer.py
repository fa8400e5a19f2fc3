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
from licensing_agent.sign_in import Browser, DeviceCode, Invitation, Pasted, Provider

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


def ways_to_sign_in() -> list[Browser | DeviceCode | Pasted]:
    """Each, as a vendor makes it."""
    provider = Provider(
        service=configuration(None), issuer="https://login.example", client_id="agents"
    )

    def invite(invitation: Invitation) -> None:
        LOG.info("%s, or %s", invitation, invitation.link)

    return [
        Browser(provider, show=print, paste=input),
        Pasted(provider, show=print, paste=input, quiet_seconds=60),
        DeviceCode(provider, show=invite),
    ]


async def work_with_a_browser(browser: Browser) -> bool:
    """The person has five minutes, and the loop goes on."""
    async with AsyncClient(
        configuration(None), sign_in=lambda: asyncio.to_thread(browser.sign_in)
    ) as client:
        return (await client.check()).usable


async def work_on_a_loop() -> bool:
    """Without."""

    async def ask() -> str | None:
        await asyncio.sleep(0)
        return None

    async with AsyncClient(configuration(None), sign_in=ask, on_grace=show) as client:
        return (await client.check()).usable
