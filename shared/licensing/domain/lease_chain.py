"""The chain that a licence's leases form, and how it shows that two agents use one licence.

It does for leases what the rotation of refresh tokens, with detection of their reuse, does for
tokens (RFC 9700, 4.14.2): an agent presents its last lease when it asks for the next one, and a
copy of the agent sooner or later presents one that has been followed already.

The service keeps the ids of the current link and of the one before.

What this module guarantees:

* In the first half of its time the current link is only validated, which writes nothing. In the
  second half it is renewed, which is one write.
* The next link is derived from the presented one and the request's nonce. So a renewal whose answer
  was lost, and which is repeated with its nonce, leads to the same link, in whatever order the two
  requests arrive.
* The link before the current one, presented once more, is taken for a lost answer. An older one,
  or none at all, is a fork: when two agents go on from one link, one of them forks within two
  renewals of each. (Two that were copied with a question still open both repeat that, and go on
  from its answer.)
* A link that is newer than the one on record shows that the table was restored from a backup. The
  chain goes on from that link, and nobody is suspected.

Pure. All times are integer epoch seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Derive = Callable[[str], str]
"""From a link's id to the next one's, for one licence and one nonce.

See :meth:`Keyring.next_link <licensing.domain.keyring.Keyring.next_link>`.
"""


@dataclass(frozen=True, slots=True)
class Chain:
    """Where a licence's chain stands: the ids of the current link and of the one before.

    ``issued_at`` and ``source_address`` are when and from which address the current one was asked
    for: a suspected clone is reported with both agents' addresses.
    """

    current: str
    previous: str | None
    source_address: str | None
    issued_at: int


@dataclass(frozen=True, slots=True)
class Link:
    """A presented lease: its id, ``None`` for one from before the chain began, and its time."""

    id: str | None
    issued_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class Renewal:
    """What follows from a presented link.

    ``chain`` is the chain afterwards. ``kept`` is the presented link when it is only validated: the
    lease to grant is then the same link, with the same times. ``fork`` says that two agents seem to
    use the licence.
    """

    chain: Chain
    kept: Link | None = None
    fork: bool = False


def is_current(chain: Chain | None, presented: Link | None, *, derive: Derive) -> bool:
    """Whether ``presented`` is the current link, or the question that led to it was this one."""
    return (
        chain is not None
        and presented is not None
        and chain.current in (presented.id, derive(presented.id or ""))
    )


def followed(
    chain: Chain | None,
    presented: Link | None,
    *,
    derive: Derive,
    source_address: str | None,
    now: int,
) -> Renewal | None:
    """The step from ``chain`` when an agent presents ``presented`` as its last link.

    ``None`` while there is no chain: no agent of this licence has ever presented a lease.

    >>> def step(chain: Chain, presented: Link, now: int) -> Renewal | None:
    ...     return followed(
    ...         chain, presented, derive="next of {}".format, source_address="192.0.2.1", now=now
    ...     )
    >>> chain = Chain("b", previous="a", source_address="192.0.2.1", issued_at=100)
    >>> current = Link("b", issued_at=100, expires_at=200)
    >>> step(chain, current, now=149).kept == current  # in its first half
    True
    >>> step(chain, current, now=150).chain.current
    'next of b'
    >>> step(chain, Link("an older one", issued_at=0, expires_at=100), now=150).fork
    True
    """
    if chain is None:
        if presented is None:
            return None
        # It begins with the first lease that is presented; one from before has no id.
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
    # 3. The link before it, with another nonce: an agent that lost the answer and asks anew, or a
    #    clone. The new link takes the current one's place: a second agent that has that will fork.
    if presented is not None and presented.id == chain.previous:
        return Renewal(Chain(following, chain.previous, source_address, now))
    # 4. A newer one than on record: granted, then lost when the table was restored.
    if presented is not None and presented.issued_at > chain.issued_at:
        return Renewal(Chain(following, presented.id, source_address, now))
    # 5. An older one, one that was replaced, or none at all.
    return Renewal(Chain(following, chain.current, source_address, now), fork=True)


def moved_on(renewal: Renewal, *, derive: Derive, source_address: str | None, now: int) -> Renewal:
    """A step that leads on from the current link in any case, its first half included.

    For a licence that goes to another machine: a copy that stays behind has an older link then.
    """
    if renewal.kept is None:
        return renewal
    current = renewal.chain.current
    return Renewal(Chain(derive(current), current, source_address, now))


def halfway(issued_at: int, expires_at: int) -> int:
    """From when on a lease is renewed, in epoch seconds: halfway through its time."""
    return issued_at + (expires_at - issued_at) // 2
