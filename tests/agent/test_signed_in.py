"""The client for agents signs its person in at the stack's own identity provider, and logs in."""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from licensing_agent import Client, Configuration, Status, System
from licensing_agent.machine.sources import Platform
from licensing_agent.sign_in import DeviceCode, Pasted, Provider
from tests.agent.process import ISSUER
from tests.local import pasted, stack
from tests.local.client import Client as Vendor
from tests.local.identity import PASSWORD
from tests.local.stack import Stack


@pytest.fixture(scope="module")
def up() -> Iterator[Stack]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DYNAMODB_ENDPOINT", raising=False)
        with stack.running() as running, closing(Vendor(running.url)) as vendor:
            pasted.seed(vendor, running.operator_client_id)
            yield running


@dataclass
class Desk:
    """A computer elsewhere, with a browser: a person signs in there and brings the address back."""

    username: str
    link: str = ""

    def show(self, link: str) -> None:
        """It is written down."""
        self.link = link

    def paste(self) -> str:
        """What the browser's address bar has in the end."""
        with httpx.Client(trust_env=False, timeout=60) as web:
            form = web.get(self.link)
            action = unescape(re.findall(r'action="([^"]+)"', form.text)[0])
            filled = {"username": self.username, "password": PASSWORD}
            return web.post(urljoin(self.link, action), data=filled).headers["location"]


def told(up: Stack, folder: Path) -> Provider:
    """What a vendor knows: on AWS, the discovery document names the endpoints."""
    service = Configuration(
        url=up.url, issuer=ISSUER, folder=folder, timeout=60.0, use_keyring=False
    )
    with httpx.Client(trust_env=False, timeout=60) as web:
        described = web.get(f"{up.url}/_local/.well-known/openid-configuration").json()
    return Provider(
        service=service,
        issuer=described["issuer"],
        client_id=up.agent_client_id,
        authorization_endpoint=described["authorization_endpoint"],
        token_endpoint=described["token_endpoint"],
    )


def checked(provider: Provider, sign_in: Pasted | DeviceCode) -> Status:
    """The agent starts on a machine, and does what is due."""
    platform = Platform(system="Linux", root=Path("/nowhere"), name=lambda: "HEADLESS-1")
    with Client(
        provider.service, sign_in=sign_in.sign_in, system=System(platform=platform)
    ) as client:
        return client.check()


def test_a_headless_agent_is_licensed_by_a_link_that_is_opened_elsewhere(
    up: Stack, tmp_path: Path
) -> None:
    desk, provider = Desk("alice"), told(up, tmp_path)
    status = checked(provider, Pasted(provider, show=desk.show, paste=desk.paste))
    assert status.license_state == "valid", status


def test_the_stacks_own_identity_provider_has_no_device_codes_and_it_is_said(
    up: Stack, tmp_path: Path
) -> None:
    provider = told(up, tmp_path)
    status = checked(provider, DeviceCode(provider, show=print))
    assert status.license_state == "signed_out"
    assert "Pasted" in str(status.message)
