"""The synchronous client.

What this module guarantees:

* :meth:`Client.check` does all that is to be done now, and raises nothing because of the network,
  the service, the disk or the sign-in; :meth:`Client.run` does it for as long as the agent runs.
* Whatever the settings of the machine are, it begins, and goes on with its lease: they are read at
  the first request, and anew after one that has failed.
* A request ends, whatever the other side does: nobody waits for its answer beyond
  :meth:`Engine.patience`, so that the end of a lease is told within seconds.
* A process that was forked from the client's asks nobody: there, :attr:`Client.status` is all.
* One client may be used from several threads. One of them asks the person to sign in; meanwhile
  :attr:`Client.status` and :meth:`Client.close` do not wait.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, RLock, Thread
from types import TracebackType
from typing import Self

import httpx

from licensing_agent import connection, core, wire
from licensing_agent.configuration import Configuration
from licensing_agent.core import (
    NO_PROOF_TAKEN,
    PROOFS,
    Engine,
    System,
)
from licensing_agent.lifecycle import FetchKeys, Login, Status, Step, Validate, Wait
from licensing_agent.protocol.outcomes import Failed, NobodySignedIn, Outcome
from licensing_agent.telling import Callback, Callbacks, nobody


class Client:
    """One agent's client.

    ``sign_in`` gives the OIDC token of the person who signs in, or ``None`` while nobody does. It
    is asked whenever a person has to log in; that can be because somebody revoked the licence. A
    token that has brought a licence is not sent again.
    ``sleep`` is for tests: by default, :meth:`close` ends it early.
    """

    def __init__(  # noqa: PLR0913 - a vendor names each callback
        self,
        configuration: Configuration,
        *,
        sign_in: Callable[[], str | None],
        on_signed_out: Callback = nobody,
        on_valid: Callback = nobody,
        on_grace: Callback = nobody,
        on_refused: Callback = nobody,
        on_unreachable: Callback = nobody,
        system: System | None = None,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self._configuration = configuration
        self._sign_in = sign_in
        callbacks = Callbacks(
            on_signed_out=on_signed_out,
            on_valid=on_valid,
            on_grace=on_grace,
            on_refused=on_refused,
            on_unreachable=on_unreachable,
        )
        self._line = _Line(configuration)
        self._engine = Engine(configuration, callbacks, system or System())
        self._closed = Event()
        self._sleep = sleep or self._closed.wait
        self._checking = RLock()
        self._signing_in = RLock()

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
        if at_once:
            self._engine.hurry()
        while self._is_open():
            with self._checking:
                if not self._is_open():
                    break  # closed while this waited
                step = self._engine.step()
                self._do(step)
            if isinstance(step, Wait):
                break
            if isinstance(step, Login):
                with self._signing_in:
                    self._log_in()
        return self._engine.status()

    def run(self) -> None:
        """Stay licensed until :meth:`close` is called. Ctrl-C closes the client and ends this."""
        try:
            while self._is_open():
                self.check()
                self._sleep(self._engine.pause())
        except KeyboardInterrupt:
            self.close()

    def close(self) -> None:
        """End :meth:`run`, and keep what there is to keep."""
        if self._engine.is_forked:
            return  # neither the connections nor the thread that checks are this process's
        self._closed.set()
        with self._checking:
            self._line.close()
            self._engine.close()

    def _is_open(self) -> bool:
        return not (self._closed.is_set() or self._engine.is_forked)

    def _log_in(self) -> None:
        if not (self._is_open() and isinstance(self._engine.step(), Login)):
            return  # it has been closed, or another thread has logged in
        token = self._engine.waiting_token or self._token()
        with self._checking:
            # It may have been closed in the meantime, and a login that is due may not be any more.
            step = self._engine.step()
            if isinstance(step, Login) and not self._closed.is_set():
                outcome = self._carry_out(step, token) if isinstance(token, str) else token
                self._engine.take(outcome)

    def _token(self) -> str | Failed | NobodySignedIn:
        ended = Event()
        Thread(target=self._go_on, args=(ended,), name="licensing_agent", daemon=True).start()
        try:
            token = (self._sign_in() or "").strip()
        except Exception as error:  # noqa: BLE001 - it is the vendor's, and speaks to anything
            return connection.sign_in_failed(error)
        finally:
            ended.set()
        return token or NobodySignedIn()

    def _go_on(self, ended: Event) -> None:
        """While a person is waited for: do what is due and needs nobody, and tell a lease's end."""
        while not ended.wait(max(core.LOOKS_AFTER, self._engine.pause())):
            with self._checking:
                if ended.is_set() or not self._is_open():
                    return
                self._do(self._engine.step())

    def _do(self, step: Step) -> None:
        """A step, but for a login, which takes a person."""
        if isinstance(step, Wait | Login):
            self._engine.tell()
        else:
            self._engine.take(self._carry_out(step))

    def _carry_out(self, step: Login | Validate | FetchKeys, bearer: str = "") -> Outcome:
        for _ in range(PROOFS):
            outcome = self._asked(step, bearer)
            if outcome is not None:
                return outcome
        return NO_PROOF_TAKEN

    def _asked(self, step: Login | Validate | FetchKeys, bearer: str) -> Outcome | None:
        request = self._engine.request(step, bearer)
        if not isinstance(request, wire.Request):
            return request
        answer = self._answer(request)
        outcome = answer if isinstance(answer, Failed) else self._engine.understood(request, answer)
        if isinstance(outcome, Failed):
            # What is still under way goes on with connections that nobody else gets.
            self._line.close()
            self._line = _Line(self._configuration)
        return outcome

    def _answer(self, request: wire.Request) -> wire.Answer | Failed:
        """What comes back within the time that there is."""
        line = self._line

        def send() -> wire.Answer | Failed:
            try:
                return line.send(request)
            except Exception as error:  # noqa: BLE001 - what lies below httpx has errors of its own
                return connection.failed(error, line.way)

        try:
            return connection.within(self._engine.patience(), send)
        except TimeoutError:
            return connection.too_late(line.way)


class _Line:
    """What requests are sent by, one after another: opened by the first, and closed for good."""

    def __init__(self, configuration: Configuration) -> None:
        self.way: connection.Way | None = None
        self._configuration = configuration
        self._http: httpx.Client | None = None
        self._is_closed = False

    def send(self, request: wire.Request) -> wire.Answer | Failed:
        """What comes back. Raises whatever goes wrong."""
        http = self._http or self._open()
        body = bytearray()
        with http.stream(**connection.sending(self._configuration, request)) as response:
            for part in response.iter_bytes():
                body += part
                if len(body) > wire.LARGEST_ANSWER:
                    break
        return connection.answer(response, bytes(body))

    def close(self) -> None:
        """End what is connected; from any thread."""
        self._is_closed = True
        if self._http is not None:
            self._http.close()

    def _open(self) -> httpx.Client:
        self.way = connection.way(self._configuration)
        self._http = httpx.Client(**self.way.options)
        if self._is_closed:
            self._http.close()  # and nothing is sent any more
        return self._http
