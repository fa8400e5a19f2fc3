"""A vendor's device key that fails, as a cleared TPM does: it is told, and ends nothing."""

from typing import Any

import pytest

from licensing_agent.storage.device_key import SoftwareKey
from tests.agent.unit.test_unreadable import Site
from tests.agent.unit.test_unreadable import site as site  # noqa: PLC0414 - a fixture
from tests.devices import Device


class Chip(SoftwareKey):
    """A TPM's key, as a vendor's library shows it."""

    raises: Exception | None = None
    returns: Any = None

    def sign(self, data: bytes) -> bytes:
        """See :class:`licensing_agent.storage.device_key.DeviceKey`."""
        if Chip.raises is not None:
            raise Chip.raises
        answer: bytes = super().sign(data) if Chip.returns is None else Chip.returns
        return answer


@pytest.mark.parametrize(
    ("raises", "returns", "why"),
    [
        (RuntimeError("TPM_RC_HANDLE secret"), None, "RuntimeError"),
        (ValueError("0x18b secret"), None, "ValueError"),
        (KeyError("secret"), None, "KeyError"),
        (OSError("the chip is away"), None, "the chip is away"),
        (None, b"short", "it is no Ed25519 key"),
        (None, "a text", "it is no Ed25519 key"),
    ],
)
def test_a_vendors_key_whose_content_is_lost_is_told_and_ends_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch, raises: Any, returns: Any, why: str
) -> None:
    site.terms["device_key"] = Chip(Device().key)
    agent = site.start()
    agent.check()
    monkeypatch.setattr(Chip, "raises", raises)
    monkeypatch.setattr(Chip, "returns", returns)
    status = agent.check(at_once=True)
    assert (status.license_state, status.usable) == ("grace", True)
    assert f"The device key cannot be used: {why}." in str(status.storage)
    assert "give the agent a new one and let a person log in" in str(status.storage)
    assert "secret" not in f"{status.message} {status.storage}"
    monkeypatch.undo()
    status = agent.check(at_once=True)
    assert (status.license_state, status.storage) == ("valid", None)
