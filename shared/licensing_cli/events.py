"""``licensing events``: what happened, once or as it happens.

What :class:`Tail` guarantees: each event is told once, also one that comes late. Refusals,
agents that have come back and suspected clones are folded, so they stand at the beginning of their
hour, behind events that were told before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Annotated, Final

import typer

from licensing_cli import commands, days
from licensing_cli.api import Query, segment
from licensing_cli.commands import Limit
from licensing_cli.errors import Unreachable, WrongUse
from licensing_cli.invocation import Invocation
from licensing_cli.json_types import Json, objects
from licensing_cli.output import Columns, Output, Row, joined, moment, text_of
from licensing_cli.vocabulary import EVENT_TYPES

FOLDED: Final = (
    "AccessRefused",
    "AgentReturned",
    "BillingEventIgnored",
    "CloneSuspected",
    "OrganizationRead",
)
"""What is one event in an hour, however often it happens."""

ACROSS: Final = ("AccessRefused", "CloneSuspected")
"""What is listed over all organizations."""

_LATE: Final = timedelta(minutes=1)
_LONGEST_WAIT: Final = 60.0

Reader = Callable[[Query], Json]
"""Reads the whole list that a query asks for."""


def _reason(row: Row) -> object:
    times = row.get("times")
    more = f" ({times} times)" if isinstance(times, int) and times > 1 else ""
    return f"{row.get('reason') or ''}{more}"


def _where(row: Row) -> object:
    addresses = (row.get("source_address"), row.get("other_address"))
    return joined(address for address in addresses if address is not None)


def _computer(row: Row) -> object:
    """The computer that tried, and the licence's where that is another one."""
    names = dict.fromkeys((row.get("computer_name"), row.get("license_computer_name")))
    return joined(name for name in names if name is not None)


def _when(row: Row) -> object:
    return moment("last_at")(row) or moment("at")(row)


COLUMNS: Final[Columns] = MappingProxyType(
    {
        "at": _when,
        "type": text_of("type"),
        "license": text_of("license_id"),
        "computer": _computer,
        "by": text_of("actor", "kind"),
        "subject": text_of("actor", "subject"),
        "name": text_of("actor", "name"),
        "from": _where,
        "reason": _reason,
    }
)
"""What a list shows."""

COLUMNS_ACROSS: Final[Columns] = MappingProxyType(
    {"organization": text_of("organization_id"), **COLUMNS}
)
"""What a list of all organizations' events shows."""

app = commands.new_app("What happened to agents and organizations.")


@commands.command(app, "list", example="events list --organization acme --follow")
def find(
    at: Invocation,
    *,
    organization: Annotated[
        str | None, typer.Option("--organization", help="Events of this organization.")
    ] = None,
    license: Annotated[
        str | None, typer.Option("--license", help="Events of this licence.")
    ] = None,
    all_organizations: Annotated[
        bool,
        typer.Option(
            "--all-organizations", help="Clones and refusals of all organizations (super-admins)."
        ),
    ] = False,
    type: Annotated[  # noqa: A002 - the service's word for it
        str | None, commands.word("--type", "Only of this type", EVENT_TYPES)
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--from", help=f"Only from this time on: {days.FORMS}."),
    ] = None,
    before: Annotated[
        str | None, typer.Option("--before", help="Only before this time, or before this day.")
    ] = None,
    limit: Limit = 100,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new events, oldest first.")
    ] = False,
    every: Annotated[
        float, typer.Option("--every", min=0.01, help="Seconds between requests, with --follow.")
    ] = 5.0,
) -> None:
    """List events, newest first, or follow them as they happen.

    --follow starts with the last --limit events and runs until Ctrl-C, or until nobody reads its
    output. While the service is not reachable, it waits. With --output json it prints one object
    per line.
    """
    path = _path(organization, license, is_all=all_organizations)
    if all_organizations and type not in {None, *ACROSS}:
        raise WrongUse(
            f"Events of type {type} are not listed over all organizations.",
            f"Use one of {' and '.join(ACROSS)}, or --organization.",
        )
    columns = COLUMNS_ACROSS if all_organizations else COLUMNS
    since = days.beginning(since)
    query: Query = {"type": type, "from": since, "before": days.beginning(before)}
    if not follow:
        show(at.output, at.api.listed(path, "events", query, limit=limit), columns)
        return
    if before is not None:
        raise WrongUse("--before and --follow cannot be used together.", "Leave one of them out.")
    first = at.api.listed(path, "events", query, limit=1)
    tail = Tail(type, since, ACROSS if all_organizations else None)
    patient = at.api_of(0)

    def read(asked: Query) -> Json:
        return patient.listed(path, "events", asked, limit=0)

    tail.begin(first)
    tail.pass_over(at.api.listed(path, "events", asked, limit=0) for asked in tail.queries())
    shown = tail.news([at.api.listed(path, "events", query, limit=limit)], again=True)
    _tell(at.output, shown, columns)
    for news in _following(tail, read, at, every):
        _tell(at.output, news, columns)


