"""Signing in with a code that a person types on another device."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from licensing_agent import Configuration, SignInFailed
from licensing_agent.sign_in import DeviceCode, Invitation, Provider
from tests.agent.issuer import DEVICE_CODE, PENDING, Issuer, id_token, refused
from tests.local.events import Response
from tests.unit.domain.test_lease import ISSUER


class Device:
    """A machine without a browser, and what is shown at it."""

    def __init__(self, folder: Path) -> None:
        self.issuer = Issuer()
        service = Configuration(url="https://licensing.example", issuer=ISSUER, folder=folder)
        provider = Provider(service=service, issuer=self.issuer.url, client_id="agents")
        self.shown: list[Invitation] = []
        self.slept: list[float] = []
        self.code = DeviceCode(provider, show=self.shown.append, sleep=self.slept.append)

    def answers(self, *answers: Response) -> None:
        """What the polls get, after the codes."""
        self.issuer.answers = [Response.of_json(200, self.issuer.device), *answers]

    def why(self) -> str:
        with pytest.raises(SignInFailed) as failed:
            self.code.sign_in()
        assert "SECRET" not in str(failed.value)
        return str(failed.value)


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    made = Device(tmp_path)
    with made.issuer:
        yield made


def test_a_person_signs_in_on_another_device(device: Device) -> None:
    device.answers(PENDING, PENDING)
    assert device.code.sign_in() == id_token()
    first, *polls = device.issuer.forms
    assert first == {"scope": "openid", "client_id": "agents"}
    assert polls == 3 * [
        {
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "device_code": DEVICE_CODE,
            "client_id": "agents",
        }
    ]
    (invitation,) = device.shown
    told = str(invitation)
    assert f"{device.issuer.url}/activate and" in told
    assert "WDJB-MJHT" in told
    assert invitation.link.endswith("?user_code=WDJB-MJHT")
    assert DEVICE_CODE not in repr(invitation)
    assert device.slept == [5, 5, 5]
    # And is not asked again each minute.
    assert device.code.sign_in() is None


def test_a_provider_that_is_asked_too_often_is_asked_less(device: Device) -> None:
    device.issuer.device["expires_in"] = 60
    device.answers(refused("slow_down"), PENDING, refused("slow_down"))
    assert device.code.sign_in()
    assert device.slept == [5, 10, 10, 15]


def test_an_answer_that_is_lost_ends_nothing(device: Device) -> None:
    device.issuer.device["expires_in"] = 600
    page = b"<html>Log in to the network</html>"
    device.answers(*(Response(status, [], page) for status in (503, 429, 403, 200)))
    assert device.code.sign_in()
    assert device.slept == [5, 10, 20, 40, 80]


def test_nobody_waits_longer_than_the_code_is_good(device: Device) -> None:
    device.issuer.device |= {"expires_in": 60, "interval": 86_400}
    device.answers(PENDING)
    with pytest.raises(SignInFailed, match="in time"):
        device.code.sign_in()
    assert device.slept == [60]


def test_without_an_interval_five_seconds_are_one(device: Device) -> None:
    del device.issuer.device["interval"], device.issuer.device["verification_uri_complete"]
    assert device.code.sign_in()
    assert device.slept == [5]
    assert device.shown[0].link == device.shown[0].verification_uri


def test_a_code_that_nobody_types_ends(device: Device) -> None:
    device.answers(*5 * [PENDING])
    told = device.why()
    assert "in time" in told
    assert sum(device.slept) == 15
    assert device.why() == told
    assert len(device.shown) == 1


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("access_denied", "has declined"),
        ("expired_token", "in time"),
        ("invalid_grant", "used up"),
        ("SECRET\x1b", "no reason that can be shown"),
    ],
)
def test_a_refusal_ends_the_asking(device: Device, error: str, told: str) -> None:
    device.answers(PENDING, refused(error))
    assert told in device.why()
    assert device.slept == [5, 5]


def test_a_provider_without_device_codes_is_told_and_what_there_is_instead(
    device: Device,
) -> None:
    del device.issuer.description["device_authorization_endpoint"]
    told = device.why()
    assert "Cognito" in told
    assert "Pasted" in told
    assert not device.issuer.forms


@pytest.mark.parametrize(
    "changed",
    [
        {"device_code": None},
        {"user_code": None},
        {"user_code": "A\x1b[2J"},
        {"verification_uri": None},
        {"verification_uri": "http://evil.example"},
        {"verification_uri_complete": "javascript:alert(1)"},
        {"verification_uri_complete": 7},
    ],
)
def test_what_cannot_be_shown_is_not(device: Device, changed: dict[str, Any]) -> None:
    device.issuer.device |= changed
    assert device.why()
    assert not device.shown
    assert len(device.issuer.forms) == 1


def test_a_client_that_may_not_is_told(device: Device) -> None:
    device.issuer.answers = [refused("unauthorized_client")]
    assert "client_id" in device.why()


def test_who_wants_another_code_gets_one_and_closing_ends_the_asking(device: Device) -> None:
    device.answers(Response.of_json(200, device.issuer.device))
    device.code.sleep = lambda _: (
        device.code.again() if len(device.shown) == 1 else device.code.close()
    )
    assert device.code.sign_in() is None
    assert len(device.shown) == 2
    assert device.code.sign_in() is None
