"""The server secret in Secrets Manager: fetched once, and kept while it is good.

What this module guarantees:

* The secret is fetched once and kept for :data:`SECRET_SECONDS`, and longer while it is out of
  reach; a key of a version that is not known yet has it fetched again, at most once a minute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from licensing.adapters.aws_errors import availability
from licensing.domain.errors import Unavailable

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

    from licensing.domain.keyring import Keyring

SECRET_SECONDS: Final = 900
"""How long a keyring is used before it is fetched again: how late a rotation may be noticed."""

_UNKNOWN_VERSION_SECONDS: Final = 60


@dataclass(slots=True)
class SecretsManagerKeyrings:
    """The server secret in Secrets Manager, cached: :class:`~licensing.usecases.ports.Keyrings`."""

    client: SecretsManagerClient
    secret_id: str
    clock: Callable[[], float]
    _keyring: Keyring | None = field(default=None, init=False, repr=False)
    _fetched_at: float = field(default=0.0, init=False)
    _asked_at: float = field(default=float("-inf"), init=False)

    def keyring(self, at_least: int = 1) -> Keyring:
        """The current keyring. Raises ``Unavailable`` or ``Misconfigured``."""
        kept, now = self._keyring, self.clock()
        # A clock that was set back makes an age negative: that is no reason to keep it for ever.
        is_fresh = kept is not None and 0 <= now - self._fetched_at < SECRET_SECONDS
        knows = kept is not None and kept.newest >= at_least
        has_just_asked = 0 <= now - self._asked_at < _UNKNOWN_VERSION_SECONDS
        if kept is not None and is_fresh and (knows or has_just_asked):
            return kept
        try:
            self._keyring = self._fetched()
            self._fetched_at = self.clock()
            if kept is not None and not knows:
                self._asked_at = now
        except Unavailable:
            if kept is None or kept.newest < at_least:
                raise
            # What is kept still signs and verifies: use it, and look again in a while.
            from licensing.adapters import telemetry  # noqa: PLC0415 - whoever imports it starts to log

            telemetry.logger.warning("the secret could not be fetched anew", exc_info=True)
            self._fetched_at = self.clock() - SECRET_SECONDS + _UNKNOWN_VERSION_SECONDS
            return kept
        return self._keyring

    def _fetched(self) -> Keyring:
        # Most functions do without the cryptography that this brings in.
        from licensing.domain.keyring import Keyring  # noqa: PLC0415

        with availability("The secret store"):
            answer = self.client.get_secret_value(SecretId=self.secret_id)
        # A secret may also be bytes: that one has no text at all.
        return Keyring.from_secret(answer.get("SecretString", ""))
