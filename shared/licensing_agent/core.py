"""What both clients share: the state machine, what is kept of it, and who is told.

What this module guarantees:

* What is known is on the disk before anybody is told of it.
* Each callback is called when its state begins, once (:mod:`licensing_agent.telling`), and each
  failed attempt is logged (:mod:`licensing_agent.attempts`).
* A person's token that has brought a licence is not sent again.
* The state is that of the moment in which it is asked for, from whichever thread.
* It has its folder to itself until it is closed.
* Once it is closed, it writes nothing any more: what another client has kept since is newer. In a
  process that was forked from its own it does not either: there, all it does is tell how it stands.
* What cannot be opened at the start and may be later is tried again, before a person is asked to
  log in, and nothing but a licence takes its place. Nothing that cannot be opened is overwritten.
* A question is on the disk before it is sent, or it is not sent (:func:`lifecycle.may_ask`).
* The machine is read once in :data:`READING_LASTS`, and anew after a refusal, at a login and when
  somebody does not want to wait.
"""

from __future__ import annotations

import os
import random
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import RLock
from typing import Final
from weakref import WeakSet

from licensing_agent import lifecycle, transitions, wire
from licensing_agent.attempts import Attempt, Tokens
from licensing_agent.configuration import Configuration
from licensing_agent.lifecycle import (
    FetchKeys,
    Login,
    Moment,
    State,
    Status,
    Step,
    Validate,
    Wait,
)
from licensing_agent.machine import identity
from licensing_agent.machine.identity import Machine
from licensing_agent.machine.sources import Platform
from licensing_agent.proof import Occasion, prove, thumbprint
from licensing_agent.protocol.credentials import Credentials, TooFewCredentials
from licensing_agent.protocol.outcomes import (
    Failed,
    LoggedIn,
    NobodySignedIn,
    Outcome,
    Refused,
    Unproven,
)
from licensing_agent.storage.device_key import LOGIN_HELPS, GivenKey, KeptKey, KeyLocked
from licensing_agent.storage.encrypted_file import OUT_OF_REACH, Trouble, platform_keyring
from licensing_agent.storage.folder_lock import FolderLock
from licensing_agent.storage.state import NOTHING, Kept
from licensing_agent.storage.store import Reading, Store
from licensing_agent.telling import Callbacks, Teller

LONGEST_PAUSE: Final = 60.0
"""How many seconds may pass between two looks at the clocks."""

READING_LASTS: Final = 600.0
"""How many seconds a reading of the machine is good for: tools are started for one."""

LOOKS_AFTER: Final = 5.0
"""How many seconds may pass between two looks at what is due, while a person signs in."""

PROOFS: Final = 3
"""How many proofs are made for one request, where the service wants newer ones."""

LEAST_PATIENCE: Final = 5.0
"""How many seconds an answer may take when the lease is about to end."""

NOT_STORED: Final = Failed(
    why="The service was not asked, as the question cannot be stored: "
    "free the disk, or make the folder writable."
)

NO_PROOF_TAKEN: Final = Failed(why="The service does not accept proofs of the device key.")


class SignInFailed(Exception):
    """A person's token cannot be had just now; it is asked for again later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """The machine, its clocks and chance; others are for tests."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random
    platform: Platform | None = None

    def moment(self) -> Moment:
        """Now."""
        return Moment(self.wall(), self.monotonic(), self.chance())


