"""When people are asked to sign in.

What this module guarantees: the client may ask each minute, and a person is asked once. After a
person was asked, whatever came of it, there is quiet: nobody is asked for ``quiet_seconds``, unless
the vendor calls :meth:`Attempts.again`. Meanwhile the reason for which the last attempt failed is
told. An attempt that failed before anybody was asked, as without a network, is made again at the
next call.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass, field
from threading import Event, Lock

from licensing_agent.core import SignInFailed
from licensing_agent.sign_in.provider import Provider


@dataclass(eq=False)
class Attempts(ABC):
    """What all ways of signing in share.

    ``quiet_seconds`` is how long nobody is asked again after a person was asked. By default it is
    as long as a session on Cognito's classic pages, which heed no ``prompt=login``: what opens by
    itself later finds no session that would sign a revoked agent in.
    """

    provider: Provider
    _: KW_ONLY
    quiet_seconds: float = 3600.0
    _quiet_until: float = field(default=0.0, init=False, repr=False)
    _why: str = field(default="", init=False, repr=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)
    _woken: Event = field(default_factory=Event, init=False, repr=False)
    _is_wanted: bool = field(default=True, init=False, repr=False)
    _has_asked: bool = field(default=False, init=False, repr=False)
    _is_closed: bool = field(default=False, init=False, repr=False)

    def sign_in(self) -> str | None:
        """The ID token of a person who has signed in, or ``None``: hand this to the client.

        It waits for the person. Raises :class:`SignInFailed`, with what to do.
        """
        with self._lock:
            if not self._is_due():
                if self._why:
                    raise SignInFailed(self._why)
                return None
            self._has_asked, self._why = False, ""
            try:
                return self._signed_in()
            except SignInFailed as error:
                self._why = str(error)
                raise
            finally:
                if self._has_asked:
                    self._quiet_until = time.monotonic() + self.quiet_seconds

    def again(self) -> None:
        """A person wants to sign in: the next call asks at once, one that waits asks anew."""
        self._is_wanted = True
        self._woken.set()

    def close(self) -> None:
        """End the waiting, from any thread. Nobody is asked any more."""
        self._is_closed = True
        self._woken.set()

    def _is_due(self) -> bool:
        is_quiet = time.monotonic() < self._quiet_until
        return not self._is_closed and (self._is_wanted or not is_quiet)

    def _signed_in(self) -> str | None:
        while True:
            self._is_wanted = False
            self._woken.clear()
            if self._is_closed:
                return None
            token = self._attempt()
            if token is not None or not self._is_wanted:
                return token

    @abstractmethod
    def _attempt(self) -> str | None:
        """Ask a person, and say so by ``_has_asked``.

        ``None`` if nobody signs in, or ``_woken`` is set first.
        """
