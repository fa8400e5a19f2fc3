"""Each event is told once and oldest first, also one that comes late or is folded into its hour."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensing_cli.api import Query
from licensing_cli.events import ACROSS, FOLDED, Tail
from licensing_cli.json_types import Json

REFUSAL = FOLDED[0]
START = 1_900_000_000  # 17:46:40, in the middle of an hour
HOUR = 3600


def instant(epoch: float) -> str:
    """As the service writes it."""
    return datetime.fromtimestamp(epoch, UTC).isoformat().replace("+00:00", "Z")


class Feed:
    """A list of events, asked as the service is."""

    def __init__(self) -> None:
        self.events: list[Json] = []

    def happens(self, id: str, epoch: int, kind: str = "LicenseIssued") -> None:
        at = epoch - epoch % HOUR if kind in FOLDED else epoch
        last_at = instant(epoch) if kind in FOLDED else None
        self.events.append({"id": id, "type": kind, "at": instant(at), "last_at": last_at})

    def answer(self, query: Query, limit: int | None = None) -> Json:
        """Newest first."""
        since = query.get("from")
        found = [
            event
            for event in self.events
            if query.get("type") in {None, event["type"]}
            and (since is None or seconds(event["at"]) >= seconds(since))
        ]
        found.sort(key=lambda event: (str(event["at"]), str(event["id"])), reverse=True)
        return {"events": found[:limit], "next_cursor": None}


def seconds(text: Any) -> float:
    return datetime.fromisoformat(text).timestamp()


def begun(feed: Feed, *, kind: str | None = None, since: str | None = None) -> Tail:
    """A tail that begins where the feed ends."""
    tail = Tail(kind, since)
    query: Mapping[str, str | None] = {"type": kind, "from": since}
    tail.begin(feed.answer(query, limit=1))
    tail.pass_over(feed.answer(asked) for asked in tail.queries())
    return tail


def looks(tail: Tail, feed: Feed) -> list[str]:
    """The ids of what is new."""
    return [str(event["id"]) for event in tail.news(map(feed.answer, tail.queries()))]


def test_what_happens_is_told_once_and_oldest_first() -> None:
    feed = Feed()
    feed.happens("a", START)
    tail = begun(feed)
    assert looks(tail, feed) == []
    feed.happens("c", START + 20)
    feed.happens("b", START + 10)
    assert looks(tail, feed) == ["b", "c"]
    assert looks(tail, feed) == []


def test_an_event_that_is_there_late_is_told() -> None:
    feed = Feed()
    feed.happens("a", START)
    tail = begun(feed)
    feed.happens("c", START + 20)
    assert looks(tail, feed) == ["c"]
    feed.happens("b", START - 30)
    assert looks(tail, feed) == ["b"]


@pytest.mark.parametrize("folded", FOLDED)
def test_what_is_folded_stands_at_the_beginning_of_its_hour_and_is_told_when_it_happens(
    folded: str,
) -> None:
    feed = Feed()
    feed.happens("a", START)
    tail = begun(feed)
    feed.happens("b", START + 5)
    feed.happens("r", START + 10, folded)
    assert looks(tail, feed) == ["b", "r"]
    # One that repeats within its hour is the same event.
    feed.events[-1]["last_at"] = instant(START + 60)
    assert looks(tail, feed) == []


def test_what_was_refused_before_the_tail_began_is_not_told_as_new() -> None:
    feed = Feed()
    feed.happens("r", START - 600, REFUSAL)
    feed.happens("a", START)
    assert looks(begun(feed), feed) == []


def test_the_last_events_begin_it_and_are_not_told_again() -> None:
    feed = Feed()
    for number in range(9):
        feed.happens(f"{number}", START + number)
    tail = begun(feed)
    last = tail.news([feed.answer({}, limit=3)], again=True)
    assert [event["id"] for event in last] == ["6", "7", "8"]
    assert looks(tail, feed) == []


def test_a_feed_without_events_is_waited_on() -> None:
    feed = Feed()
    tail = begun(feed)
    assert tail.queries() == [{"type": None, "from": None}]
    assert looks(tail, feed) == []
    feed.happens("a", START)
    assert looks(tail, feed) == ["a"]
    assert looks(tail, feed) == []


@pytest.mark.parametrize("kind", ["LicenseIssued", *FOLDED])
def test_events_of_one_type_are_asked_for_by_it_alone(kind: str) -> None:
    feed = Feed()
    feed.happens("a", START, kind)
    tail = begun(feed, kind=kind)
    assert [query["type"] for query in tail.queries()] == [kind]
    feed.happens("b", START + 5, "LicenseIssued")
    for number, folded in enumerate(FOLDED):
        feed.happens(folded, START + 6 + number, folded)
    assert looks(tail, feed) == ["b" if kind == "LicenseIssued" else kind]


def test_nothing_from_before_the_instant_that_was_named_is_told() -> None:
    feed = Feed()
    feed.happens("a", START)
    since = instant(START + 10)
    tail = begun(feed, since=since)
    feed.happens("b", START + 5)
    feed.happens("c", START + 15)
    assert looks(tail, feed) == ["c"]
    assert {query["from"] for query in tail.queries()} == {
        instant(START + 10).replace("Z", "+00:00")
    }


@given(
    st.lists(
        st.tuples(
            st.integers(min_value=0, max_value=900),  # how much later it happens
            st.integers(min_value=0, max_value=59),  # how late it is there
            st.sampled_from(["LicenseIssued", *FOLDED]),
            st.booleans(),  # whether anybody looks before the next one
        ),
        max_size=30,
    )
)
def test_whatever_happens_everything_is_told_once(
    happenings: list[tuple[int, int, str, bool]],
) -> None:
    feed, now, told = Feed(), START, list[str]()
    feed.happens("first", START)
    tail = begun(feed)
    # What is there late comes before the newest that was told, at most by a minute.
    for number, (later, late, kind, is_looked_at) in enumerate(happenings):
        now += later
        newest = max(seconds(event["last_at"] or event["at"]) for event in feed.events)
        epoch = int(max(now - late, newest - late))
        feed.happens(f"{number}", epoch, kind)
        if is_looked_at:
            told += looks(tail, feed)
    told += looks(tail, feed)
    assert sorted(told) == sorted(
        str(event["id"]) for event in feed.events if event["id"] != "first"
    )


def test_of_all_organizations_only_what_is_listed_over_all_of_them_is_asked_for() -> None:
    feed = Feed()
    feed.happens("a", START)
    tail = Tail(None, None, ACROSS)
    tail.begin(feed.answer({"type": None, "from": None}, limit=1))
    assert [asked["type"] for asked in tail.queries()] == ["AccessRefused", "CloneSuspected"]
