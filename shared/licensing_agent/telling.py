"""Who is told of a state that has begun, and what the log says of it.

What this module guarantees: each callback is called when its state begins, once. One that raises is
logged with its traceback, and the agent goes on. The log has a line for each such change.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from licensing_agent.lifecycle import LicenseState, Status

Callback = Callable[[Status], None]

_AWAY: Final = frozenset({LicenseState.GRACE, LicenseState.UNREACHABLE})

_log = logging.getLogger("licensing_agent")


def nobody(_: Status) -> None:
    """Is told of it, and does nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Callbacks:
    """Who is told when a state begins."""

    on_signed_out: Callback = nobody
    on_valid: Callback = nobody
    on_grace: Callback = nobody
    on_refused: Callback = nobody
    on_unreachable: Callback = nobody

    def of(self, license_state: LicenseState) -> Callback:
        """Who is told of this one."""
        return {
            LicenseState.SIGNED_OUT: self.on_signed_out,
            LicenseState.VALID: self.on_valid,
            LicenseState.GRACE: self.on_grace,
            LicenseState.REFUSED: self.on_refused,
            LicenseState.UNREACHABLE: self.on_unreachable,
        }[license_state]


class Teller:
    """Knows what has been told."""

    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks
        self._told: tuple[LicenseState, str | None] | None = None

    def tell(self, status: Status) -> None:
        """Tell of a state, if it has begun."""
        if status.license_state in _AWAY and status.message is None:
            return  # there is a key now, and the service has still to be asked about it
        begun = (status.license_state, status.code)
        if begun == self._told:
            return
        self._told = begun
        _log.info("The license is %s", _said(status))
        try:
            self._callbacks.of(status.license_state)(status)
        except Exception:  # noqa: BLE001 - it is the vendor's, and the agent goes on
            failed(status.license_state)


def failed(license_state: LicenseState) -> None:
    """Log the error, just caught, that the vendor's callback has raised."""
    _log.exception("The callback for %s failed.", license_state)


def _said(status: Status) -> str:
    """The state for the log, on one line."""
    until = "" if status.until is None else f" until {datetime.fromtimestamp(status.until, UTC)}"
    code = "" if status.code is None else f" ({status.code})"
    return f"{status.license_state}{code}{until}{f': {status.message}' if status.message else '.'}"
