"""The way from an agent to the real service, in this process, behind API Gateway as it is."""

from dataclasses import dataclass, field

from tests.local.events import Request, Response
from tests.local.gateway import match
from tests.world import ALICE, Person, World

HOST = "localhost"


@dataclass
class Way:
    """The way from an agent to the world; ``is_open`` says whether the service is in reach.

    ``person`` is who is at the agent: a token of another one is not taken, nor is none.
    """

    world: World
    is_open: bool = True
    person: Person = ALICE
    requests: list[Request] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    @property
    def now(self) -> float:
        """The world's clock."""
        return self.world.clock()

    def answer(self, request: Request) -> Response:
        """One request."""
        self.requests.append(request)
        if not self.is_open:
            return Response(502, [], b"")
        answered = self.served(request)
        self.statuses.append(answered.status)
        return answered

    def served(self, request: Request) -> Response:
        """What API Gateway answers, whose function is asked with a person's token alone."""
        if not self._is_authorized(request):
            return Response.message(401, "Unauthorized", ("www-authenticate", "Bearer"))
        headers = list(request.headers)
        if request.header("host") is None:
            headers = [("host", HOST), *headers]
        answered = self.world.request(
            request.method,
            request.target,
            person=self.person,
            body=request.body,
            headers=headers,
        )
        return Response(answered.status, [*answered.headers.items()], answered.text.encode())

    def _is_authorized(self, request: Request) -> bool:
        for route in self.world.deployed.routes:
            if route.method == request.method and match(route.path, request.path) is not None:
                audience = route.authorizer.audience if route.authorizer else ()
                # Each login of an agent has a token of its own: the person's, with a number behind.
                shown = tuple(f"Bearer {self.person.token(one)}" for one in audience)
                return not shown or str(request.header("authorization")).startswith(shown)
        return True
