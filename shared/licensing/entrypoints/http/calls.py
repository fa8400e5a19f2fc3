"""One call of an operation: its inputs, who makes it, and the use cases that answer it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

from licensing.domain.audit import Actor, ActorKind, Origin
from licensing.domain.device_key import InvalidProof, Proof
from licensing.entrypoints.deployment import Deployment, UseCase
from licensing.entrypoints.http.addresses import public_address
from licensing.entrypoints.http.callers import bearer, caller
from licensing.entrypoints.http.cursors import Cursors, scope_of
from licensing.entrypoints.http.front import source_address
from licensing.entrypoints.http.inputs import CURSOR, PAGE, SORTED_PAGE, Input
from licensing.entrypoints.http.proofs import PREVIOUS_PROOF, PROOF, good_proof, proof
from licensing.entrypoints.http.requests import HttpRequest
from licensing.usecases.context import Context, UserContext
from licensing.usecases.pagination import PageRequest

Value = TypeVar("Value")


@dataclass(frozen=True)
class Call:
    """A request to an operation, and the deployment that answers it.

    What a handler does with it, as an example::

        answer = call.use_case(ChangeLicense).apply(Action.REVOKE, license_id, call.user())
    """

    request: HttpRequest
    deployment: Deployment
    takes: tuple[Input[Any], ...] = ()
    """What its operation declares to take; nothing else of the request is read."""

    @cached_property
    def now(self) -> int:
        """The time of the call, in epoch seconds: the clock is read once."""
        return self.deployment.now()

    @property
    def service_address(self) -> str:
        """The address that clients of this deployment call, without a slash at its end."""
        return public_address(self.request, self.deployment.settings)

    def read(self, taken: Input[Value]) -> Value:
        """The value of an input. Raises ``InvalidInput`` when it is not as declared.

        Raises :class:`LookupError` for an input that the operation does not declare: the OpenAPI
        document would not tell of it.
        """
        self._demand(taken)
        return taken.read(self.request)

    def page(self) -> PageRequest:
        """Which page of a list is asked for.

        Raises ``InvalidInput`` for a limit that is none, and for a cursor that the caller was not
        handed.
        """
        asked = self.read(PAGE)
        return replace(asked, cursor=self._opened(asked.cursor))

    def sorted_page(self) -> PageRequest:
        """Which page of a list that may be sorted is asked for. Raises as :meth:`page`."""
        asked = self.read(SORTED_PAGE)
        return replace(asked, cursor=self._opened(asked.cursor))

    def page_in_body(self, limit: int, cursor: str | None) -> PageRequest:
        """Which page of a list is asked for, where the body says so.

        Raises ``InvalidInput`` for a cursor that the caller was not handed.
        """
        return PageRequest(limit, self._opened(cursor))

    def cursor(self) -> str | None:
        """Where a list is to go on, ``None`` at its beginning. Raises as :meth:`page`."""
        return self._opened(self.read(CURSOR))

    def sealed(self, cursor: str | None) -> str | None:
        """The cursor to the next page, as the caller gets it; ``None`` on the last one."""
        return None if cursor is None else self._cursors.sealed(cursor, self._scope)

    def use_case(self, kind: type[UseCase]) -> UseCase:
        """A use case of this kind, with the deployment's store, secrets and settings."""
        return self.deployment.use_case(kind)

    def user(
        self, *, agent_version: str | None = None, computer_name: str | None = None
    ) -> UserContext:
        """The context of a call that a person makes, with a token (R1).

        ``agent_version`` is that of the agent that the person logs in on, and ``computer_name``
        that of its computer, to read; ``None`` elsewhere.
        Raises ``Unauthenticated`` where API Gateway verified no token.
        """
        person = caller(self.request, self.deployment.settings)
        actor = Actor(ActorKind.USER, person.subject, tuple(sorted(person.roles)), person.name)
        origin = self._origin(actor, agent_version)
        return UserContext(
            origin, self.now, self.deployment.entropy, person, computer_name=computer_name
        )

    def agent(
        self, license_id: str, *, agent_version: str | None, computer_name: str | None
    ) -> Context:
        """The context of a call that an agent makes without a user (R7).

        ``license_id`` is the id in the key that it presents, ``computer_name`` what to call its
        computer.
        """
        origin = self._origin(Actor(ActorKind.AGENT, license_id), agent_version)
        return Context(origin, self.now, self.deployment.entropy, computer_name=computer_name)

    def proof_for_key(self, license_key: str) -> Proof | InvalidProof | None:
        """The request's DPoP proof, for the licence key that it carries; ``None`` without one.

        Raises ``StaleProof`` when the agent has to make it anew, with a fresh nonce.
        """
        self._demand(PROOF)
        return proof(self.request, license_key, self.deployment)

    def proof_for_token(self) -> Proof | None:
        """The request's DPoP proof, for the token that it carries; ``None`` without one.

        Raises ``StaleProof`` as above, and ``InvalidInput`` for an invalid proof.
        """
        self._demand(PROOF)
        return good_proof(self.request, bearer(self.request), self.deployment)

    def previous_proof_for_token(self) -> Proof | None:
        """The proof of the key that the proved one shall replace; ``None`` without one (R36).

        Raises as :meth:`proof_for_token`.
        """
        self._demand(PREVIOUS_PROOF)
        return good_proof(self.request, bearer(self.request), self.deployment, taken=PREVIOUS_PROOF)

    def _opened(self, cursor: str | None) -> str | None:
        return None if cursor is None else self._cursors.opened(cursor, self._scope)

    @property
    def _cursors(self) -> Cursors:
        return Cursors(self.deployment.settings.cursor_key)

    @property
    def _scope(self) -> str:
        return scope_of(caller(self.request, self.deployment.settings))

    def _demand(self, taken: Input[object]) -> None:
        if taken not in self.takes:
            raise LookupError(f"the operation does not declare that it takes {taken}")

    def _origin(self, actor: Actor, agent_version: str | None) -> Origin:
        return Origin(
            actor=actor,
            request_id=self.request.request_id,
            source_address=source_address(self.request, self.deployment.settings),
            agent_version=agent_version,
        )
