"""The story that `demo` tells: agents and their people, over HTTP, with passwords and tokens.

Every step is printed and every answer is checked; the first that is not as it should be raises
`UnexpectedAnswerError` and ends the story. One module tells one chapter:

    teller            what all chapters need: acting as somebody, checking, printing
    first_login       a licence, its key and its lease
    subscription      an organization's agents end and come back with its subscription
    administration    an agent is blocked, and a key moves to another computer
    drift             a machine changes piece by piece
    older_agents      agents from before 4.4 share a machine
    squatting         a machine that the wrong organization has taken
    billing           the billing system's events
    partner           an hour on a client's agent
    trail             what is remembered, and what has left on the bus
    outages           an agent as a process of its own, while the service is out of reach
    deployed          what of all this `smoke` tries a deployed stack with
"""

from collections.abc import Callable

from tests.local.client import Client
from tests.local.story import (
    administration,
    billing,
    drift,
    first_login,
    older_agents,
    outages,
    partner,
    squatting,
    subscription,
    trail,
)
from tests.local.story.teller import LocalPeople, Teller


class Story:
    """Tells the story to `say`, step by step, against the service that `client` speaks to."""

    def __init__(self, client: Client, say: Callable[[str], None]) -> None:
        """Nothing is asked of the service before `tell`."""
        self._client = client
        self._say = say

    def tell(self) -> None:
        """Tell all of it."""
        people = LocalPeople(self._client)
        teller = Teller(self._client, self._say, people)
        self._say("Three organizations: Acme, Bolt and Coop. Alice and Amir are members of Acme,")
        self._say("Ada is its administrator. Boris is a member of Bolt, Cora of Coop. Olivia works")
        self._say("for the vendor, Pavel for a partner of the vendor. An agent runs on a machine;")
        self._say("machine A stands in Acme's factory, machine B in Bolt's office.")

        first_login.tell(teller, people)
        bolt = subscription.tell(teller)
        moved = administration.tell(teller)
        machine = drift.tell(teller, moved)
        older_agents.tell(teller)
        squatting.tell(teller)
        billing.tell(teller, bolt)
        partner.tell(teller, moved, machine)
        trail.tell(teller, moved)
        outages.tell(teller, people, self._client.url)
