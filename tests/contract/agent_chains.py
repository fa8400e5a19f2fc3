"""What the service answers to the lease that an agent presents: one row for each case."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from licensing.domain.agent_signs import of_leases
from licensing.domain.keyring import Keyring
from licensing.domain.lease import LeaseRequest, LeaseTerms
from licensing.domain.lease_chain import NO_CHAIN, Asked, Chain, Link, Question, shown, step
from tests.unit.domain.test_lease import ISSUER
from tests.unit.samples import DAY, NOW, credentials, license, organization

RECORD = license()
KEYRING = Keyring({1: b"what the ids of links come from."})
TERMS = LeaseTerms(ISSUER, DAY)
HALF = DAY // 2


def chains() -> dict[str, Any]:
    """The rows; `lease_seconds` is how long a lease is good for."""
    return {"license_id": RECORD.id, "lease_seconds": DAY, "rows": list(_rows())}


def _rows() -> Iterator[dict[str, Any]]:
    row, begun, first = _row("a login, the first time", NO_CHAIN, None, "n-1", NOW, login=True)
    yield row
    yield _row("that once more, with its nonce", begun, None, "n-1", NOW + 2, login=True)[0]
    row, chain, _ = _row("its lease, for the first time", begun, first, "n-2", NOW + 60)
    yield row
    half = NOW + HALF
    yield _row("the current one, in its first half", chain, first, "n-3", half - 1)[0]
    earlier = chain
    row, chain, second = _row("the current one, from halfway on", chain, first, "n-4", half + 60)
    yield row
    yield _row("the same question, with its nonce", chain, first, "n-4", half + 62)[0]
    yield _row("the same question, when its lease is over", chain, first, "n-4", half + 9 * DAY)[0]
    yield _row("the one before, with another nonce", chain, first, "n-5", half + 62)[0]
    row, returned, third = _row("the one before, days later", chain, first, "n-5", half + 9 * DAY)
    yield row
    later = half + 9 * DAY + 60
    yield _row("what that has left behind", returned, second, "n-6", later)[0]
    yield _row("the current one, when it has long been over", chain, second, "n-6", NOW + 9 * DAY)[
        0
    ]
    yield _row("nothing, though one was presented before", chain, None, "n-6", half + 90)[0]
    yield _row("nothing, at a login", chain, None, "n-6", half + 90, login=True)[0]
    yield _row("a newer one than the record's", earlier, third, "n-7", later)[0]
    yield _row("nothing, and never before", Chain(begun.link), None, "n-7", NOW + 60)[0]


def _row(
    name: str, chain: Chain, presented: Link | None, nonce: str, now: int, *, login: bool = False
) -> tuple[dict[str, Any], Chain, Link]:
    """A row, with the chain and the agent's link afterwards."""
    derive = partial(KEYRING.next_link, RECORD.id, nonce=f"login {nonce}" if login else nonce)
    last = presented.id if presented else None
    question = Question(presented, derive(last or ""), at_login=login)
    what, until = shown(chain, question), TERMS.end(RECORD, organization(), now=now)
    taken = step(chain, question, Asked(now, until, now + 365 * DAY, None))
    outside = presented is None and not login
    link = None if outside else taken.chain.link
    asked = LeaseRequest(credentials(), RECORD.environment, nonce)
    lease = TERMS.grant(RECORD, organization(), asked, link or Link(None, now, until))
    row = {
        "name": name,
        "chain": _chain(chain),
        "at_login": login,
        "presented": _link(presented) if presented else None,
        "nonce": nonce,
        "now": now,
        "shows": what.name.lower(),
        "on_record": [sign.type.value for sign in of_leases(what, taken)],
        "lease": {**_link(lease.link), "nonce": lease.nonce},
        "after": _chain(taken.chain),
    }
    return row, taken.chain, lease.link


def _chain(chain: Chain) -> dict[str, Any]:
    return {
        "current": _link(chain.link) if chain.link else None,
        "is_presented": chain.is_presented,
        "left_behind": [{"jti": one.id, "at": one.at} for one in chain.left],
        "returned_at": list(chain.returned_at),
    }


def _link(link: Link) -> dict[str, Any]:
    return {"jti": link.id, "iat": link.issued_at, "exp": link.expires_at}