class Engine:
    """One agent: what it knows, keeps and tells.

    Raises what :func:`identity.read` and ``credentials`` raise, and :class:`FolderInUse`.
    """

    def __init__(
        self,
        configuration: Configuration,
        callbacks: Callbacks,
        system: System,
    ) -> None:
        self._configuration = configuration
        self._teller = Teller(callbacks)
        self._attempt = Attempt()
        self._tokens = Tokens()
        self._system = system
        self._lock = RLock()
        self._reading: tuple[float, Machine] | None = None
        this = self._machine()
        credentials = this.credentials()
        self._folder_lock = FolderLock(configuration.folder)
        keyring = platform_keyring() if configuration.use_keyring else None
        self._store = Store(configuration.folder, this.secret, keyring)
        self._kept_key = KeptKey(configuration.folder, this.secret, keyring)
        given = configuration.device_key
        self._given_key = None if given is None else GivenKey(given)
        self._device_key: str | None = None
        self._proof_nonce: str | None = None
        self._wants_own_nonce = False
        self._process = os.getpid()
        self._is_closed = False
        self._saved: Kept
        self._unopened: Trouble | None
        self._storage: Trouble | None = None
        self._state: State
        self._begin(self._store.read(), credentials)
        _engines.add(self)

    def _begin(self, reading: Reading, credentials: Credentials) -> None:
        self._is_unopened = reading.trouble in OUT_OF_REACH
        self._saved = reading.kept
        self._unopened = reading.trouble
        if reading.trouble is not None and self._keeps_key:
            # Before a person is asked to log in, it is told whether the key is lost, too.
            with suppress(KeyLocked):
                self._kept_key.existing()
        self._state = lifecycle.begin(
            self._configuration.terms(),
            reading.kept,
            credentials,
            reading.touched,
            self._system.moment(),
            has_bound_key=self._has_bound_key(reading.kept, credentials),
        )
        self._save()

    def _has_bound_key(self, kept: Kept, credentials: Credentials) -> bool:
        """Whether the device key of the login is here; looked for only where something hangs on it.

        A key that does not answer is as good as none: the service is asked.
        """
        if kept.license is None or kept.lease is None or not self._configuration.use_device_key:
            return False
        if credentials.is_same_machine_as(kept.lease.credentials):
            return False
        try:
            key = self._given_key or self._kept_key.existing()
            return key is not None and thumbprint(key) == kept.license.device_key
        except (KeyLocked, OSError):
            return False

    @property
    def _keeps_key(self) -> bool:
        return self._configuration.use_device_key and self._given_key is None

    @property
    def is_forked(self) -> bool:
        """Whether this process is another than the client's, forked from it."""
        return self._process != os.getpid()

    def forked(self) -> None:
        """Begin in a process that was forked: whichever thread had the lock is not here."""
        self._lock = RLock()
        self._folder_lock.release()

    def hurry(self) -> None:
        """Do not wait for the next attempt."""
        with self._lock:
            self._reading = None
            self._state = lifecycle.hurried(self._state)

    def step(self) -> Step:
        """What to do now."""
        with self._lock:
            self._advance()
            step = lifecycle.next_step(self._state)
            if isinstance(step, Login) and self._is_unopened:
                reading = self._store.read()
                if reading.kept == NOTHING:
                    self._is_unopened = reading.trouble in OUT_OF_REACH
                    self._unopened = reading.trouble
                    return step
                # A machine that cannot be told apart just now is told about by the login.
                with suppress(TooFewCredentials):
                    self._begin(reading, self._machine().credentials())
                    step = lifecycle.next_step(self._state)
            return step

    @property
    def waiting_token(self) -> str | None:
        """The token of a person whose login has still to be answered."""
        return self._tokens.waiting

    def request(
        self, step: Login | Validate | FetchKeys, token: str
    ) -> wire.Request | Failed | NobodySignedIn:
        """The request of a step, about the machine as it is now, with a proof of its own.

        A ``token`` that has brought a licence before is nobody's: a revoked agent shall not log
        itself in.
        """
        self._attempt.begins()
        # What HTTP cannot carry would be shown in the error that says so.
        if isinstance(step, Login) and not (token.isascii() and token.isprintable()):
            return Failed(why="The sign-in did not return a valid token.")
        if isinstance(step, Login) and not self._tokens.presents(token):
            return NobodySignedIn(is_used_token=True)
        made = self._made(step, token)
        if isinstance(made, wire.Request):
            self._attempt.is_sent(made.method, self._configuration.shown(made.path))
        return made

    def _made(self, step: Login | Validate | FetchKeys, token: str) -> wire.Request | Failed:
        try:
            request = self._request(step, token)
            return request if isinstance(request, Failed) else self._proved(request)
        except (TooFewCredentials, KeyLocked) as error:
            return Failed(why=str(error))
        except OSError as error:
            return Failed(why=f"The device key cannot be used: {error}")
        except UnicodeError as error:
            return Failed(why=f"This machine's name cannot be sent: {type(error).__name__}")

    def understood(self, request: wire.Request, answer: wire.Answer) -> Outcome | None:
        """What an answer means; ``None`` when the service wants the request with another proof."""
        self._attempt.is_answered(answer.status)
        self._proof_nonce = wire.proof_nonce(answer) or self._proof_nonce
        self._wants_own_nonce = wire.asks_for_proof(answer)
        return None if self._wants_own_nonce else wire.outcome(request, answer)

    def _request(self, step: Login | Validate | FetchKeys, token: str) -> wire.Request | Failed:
        if isinstance(step, FetchKeys):
            return wire.fetch_keys(step)
        if isinstance(step, Login):
            self._reading = None
        told = self._configuration
        sender = wire.Sender(
            machine=self._machine(),
            environment=told.environment,
            agent_version=told.agent_version,
        )
        nonce = self._asking()
        if nonce is None:
            return NOT_STORED
        if isinstance(step, Login):
            return wire.login(step, sender, token=token, nonce=nonce)
        return wire.validate(step, sender, nonce=nonce)

    def _asking(self) -> str | None:
        """The nonce to ask with: the same one until there is an answer, also after a crash.

        ``None`` where a start after a crash would not know it.
        """
        with self._lock:
            asked = self._state.kept.asked or secrets.token_urlsafe(16)
            self._state = lifecycle.asking(self._state, asked)
            self._save()
            return asked if lifecycle.may_ask(self._state, self._saved) else None

    def _proved(self, request: wire.Request) -> wire.Request:
        """With a proof, if it carries a credential. Raises :class:`KeyLocked`, :class:`OSError`."""
        if not (request.credential and self._configuration.use_device_key):
            return request
        key = self._given_key or self._kept_key.get(at_login=isinstance(request.step, Login))
        self._device_key = thumbprint(key)
        occasion = Occasion(
            method=request.method,
            url=self._configuration.address(request.path),
            body=request.body or b"",
            credential=request.credential,
            nonce=wire.freshness(request, self._proof_nonce, is_wanted=self._wants_own_nonce),
            id=secrets.token_urlsafe(16),
            at=int(self._system.wall()),
        )
        return wire.proved(request, prove(key, occasion))

    def take(self, outcome: Outcome) -> None:
        """Go on with what came of a step, keep it, and tell."""
        if isinstance(outcome, LoggedIn):
            outcome = replace(outcome, device_key=self._device_key)
        if isinstance(outcome, Refused):
            self._reading = None
        with self._lock:
            self._wants_own_nonce = False
            if isinstance(outcome, Unproven):
                outcome = replace(outcome, is_other_key=self._other_key() is not None)
            before = self._state
            self._state = transitions.after(before, outcome, self._system.moment())
            has_failed = self._state.failures > before.failures
            self._attempt.ends(outcome, self._state.trouble if has_failed else None)
            license = self._state.kept.license
            if license is not None and license is not before.kept.license:
                self._tokens.has_brought_license()
            if self._state.logins_refused != before.logins_refused:
                self._tokens.is_refused()
            if license is not None:
                self._is_unopened = False
                if license.device_key == self._device_key:
                    self._kept_key.bound()
            self._save()
        self.tell()

    def tell(self) -> None:
        """Tell of a state that has begun."""
        self._teller.tell(self.status())

    def status(self) -> Status:
        """How it stands now."""
        with self._lock:
            self._advance()
            status = lifecycle.status(self._state)
            key = self._given_key or self._kept_key
            has_license = self._state.kept.license is not None
            notices = (
                self._store.lost(self._unopened, has_license=has_license),
                self._storage,
                key.notice or self._other_key(),
                self._store.notice,
            )
            told = " ".join(str(one) for one in notices if one)
            return replace(status, storage=told or None)

    def pause(self) -> float:
        """How many seconds to leave until the next look."""
        with self._lock:
            step, status = self.step(), self.status()
            bounds = [LONGEST_PAUSE, step.seconds if isinstance(step, Wait) else 0.0]
            mark, kept = self._state.time.mark, self._state.kept.lease
            if status.usable and status.until is not None and kept is not None:
                # Before the lease is over, and before the time is used that is noted as used.
                bounds += [status.until - mark, max(1.0, kept.time.mark - mark)]
        return max(0.0, min(bounds))

    def patience(self) -> float:
        """How many seconds to wait for an answer: while the lease holds, not far beyond its end."""
        with self._lock:
            status, longest = self.status(), self._configuration.timeout
            if not status.usable or status.until is None:
                return longest
            return min(longest, max(LEAST_PATIENCE, status.until - self._state.time.mark))

    def close(self) -> None:
        """Keep the time as it is, not ahead as it is kept for a crash."""
        with self._lock:
            self._advance()
            self._state = lifecycle.ended(self._state)
            self._save()
            self._is_closed = True
            self._folder_lock.release()

    def _advance(self) -> None:
        self._state = lifecycle.advanced(self._state, self._system.moment())
        self._save()

    def _save(self) -> None:
        # Nothing to keep, and keys alone, replace nothing: a file that cannot be read may be of use
        # elsewhere. Nor does a question replace what may be opened later.
        kept = self._state.kept
        is_kept = replace(kept, keys=self._saved.keys) == self._saved or self._is_unopened
        if not (is_kept or self._is_closed or self.is_forked):
            self._storage = self._store.write(kept)
            if self._storage is None:
                self._saved = kept

    def _other_key(self) -> str | None:
        """What there is to say where the person logged in with another device key.

        That is for the service to decide about, and a login puts it right: it is asked as always.
        """
        license = self._state.kept.license
        bound = license.device_key if license else None
        if bound is None or self._device_key in {None, bound}:
            return None
        told = "The device key is another one than at the login: a person has to log in again."
        return f"{told} {LOGIN_HELPS}"

    def _machine(self) -> Machine:
        """The machine as it is, or was a while ago. Raises what :func:`identity.read` does."""
        now, kept, told = self._system.monotonic(), self._reading, self._configuration
        if kept is not None and now - kept[0] < READING_LASTS:
            return kept[1]
        this = identity.read(
            self._system.platform,
            folder=told.folder,
            computer_name=told.computer_name,
            application=told.application,
        )
        # What is too little is looked for again at once: a tool may not have come to an end.
        self._reading = (now, this) if this.credentials_or_none() else None
        return this


_engines: Final[WeakSet[Engine]] = WeakSet()


def _forked() -> None:
    for engine in list(_engines):
        engine.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
