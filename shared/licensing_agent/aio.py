"""The asynchronous client: the same as :mod:`licensing_agent.client`, for an event loop.

What this module guarantees: what :class:`licensing_agent.client.Client` does, by the same rules. It
waits for the network, for the platform's tools and for a device key without holding up the loop;
what it keeps is written in a moment. Callbacks and ``sign_in`` may be functions or coroutine
functions. All of them are called in the loop, and what they return is awaited if it can be, before
the next request: one that closes the client may await :meth:`AsyncClient.close`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
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
from licensing_agent.lifecycle import FetchKeys, LicenseState, Login, Status, Step, Validate, Wait
from licensing_agent.protocol.outcomes import Failed, NobodySignedIn, Outcome
from licensing_agent.telling import Callback, Callbacks, failed, nobody

AnyCallback = Callable[[Status], Awaitable[object] | None]
"""A function or a coroutine function."""


class AsyncClient:
    """One agent's client; see :class:`licensing_agent.client.Client`."""

    def __init__(  # noqa: PLR0913 - a vendor names each callback
        self,
        configuration: Configuration,
        *,
        sign_in: Callable[[], Awaitable[str | None] | str | None],
        on_signed_out: AnyCallback = nobody,
        on_valid: AnyCallback = nobody,
        on_grace: AnyCallback = nobody,
        on_refused: AnyCallback = nobody,
        on_unreachable: AnyCallback = nobody,
        system: System | None = None,
        sleep: Callable[[float], Awaitable[object]] | None = None,
    ) -> None:
        self._configuration = configuration
        self._sign_in = sign_in
        self._begun: list[tuple[LicenseState, Awaitable[object]]] = []
        callbacks = Callbacks(
            on_signed_out=self._begins(on_signed_out),
            on_valid=self._begins(on_valid),
            on_grace=self._begins(on_grace),
            on_refused=self._begins(on_refused),
            on_unreachable=self._begins(on_unreachable),
        )
        self._way: connection.Way | None = None
        self._http: httpx.AsyncClient | None = None
        self._engine = Engine(configuration, callbacks, system or System())
        self._closed = asyncio.Event()
        self._sleep = sleep or self._wait
        self._checking = asyncio.Lock()
        self._signing_in = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def status(self) -> Status:
        """How it stands now. Nobody is asked."""
        return self._engine.status()

    async def check(self, *, at_once: bool = False) -> Status:
        """Do what is due; ``at_once``, ask the service even if nothing is."""
        if at_once:
            self._engine.hurry()
        while self._is_open():
            async with self._checking:
                if not self._is_open():
                    break  # closed while this waited
                step = self._engine.step()
                await self._do(step)
            await self._callbacks_end()
            if isinstance(step, Wait):
                break
            if isinstance(step, Login):
                async with self._signing_in:
                    await self._log_in()
                await self._callbacks_end()
        return self._engine.status()

    async def run(self) -> None:
        """Stay licensed until :meth:`stop` or :meth:`close` is called, or the task is cancelled."""
        while self._is_open():
            await self.check()
            await self._sleep(self._engine.pause())

    def stop(self) -> None:
        """End :meth:`run`; this is for functions, which cannot wait."""
        self._closed.set()

    async def close(self) -> None:
        """End :meth:`run`, and keep what there is to keep."""
        if self._engine.is_forked:
            return  # neither the connections nor the task that checks are this process's
        self.stop()
        async with self._checking:
            await self._close_line()
            self._engine.close()

    def _begins(self, callback: AnyCallback) -> Callback:
        """A callback that notes what has to be awaited, once no lock is held any more."""

        def call(status: Status) -> None:
            result = callback(status)
            if inspect.isawaitable(result):
                self._begun.append((status.license_state, result))

        return call

    async def _callbacks_end(self) -> None:
        while self._begun:
            license_state, result = self._begun.pop(0)
            try:
                await result
            except Exception:  # noqa: BLE001 - it is the vendor's, and the agent goes on
                failed(license_state)

    def _is_open(self) -> bool:
        return not (self._closed.is_set() or self._engine.is_forked)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        except TimeoutError:
            return

    async def _log_in(self) -> None:
        if not (self._is_open() and isinstance(self._engine.step(), Login)):
            return  # it has been closed, or another task has logged in
        token = self._engine.waiting_token or await self._token()
        async with self._checking:
            # It may have been closed in the meantime, and a login that is due may not be any more.
            step = self._engine.step()
            if isinstance(step, Login) and not self._closed.is_set():
                outcome = await self._carry_out(step, token) if isinstance(token, str) else token
                self._engine.take(outcome)

    async def _token(self) -> str | Failed | NobodySignedIn:
        try:
            told = self._sign_in()
            given = await self._waited(told) if inspect.isawaitable(told) else told
            token = (given or "").strip()
        except Exception as error:  # noqa: BLE001 - it is the vendor's, and speaks to anything
            return connection.sign_in_failed(error)
        return token or NobodySignedIn()

    async def _waited(self, told: Awaitable[str | None]) -> str | None:
        """What a person's sign-in gives. Meanwhile, what is due and needs nobody is done."""
        ended = asyncio.Event()
        meanwhile = asyncio.create_task(self._go_on(ended))
        try:
            return await told
        finally:
            ended.set()
            await meanwhile

    async def _go_on(self, ended: asyncio.Event) -> None:
        while True:
            try:
                async with asyncio.timeout(max(core.LOOKS_AFTER, self._engine.pause())):
                    await ended.wait()
            except TimeoutError:
                pass
            async with self._checking:
                if ended.is_set() or not self._is_open():
                    return
                await self._do(self._engine.step())
            await self._callbacks_end()

    async def _do(self, step: Step) -> None:
        """A step, but for a login, which takes a person."""
        if isinstance(step, Wait | Login):
            self._engine.tell()
        else:
            self._engine.take(await self._carry_out(step))

    async def _carry_out(self, step: Login | Validate | FetchKeys, bearer: str = "") -> Outcome:
        for _ in range(PROOFS):
            outcome = await self._asked(step, bearer)
            if outcome is not None:
                return outcome
        return NO_PROOF_TAKEN

    async def _asked(self, step: Login | Validate | FetchKeys, bearer: str) -> Outcome | None:
        request = await asyncio.to_thread(self._engine.request, step, bearer)
        if not isinstance(request, wire.Request):
            return request
        answer = await self._answer(request)
        outcome = answer if isinstance(answer, Failed) else self._engine.understood(request, answer)
        if isinstance(outcome, Failed):
            await self._close_line()
        return outcome

    async def _answer(self, request: wire.Request) -> wire.Answer | Failed:
        """What comes back within the time that there is."""
        try:
            async with asyncio.timeout(self._engine.patience()):
                return await self._send(request)
        except TimeoutError:
            return connection.too_late(self._way)
        except Exception as error:  # noqa: BLE001 - what lies below httpx has errors of its own
            return connection.failed(error, self._way)

    async def _send(self, request: wire.Request) -> wire.Answer | Failed:
        http = self._http or await self._open()
        body = bytearray()
        async with http.stream(**connection.sending(self._configuration, request)) as response:
            async for part in response.aiter_bytes():
                body += part
                if len(body) > wire.LARGEST_ANSWER:
                    break
        return connection.answer(response, bytes(body))

    async def _open(self) -> httpx.AsyncClient:
        self._way = await asyncio.to_thread(connection.way, self._configuration)
        self._http = httpx.AsyncClient(**self._way.options)
        return self._http

    async def _close_line(self) -> None:
        if self._http is not None:
            await self._http.aclose()
        self._way = self._http = None
