"""What has become of each attempt to ask the service, for the log, and which tokens were used.

What this module guarantees:

* Each attempt that fails is a line of the log, with address, status and reason. What is sent is in
  none of them, nor is what the address may have of a password (R35).
* A person's token is good for one login: once it has brought a licence, it is not sent again. What
  is kept of it is a digest, for as long as the client is there.
"""

from __future__ import annotations

import hashlib
import logging

from licensing_agent.protocol.outcomes import Failed, Outcome, Refused, Unproven

_log = logging.getLogger("licensing_agent")


class Attempt:
    """The attempt that is under way."""

    def __init__(self) -> None:
        self._request: str | None = None
        self._status: int | None = None

    def begins(self) -> None:
        """Nothing has been sent yet."""
        self._request = self._status = None

    def is_sent(self, method: str, address: str) -> None:
        """A request goes to ``address``, which has no password in it."""
        self._request, self._status = f"{method} {address}", None

    def is_answered(self, status: int) -> None:
        """Somebody has answered, with a status of HTTP."""
        self._status = status

    def ends(self, outcome: Outcome, trouble: str | None) -> None:
        """Log what went wrong, if anything did: ``trouble`` is what was found in a good answer."""
        match outcome:
            case Failed(why=why):
                reason: str | None = why
            case Refused(code=code, message=message):
                reason = f"{code}: {message}"
            case Unproven(message=message):
                reason = message
            case _:
                reason = trouble
        if reason is not None:
            answered = "no answer" if self._status is None else f"status {self._status}"
            asked = f"{self._request}: {answered}" if self._request else "nothing was sent"
            _log.info("An attempt failed: %s: %s", asked, reason)
        self.begins()


class Tokens:
    """People's tokens: the one whose login has still to be answered, and those that are used up.

    A person signs in once, however often the login has to be sent until there is an answer.
    """

    def __init__(self) -> None:
        self.waiting: str | None = None
        self._used: set[bytes] = set()

    def presents(self, token: str) -> bool:
        """Take note of a token that is about to be sent; false if it must not be."""
        is_new = _digest(token) not in self._used
        self.waiting = token if is_new else None
        return is_new

    def has_brought_license(self) -> None:
        """The login with the token presented last was granted."""
        if self.waiting is not None:
            self._used.add(_digest(self.waiting))
        self.waiting = None

    def is_refused(self) -> None:
        """The login was refused: the next one may be another person's."""
        self.waiting = None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "backslashreplace")).digest()
