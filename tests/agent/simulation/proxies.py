"""What stands between some agents and the service, and changes what passes."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Final

from licensing_agent import wire
from tests.agent.simulation.story import HOUR, Life, Proxy

_NONE: Final = Proxy()


class Proxies:
    """One before each agent that has one. They keep what they have passed on last."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed + 2)  # noqa: S311 - reproducible, not secret
        self._passed: dict[tuple[int, str], tuple[str, wire.Answer]] = {}

    def replayed(self, life: Life, request: wire.Request) -> wire.Answer | None:
        """What is answered in the service's place, if anything is.

        What answers the very same question is no replay: it is the service's word, come late.
        """
        share = (life.proxy or _NONE).replays
        nonce, last = self._passed.get((life.number, request.path), ("", None))
        is_its_own = bool(request.nonce) and nonce == request.nonce
        return last if last is not None and not is_its_own and self._happens(share) else None

    def passed(self, life: Life, request: wire.Request, at: float) -> wire.Request:
        """What arrives of a request; the first login's is whole, for its licence to have a key."""
        is_first = at < life.first_login + HOUR
        if is_first or not self._happens((life.proxy or _NONE).drops_proof):
            return request
        kept = {name: value for name, value in request.headers.items() if name != "DPoP"}
        return replace(request, headers=kept)

    def returned(self, life: Life, request: wire.Request, answer: wire.Answer) -> wire.Answer:
        """What comes back of an answer."""
        if life.proxy is None:
            return answer
        self._passed[life.number, request.path] = (request.nonce, answer)
        if not life.proxy.drops_nonce:
            return answer
        kept = {name: value for name, value in answer.headers.items() if name != "dpop-nonce"}
        return replace(answer, headers=kept)

    def _happens(self, share: float) -> bool:
        return share > 0 and self._chance.random() < share
