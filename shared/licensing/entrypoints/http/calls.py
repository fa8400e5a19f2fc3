"""One call of an operation: what it says, who makes it, and what answers it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from licensing.domain.audit import Actor, ActorKind, Origin
from licensing.domain.device_key import InvalidProof, Proof
from licensing.entrypoints.deployment import Deployment, UseCase
from licensing.entrypoints.http.callers import bearer, caller
from licensing.entrypoints.http.inputs import Input
from licensing.entrypoints.http.proofs import good_proof, proof
from licensing.usecases.context import Context, UserContext

Value = TypeVar("Value")


@dataclass(frozen=True)
class Call:
    """A request to an operation, and the deployment that it was made to."""

    event: APIGatewayProxyEventV2
    deployment: Deployment

    @cached_property
    def now(self) -> int:
        """When it happens, in epoch seconds: read once."""
        return self.deployment.now()

    def read(self, taken: Input[Value]) -> Value:
        """What the request says. Raises ``InvalidInput`` where it is not as declared."""
        return taken.read(self.event)

    def use_case(self, kind: type[UseCase]) -> UseCase:
        """A use case, see :meth:`~licensing.entrypoints.deployment.Deployment.use_case`."""
        return self.deployment.use_case(kind)

    def user(self, *, agent_version: str | None = None) -> UserContext:
        """The context of a call that a person makes, from an agent where that has a version (R1).

        Raises ``Unauthenticated`` where API Gateway verified no token.
        """
        person = caller(self.event, self.deployment.settings)
        actor = Actor(ActorKind.USER, person.subject, tuple(sorted(person.roles)))
        origin = self._origin(actor, agent_version)
        return UserContext(origin, self.now, self.deployment.entropy, person)

    def agent(self, license_id: str, *, agent_version: str | None) -> Context:
        """The context of a call that an agent makes by itself (R7)."""
        origin = self._origin(Actor(ActorKind.AGENT, license_id), agent_version)
        return Context(origin, self.now, self.deployment.entropy)

    def proof_for_key(self, license_key: str) -> Proof | InvalidProof | None:
        """What was made of the proof that goes with a licence key. Raises ``StaleProof``."""
        return proof(self.event, license_key, self.deployment)

    def proof_for_token(self) -> Proof | None:
        """The proof that goes with the person's token.

        Raises ``StaleProof``, and ``InvalidInput`` for a bad one.
        """
        return good_proof(self.event, bearer(self.event), self.deployment)

    def _origin(self, actor: Actor, agent_version: str | None) -> Origin:
        return Origin(
            actor=actor,
            request_id=self.event.request_context.request_id,
            source_address=self.event.request_context.http.source_ip,
            agent_version=agent_version,
        )