def show(output: Output, document: Json, columns: Columns = COLUMNS) -> None:
    """A list of events; in a table, in the order of the times that it shows, the latest first.

    The service sorts by when events began: what is folded goes on after that.
    """
    latest_first = sorted(objects(document, "events"), key=_last, reverse=True)
    told = document if output.is_json else {**document, "events": latest_first}
    output.listed(told, "events", columns)


def _following(tail: Tail, read: Reader, at: Invocation, every: float) -> Iterator[list[Json]]:
    failures = 0
    while at.output.is_read:
        at.api.pause(every)
        try:
            news = tail.news([read(asked) for asked in tail.queries()])
        except Unreachable as error:
            if not error.passes:
                raise
            wait = error.retry_after
            if wait is None:
                wait = at.api.chance(0, min(_LONGEST_WAIT, 2.0**failures))
            failures += 1
            at.output.note(f"{error.message} Trying again in {wait:.1f} s.")
            at.api.pause(wait)
            continue
        if failures:
            at.output.note("The service is back.")
            failures = 0
        yield news


def _tell(output: Output, news: Iterable[Json], columns: Columns) -> None:
    for event in news:
        if output.is_json:
            output.record(event)
        else:
            output.line("  ".join(str(cell(event) or "-") for cell in columns.values()))


def _path(organization: str | None, license: str | None, *, is_all: bool) -> str:
    if (organization is not None) + (license is not None) + is_all != 1:
        raise WrongUse(
            "Whose events?", "Use either --organization, --license or --all-organizations."
        )
    if is_all:
        return "/v1/events"
    if organization is not None:
        return f"/v1/organizations/{segment(organization)}/events"
    return f"/v1/licenses/{segment(license or '')}/events"


@dataclass(slots=True)
class Tail:
    """What has been told of a list of events, and what to ask for next."""

    type: str | None
    since: str | None
    of: Sequence[str] | None = None
    """The types that the list has, all of them folded; ``None`` for all types."""
    _newest: datetime | None = None
    _known: set[str] = field(default_factory=set)

    def begin(self, first: Mapping[str, object]) -> None:
        """``first`` has the newest event, if there is any."""
        for event in objects(first, "events"):
            self._newest = _at(event)

    def queries(self) -> list[Query]:
        """What may have something new: the last minute, and of what is folded the whole hour."""
        if self._newest is None:
            return [{"type": self.type, "from": self.since}]
        late = self._newest - _LATE
        asked: list[Query] = []
        if self.of is None and self.type not in FOLDED:
            asked.append({"type": self.type, "from": self._from(late)})
        hour = self._from(late.replace(minute=0, second=0, microsecond=0))
        return asked + [
            {"type": folded, "from": hour}
            for folded in self.of or FOLDED
            if self.type in {None, folded}
        ]

    def pass_over(self, lists: Iterable[Mapping[str, object]]) -> None:
        """What is in these lists has happened before."""
        self._known |= {str(event.get("id")) for one in lists for event in objects(one, "events")}

    def news(self, lists: Iterable[Mapping[str, object]], *, again: bool = False) -> list[Json]:
        """The events that have not been told, oldest first; with ``again`` also those passed over.

        Each list answers one of :meth:`queries`, which reach back as far as what is known has to.
        """
        found = {str(event.get("id")): event for one in lists for event in objects(one, "events")}
        # Events of one second stay in the service's order, which is newest first.
        oldest_first = list(reversed(found.items()))
        fresh = [event for id, event in oldest_first if again or id not in self._known]
        self._known = self._known | set(found) if again else set(found)
        times = [_at(event) for event in found.values()]
        self._newest = max([*times, *([self._newest] if self._newest else [])], default=None)
        return sorted(fresh, key=_last)

    def _from(self, moment: datetime) -> str:
        since = _instant(self.since) if self.since is not None else moment
        return max(moment, since).isoformat()


def _last(event: Mapping[str, object]) -> str:
    """When it happened last, as it is shown."""
    return str(event.get("last_at") or event.get("at"))


def _at(event: Mapping[str, object]) -> datetime:
    return _instant(str(event.get("at")))


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text.upper())
