"""The chain that a licence's leases form, and how it shows that two agents live on one licence.

It is to leases what the rotation of refresh tokens with detection of their reuse is to tokens (RFC
9700, 4.14.2).

An agent presents its last lease when it asks for the next one. The service keeps the ids of the
current link and of the one before.

What this module guarantees:

* Before half of its time a presented current link is validated and nothing has to be written; from
  then on it is renewed, which is one write.
* The next link follows from the presented one and the request's nonce. So a renewal whose answer
  was lost, repeated with its nonce, leads to the same link, in whatever order the two arrive.
* The link before the current one, presented once more, is taken for a lost answer. Everything else
  is a fork: of two agents that go on from one link, one comes to it within two renewals of each.
  (Copied with a question that is not answered yet, both repeat that, and go on from its answer.)
* A link that is newer than what is on record tells of a table that was put back to what it was.
  The chain goes on from there, and nobody is suspected for it.

Pure. All times are integer epoch seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Derive = Callable[[str], str]
"""The link that follows one, for this licence and the request's nonce."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Where a licence's chain stands.

    ``source_address`` is where the current link was asked for from, at ``issued_at``.
    """

    current: str
    previous: str | None
    source_address: str | None
    issued_at: int


@dataclass(frozen=True, slots=True)
class Link:
    """A lease as a link: its id, ``None`` from before the chain began, and its time."""

    id: str | None
    issued_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class Renewal:
    """What follows from what is presented: another chain, a link that is ``kept``, a ``fork``.

    ``chain`` is the chain afterwards. ``kept`` is the link that is merely validated: the lease to
    grant is the same link, in the same time. A ``fork`` is a chain that two agents go on with.
    """

    chain: Chain
    kept: Link | None = None
    fork: bool = False


def followed(
    chain: Chain | None,
    presented: Link | None,
    *,
    derive: Derive,
    source_address: str | None,
    now: int,
) -> Renewal | None:
    """The step from ``chain``, with ``presented`` as the agent's last link.

    ``None`` while there is no chain: the agent presents nothing, and never has.
    """
    if chain is None:
        if presented is None:
            return None
        return Renewal(Chain(derive(presented.id or ""), presented.id, source_address, now))
    # 1. The current link: validated in its first half, renewed from then on.
    if presented is not None and presented.id == chain.current:
        if now < halfway(presented.issued_at, presented.expires_at):
            return Renewal(chain, kept=presented)
        return Renewal(Chain(derive(chain.current), chain.current, source_address, now))
    # 2. What led to the current link, with the nonce of then: the answer was lost.
    last = presented.id if presented is not None else None
    following = derive(last or "")
    if following == chain.current:
        return Renewal(chain)
    # 3. The link before it, with another nonce: this is a link beside the current one, and takes
    #    its place. Whoever has that one will show up.
    if presented is not None and presented.id == chain.previous:
        return Renewal(Chain(following, chain.previous, source_address, now))
    # 4. One that the service has granted since, and has forgotten with its table.
    if presented is not None and presented.issued_at > chain.issued_at:
        return Renewal(Chain(following, presented.id, source_address, now))
    # 5. An older one, one that was replaced, or none at all.
    return Renewal(Chain(following, chain.current, source_address, now), fork=True)


def halfway(issued_at: int, expires_at: int) -> int:
    """When a lease is to be renewed: halfway, so that an outage can be outlived."""
    return issued_at + (expires_at - issued_at) // 2
