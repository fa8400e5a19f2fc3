"""What the service answers to the lease that an agent presents: one row for each case."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from licensing.domain.keyring import Keyring
from licensing.domain.lease import LeaseRequest, LeaseTerms
from licensing.domain.lease_chain import Chain, Link, Renewal, followed
from tests.unit.domain.test_lease import ISSUER
from tests.unit.samples import DAY, NOW, credentials, license, organization

RECORD = license()
KEYRING = Keyring({1: b"what the ids of links come from."})
TERMS = LeaseTerms(ISSUER, DAY)


def chains() -> dict[str, Any]:
    """The rows; `lease_seconds` is how long a lease is good for."""
    return {"license_id": RECORD.id, "lease_seconds": DAY, "rows": list(_rows())}


def _rows() -> Iterator[dict[str, Any]]:
    login = Link(None, NOW, NOW + DAY)
    half = NOW + DAY // 2
    yield _row("nothing, and never before", None, None, "n-1", NOW)[0]
    row, chain, first = _row("the login's lease", None, login, "n-1", NOW + 60)
    yield row
    yield _row("that once more, with its nonce", chain, login, "n-1", NOW + 62)[0]
    yield _row("the current one, in its first half", chain, first, "n-2", half)[0]
    row, chain, second = _row("the current one, from halfway on", chain, first, "n-3", half + 60)
    yield row
    yield _row("the one before, with its nonce", chain, first, "n-3", half + 62)[0]
    yield _row("the one before, with another nonce", chain, first, "n-4", half + 62)[0]
    yield _row("the one before, days later", chain, first, "n-5", half + 9 * DAY)[0]
    yield _row("the current one, when it has long been over", chain, second, "n-6", NOW + 9 * DAY)[
        0
    ]
    earlier = chain
    row, chain, third = _row("the current one, halfway again", chain, second, "n-7", NOW + DAY + 90)
    yield row
    yield _row("two steps back", chain, first, "n-8", NOW + DAY + 95)[0]
    yield _row("the login's lease, after others", chain, login, "n-8", NOW + DAY + 95)[0]
    yield _row("nothing, though there is a chain", chain, None, "n-8", NOW + DAY + 95)[0]
    yield _row("a newer one than the record's", earlier, third, "n-8", NOW + 2 * DAY)[0]


def _row(
    name: str, chain: Chain | None, presented: Link | None, nonce: str, now: int
) -> tuple[dict[str, Any], Chain | None, Link]:
    """A row, with the chain and the agent's link afterwards."""
    step = followed(
        chain,
        presented,
        derive=partial(KEYRING.next_link, RECORD.id, nonce=nonce),
        source_address=None,
        now=now,
    )
    after = step.chain if step else None
    lease = TERMS.grant(
        replace(RECORD, chain=after),
        organization(),
        LeaseRequest(credentials(), RECORD.environment, nonce, step.kept if step else None),
        now=now,
    )
    row = {
        "name": name,
        "chain": _chain(chain),
        "presented": _link(presented) if presented else None,
        "nonce": nonce,
        "now": now,
        "step": _step(chain, presented, step),
        "lease": {**_link(lease.link), "nonce": lease.nonce},
        "after": _chain(after),
    }
    return row, after, lease.link


def _step(before: Chain | None, presented: Link | None, step: Renewal | None) -> str:
    if step is None:
        return "no chain"
    if before is None:
        return "begun"
    if step.kept:
        return "kept"
    if step.fork:
        return "fork"
    if step.chain.previous == before.current:
        return "renewed"
    is_forgotten = presented is not None and presented.issued_at > before.issued_at
    return "put back" if is_forgotten else "lost answer"


def _chain(chain: Chain | None) -> dict[str, Any] | None:
    if chain is None:
        return None
    return {"current": chain.current, "previous": chain.previous, "issued_at": chain.issued_at}


def _link(link: Link) -> dict[str, Any]:
    return {"jti": link.id, "iat": link.issued_at, "exp": link.expires_at}
