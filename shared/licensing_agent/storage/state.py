"""What an agent keeps from one start to the next, in a file.

What this module guarantees: :func:`decode` gives back exactly what :func:`encode` was handed, and
raises :class:`ValueError` for anything else. It shows no key where it is printed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Final

from licensing_agent.protocol import strict_json
from licensing_agent.protocol.credentials import Credentials
from licensing_agent.protocol.timekeeping import Timekeeping

_VERSION: Final = 2
_NO_KEYS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLease:
    """A lease as it came, and what it was asked for with."""

    token: str = field(repr=False)
    nonce: str = field(repr=False)
    credentials: Credentials = field(repr=False)
    time: Timekeeping


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLicense:
    """The licence that this agent has, and its key.

    ``device_key`` is the thumbprint of the key that was proved at the login, if one was.
    """

    key: str = field(repr=False)
    id: str
    organization_id: str
    save_configuration: bool
    device_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """All of it. ``keys`` are the service's, by ``kid``.

    ``link`` is the token of the last lease that there was, be it of use or not, and of a licence
    that has been given up, too: the next question presents it. ``asked`` is the nonce of a question
    that has not been answered yet: where there is a licence of a validation, else of a login.
    """

    license: KeptLicense | None = None
    lease: KeptLease | None = None
    link: str | None = field(default=None, repr=False)
    asked: str | None = field(default=None, repr=False)
    keys: Mapping[str, str] = field(default_factory=lambda: _NO_KEYS)


NOTHING: Final = Kept()


def encode(kept: Kept) -> bytes:
    """As bytes, to be encrypted."""
    value = {
        "version": _VERSION,
        "license": asdict(kept.license) if kept.license else None,
        "lease": asdict(kept.lease) if kept.lease else None,
        "link": kept.link,
        "asked": kept.asked,
        "keys": dict(kept.keys),
    }
    return json.dumps(value).encode()


def decode(data: bytes) -> Kept:
    """What was encoded. Raises :class:`ValueError`."""
    value = strict_json.read_object(data)
    version = value.get("version")
    if version not in {1, _VERSION}:
        raise ValueError("kept by another version")
    license, lease = value.get("license"), value.get("lease")
    kept_lease = None if lease is None else _lease(_object(lease))
    # The first version presented nothing: what it presents next is the lease that it has.
    link = kept_lease.token if version == 1 and kept_lease else _text_or_none(value.get("link"))
    return Kept(
        license=None if license is None else _license(_object(license)),
        lease=kept_lease,
        link=link,
        asked=_text_or_none(value.get("asked")),
        keys=MappingProxyType({kid: _text(x) for kid, x in _object(value.get("keys")).items()}),
    )


def _license(value: dict[str, object]) -> KeptLicense:
    return KeptLicense(
        key=_text(value.get("key")),
        id=_text(value.get("id")),
        organization_id=_text(value.get("organization_id")),
        save_configuration=value.get("save_configuration") is True,
        device_key=_text_or_none(value.get("device_key")),
    )


def _lease(value: dict[str, object]) -> KeptLease:
    machine, time = _object(value.get("credentials")), _object(value.get("time"))
    macs = machine.get("mac_addresses")
    return KeptLease(
        token=_text(value.get("token")),
        nonce=_text(value.get("nonce")),
        credentials=Credentials(
            _text_or_none(machine.get("machine_id")),
            tuple(_text(mac) for mac in (macs if isinstance(macs, list) else [None])),
            _text_or_none(machine.get("computer_name")),
        ),
        time=Timekeeping(*(_number(time.get(name)) for name in ("service", "wall", "mark"))),
    )


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - of what was kept, not of a caller
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("not a text")  # noqa: TRY004 - as above
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("not a number")  # noqa: TRY004 - as above
    return value
