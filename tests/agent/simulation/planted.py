"""Clients with a bug each, and a service with one, which a simulation has to find."""

from licensing_agent import lifecycle
from licensing_agent.lifecycle import State, Step, Validate, Wait
from licensing_agent.protocol.outcomes import Failed, Outcome, Refused, Unproven
from tests.agent.simulation.fleet import Client
from tests.agent.simulation.service import Service
from tests.agent.simulation.story import DAY, Life


class TakesSilenceForRefusal(Client):
    """What is no answer ends the licence."""

    def outcome(self, outcome: Outcome) -> Outcome:
        """A failure is a refusal."""
        if isinstance(outcome, Failed):
            return Refused(code="unreachable", message=outcome.why, action="continue")
        return outcome


class TakesTheWayForTheService(Client):
    """What is said of a proof that has got lost on the way ends the licence."""

    def outcome(self, outcome: Outcome) -> Outcome:
        """A proof that is missing is a refusal."""
        if isinstance(outcome, Unproven):
            return Refused(code="PROOF_REQUIRED", message=outcome.message, action="login")
        return outcome


class GoesOn(Client):
    """A lease that is over is as good as one that is not."""

    def usable_for(self, state: State) -> float:
        """As long as there is a lease."""
        return DAY if state.lease else 0.0


class GivesUp(Client):
    """Once the lease is over, it does not ask again."""

    def next_step(self, state: State) -> Step:
        """Nothing, for long."""
        is_over = state.lease is not None and state.time.mark >= state.lease.expires_at
        return Wait(30 * DAY) if is_over else lifecycle.next_step(state)


class KeepsStep(Client):
    """Nothing spreads the requests of many."""

    def chance(self, drawn: float) -> float:  # noqa: ARG002 - that is the bug
        """The same for all."""
        return 0.5


class ForgetsItsLink(Client):
    """After a refusal, the last lease is not presented any more."""

    def next_step(self, state: State) -> Step:
        """As it should be, but for that."""
        step = lifecycle.next_step(state)
        if isinstance(step, Validate) and state.refusal is not None:
            return Validate(step.license, link=None)
        return step


class Forgets(Service):
    """What administrators do is of no effect."""

    def administer(self, action: str, life: Life, at: float) -> None:
        """Nothing."""
