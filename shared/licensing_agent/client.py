"""The synchronous client.

What this module guarantees: :meth:`Client.check` does all that is to be done now, and raises
nothing because of the network, the service or the disk; :meth:`Client.run` does it for as long as
the agent runs. One client may be used from several threads.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, RLock
from types import TracebackType
from typing import Self

import httpx

from licensing_agent import connection, wire
from licensing_agent.configuration import Configuration
from licensing_agent.engine import (
    NO_PROOF_TAKEN,
    PROOFS,
    Callback,
    Callbacks,
    Engine,
    SignInFailed,
    Surroundings,
    nobody,
)
from licensing_agent.lifecycle import FetchKeys, Login, Status, Validate, Wait
from licensing_agent.outcomes import Failed, NobodySignedIn, Outcome


class Client:
    """One agent's client.

    ``sign_in`` gives the OIDC token of the person who signs in, or ``None`` while nobody does. It
    is asked whenever a person has to log in; that can be because somebody revoked the licence.
    ``sleep`` is for tests: by default, :meth:`close` ends it early.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        sign_in: Callable[[], str | None],
        on_valid: Callback = nobody,
        on_grace: Callback = nobody,
        on_refused: Callback = nobody,
        on_unreachable: Callback = nobody,
        surroundings: Surroundings | None = None,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self._configuration = configuration
        self._sign_in = sign_in
        callbacks = Callbacks(
            on_valid=on_valid,
            on_grace=on_grace,
            on_refused=on_refused,
            on_unreachable=on_unreachable,
        )
        self._http = httpx.Client(**connection.options(configuration))
        self._engine = Engine(configuration, callbacks, surroundings or Surroundings())
        self._closed = Event()
        self._sleep = sleep or self._closed.wait
        self._checking = RLock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def status(self) -> Status:
        """How it stands now. Nobody is asked."""
        return self._engine.status()

    def check(self, *, at_once: bool = False) -> Status:
        """Do what is due; ``at_once``, ask the service even if nothing is."""
        with self._checking:
            if at_once:
                self._engine.hurry()
            while not self._closed.is_set():
                step = self._engine.step()
                if isinstance(step, Wait):
                    self._engine.tell()
                    break
                self._engine.take(self._carry_out(step))
            return self._engine.status()

    def run(self) -> None:
        """Stay licensed until :meth:`close` is called."""
        while not self._closed.is_set():
            self.check()
            self._sleep(self._engine.pause())

    def close(self) -> None:
        """End :meth:`run`, and keep what there is to keep."""
        self._closed.set()
        with self._checking:
            self._http.close()
            self._engine.close()

    def _carry_out(self, step: Login | Validate | FetchKeys) -> Outcome:
        bearer = ""
        if isinstance(step, Login):
            try:
                bearer = (self._sign_in() or "").strip()
            except (SignInFailed, OSError, httpx.HTTPError) as error:
                return Failed(why=f"The sign-in has failed: {error}")
            if not bearer:
                return NobodySignedIn()
        for _ in range(PROOFS):
            outcome = self._asked(step, bearer)
            if outcome is not None:
                return outcome
        return NO_PROOF_TAKEN

    def _asked(self, step: Login | Validate | FetchKeys, bearer: str) -> Outcome | None:
        request = self._engine.request(step, bearer)
        if isinstance(request, Failed):
            return request
        try:
            answer = self._send(request)
        except httpx.HTTPError as error:
            return connection.failed(error)
        return answer if isinstance(answer, Failed) else self._engine.understood(request, answer)

    def _send(self, request: wire.Request) -> wire.Answer | Failed:
        body = bytearray()
        with self._http.stream(**connection.sending(self._configuration, request)) as response:
            for part in response.iter_bytes():
                body += part
                if len(body) > wire.LARGEST_ANSWER:
                    break
        return connection.answer(response, bytes(body))
