"""A list as a file: all pages of it, one request after the other, with a way to stop."""

import csv
import io
import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Download, Page, Request, expect

from licensing.adapters.dynamo.items import license_item
from tests.browser.portal import Portal
from tests.browser.test_agents import varied_agents
from tests.browser.test_requests import MADE, Api, api
from tests.browser.test_troubled_ways import Held
from tests.browser.test_widgets import EVENT
from tests.browser.troubles import Troubles

__all__ = ["api"]  # a fixture

pytestmark = pytest.mark.sampled(4)

_PLACE = "/organizations/acme/agents"


def read(download: Download) -> list[dict[str, str]]:
    text = download.path().read_bytes().decode("utf-8")
    assert text.startswith("\ufeff")
    return [*csv.DictReader(io.StringIO(text[1:], newline=""))]


def exported(page: Page) -> Download:
    """The file that the button gives."""
    with page.expect_download() as waited:
        page.get_by_role("button", name="Export CSV").click()
    return waited.value


def test_agents_are_exported_as_the_list_narrows_and_orders_them(
    page: Page, portal: Portal
) -> None:
    agents = varied_agents(130)
    portal.put(map(license_item, agents))
    portal.visit(page, "ada", f"{_PLACE}?status=active&sort=-computer_name")
    expect(page.locator("main")).to_contain_text("127 agents")
    asked: list[dict[str, list[str]]] = []

    def note(request: Request) -> None:
        if "/licenses?" in request.url:
            asked.append(parse_qs(urlsplit(request.url).query))

    page.on("request", note)
    download = exported(page)
    assert re.fullmatch(r"acme-agents-\d{4}-\d\d-\d\d\.csv", download.suggested_filename)
    rows = read(download)
    names = [row["computer_name"] for row in rows]
    assert names == sorted(names, reverse=True)
    assert len(set(names)) == 127
    press = rows[-1]
    assert (press["label"], press["primary"], press["agent_version"]) == (
        *("Press hall", "yes", "4.10.0.0"),
    )
    assert [sorted(one) for one in asked] == [["limit", "status"], ["cursor", "limit", "status"]]
    expect(page.get_by_role("status")).to_contain_text("has 127 agents.")
    expect(page.get_by_role("button", name="Export CSV")).to_be_focused()


def test_a_file_is_in_the_order_of_the_list(page: Page, portal: Portal) -> None:
    """It is read in another one, which costs the service less."""
    names = ["pc10", "pc_1", "PC9", "pc1", "pc-1"]
    agents = [
        replace(agent, computer_name=name, label=None)
        for agent, name in zip(varied_agents(), names, strict=True)
    ]
    portal.put(map(license_item, agents))
    portal.visit(page, "ada", _PLACE)
    by_activity = ["agent_version", "-agent_version", "last_seen", "-last_seen"]
    for order in ["", "-computer_name", *by_activity, "-issued_at"]:
        page.goto(portal.address(f"{_PLACE}?sort={order}"))
        expect(page.get_by_label("Order")).to_have_value(order)
        expect(page.locator("tbody tr")).to_have_count(5)
        expect(page.locator("main [aria-busy=true]")).to_have_count(0)
        shown = page.locator("tbody th a").all_inner_texts()
        told = [row["computer_name"] for row in read(exported(page))]
        assert told == shown, order
        assert len(told) == 5


def test_a_feed_is_exported_and_what_an_agent_is_called_is_no_formula(
    page: Page, portal: Portal
) -> None:
    agent = portal.log_in_agent("=1+1")
    reason = {"reason": "sold; =HYPERLINK(1)"}
    portal.call("POST", f"/v1/licenses/{agent.id}/detach", reason).expect(200)
    portal.visit(page, "ada", "/organizations/acme/feed")
    expect(page.locator(".entries li")).not_to_have_count(0)
    with page.expect_response(re.compile("/events[?]")) as answer:
        download = exported(page)
    assert download.suggested_filename.startswith("acme-feed-2")
    blocked, issued = read(download)[:2]
    assert blocked["what"] == "Agent blocked"
    assert blocked["reason"] == "sold; '=HYPERLINK(1)"
    assert issued["license_computer_name"] == "'=1+1"
    assert issued["computer_name"] == ""  # nobody else has tried
    assert issued["at"].endswith("Z")
    # A name is what a token said: who it was is told beside it, as the API tells it.
    actors = [event["actor"] for event in answer.value.json()["events"]]
    assert "Alice Moreau" in [actor["name"] for actor in actors]
    for actor, row in zip(actors, read(download), strict=True):
        assert (row["actor_kind"], row["actor_subject"]) == (actor["kind"], actor["subject"])
        assert row["actor_name"] == (actor["name"] or "")


def test_who_goes_on_to_another_page_asks_for_no_more_of_a_list(page: Page, portal: Portal) -> None:
    portal.put(map(license_item, varied_agents()))
    portal.visit(page, "ada", _PLACE)
    expect(page.locator("tbody tr")).to_have_count(5)
    held = Held()
    page.route("**/licenses?limit=100", held)
    page.get_by_role("button", name="Export CSV").click()
    held.wait(page)
    with page.expect_event("requestfailed", lambda request: "limit=100" in request.url):
        page.get_by_role("link", name="Feed").click()


_AGENT = {
    "computer_name": "PC-01",
    "label": "Press hall",
    "id": "lic_1",
    "environment": "test",
    "status": "detached",
    "primary": False,
    "agent_version": "4.4.0.0",
    "last_seen": {
        "at": "2027-01-04T00:00:00Z",
        "agent_version": "4.5.0.0",
        "source_address": "192.0.2.1",
    },
    "issued_at": "2027-01-01T00:00:00Z",
    "issued_by": "1b9d6bcd",
    "issued_by_name": "Alice",
    "valid_until": "2027-01-06T00:00:00Z",
    "leased_until": "2027-01-05T00:00:00Z",
    "device_key": "a-thumbprint",
}
_TOLD_OF_AGENT = {
    **{name: _AGENT[name] for name in ("computer_name", "label", "id", "environment", "status")},
    "primary": "no",
    "agent_version": "4.5.0.0",  # the one that was seen last
    "last_seen_at": "2027-01-04T00:00:00Z",
    "source_address": "192.0.2.1",
    **{name: _AGENT[name] for name in ("issued_at", "issued_by", "valid_until", "leased_until")},
    "device_key": "a-thumbprint",
}
_CLONE = {
    **EVENT,
    "type": "CloneSuspected",
    "at": "2027-01-31T12:00:00Z",
    "last_at": "2027-01-31T12:30:00Z",
    "actor": {"kind": "agent", "subject": "lic_1", "roles": ["one", "two"], "name": None},
    "before": {"state": "active", "label": None},
    "after": {"state": "detached", "label": "Press hall"},
    "reason": "clone_suspected",
    "times": 3,
    "source_address": "192.0.2.1",
    "other_address": "192.0.2.9",
    "agent_version": "4.5.0.0",
    "readings": ["organization", "temporary_licenses"],
    "computer_name": "COPY",
    "license_computer_name": "PC-01",
}
_TOLD_OF_CLONE = {
    **{name: _CLONE[name] for name in ("at", "last_at", "type")},
    "what": "Clone suspected",
    "reason": "clone_suspected",
    "times": "3",
    "changes": "state: Active → Blocked\nlabel: none → Press hall",
    "license_id": "lic_1",
    "label": "Press hall",
    "license_computer_name": "PC-01",
    "computer_name": "COPY",
    "actor_kind": "agent",
    "actor_subject": "lic_1",
    "actor_name": "",
    "roles": "one two",
    "source_address": "192.0.2.1",
    "other_address": "192.0.2.9",
    "agent_version": "4.5.0.0",
    "readings": "organization temporary_licenses",
    "id": "1",
}


@pytest.mark.parametrize(
    ("name", "answer", "told", "file"),
    [
        ("agents", {"licenses": [_AGENT]}, _TOLD_OF_AGENT, "acme-agents-2"),
        ("feed", {"events": [_CLONE]}, _TOLD_OF_CLONE, "acme-audit-trail-2"),
    ],
)
def test_each_column_of_a_file_tells_what_its_title_says(
    parts: Page, api: Api, name: str, answer: dict[str, Any], told: dict[str, str], file: str
) -> None:
    api.answers = [{"json": {"environments": []}}] if name == "agents" else []
    api.answers += [{"json": {**answer, "next_cursor": None}}] * 2
    parts.evaluate(MADE, [name, ""])
    download = exported(parts)
    assert download.suggested_filename.startswith(file)
    assert read(download) == [told]


# -- by itself -------------------------------------------------------------------------------------

EXPORT = """
globalThis.pages = [];
globalThis.saved = [];
HTMLAnchorElement.prototype.click = function () { saved.push(this.download); };
globalThis.list = list_page.listPage({
  title: "Agents", label: "Agents", what: "agents", noun: ["agent", "agents"],
  query: router.here().query, fields: [], narrowing: [],
  load: async () => ({ rows: [1], next_cursor: "x", total: 20_000 }),
  show: () => "rows", nothing: () => "none",
  exported: {
    name: "acme-agents", titles: ["n"], cells: (row) => [row],
    read: () => (page, signal) => new Promise((resolve, reject) => {
      pages.push({ page, signal, resolve, reject });
    }),
  },
});
put(list.element);
"""


def answer(page: Page, count: int, cursor: str | None) -> None:
    """Let the last request be answered, and what follows be done."""
    page.evaluate(
        """([count, next_cursor]) => {
          pages.at(-1).resolve({ rows: Array(count).fill(1), next_cursor });
        }""",
        [count, cursor],
    )


def test_an_export_says_how_far_it_is_and_is_stopped_without_a_file(parts: Page) -> None:
    parts.evaluate(EXPORT)
    expect(parts.get_by_text("20,000 agents", exact=True)).to_be_visible()
    parts.get_by_role("button", name="Export CSV").click()
    answer(parts, 100, "second")
    expect(parts.locator(".export")).to_contain_text("100 of 10,000 read…")
    asked = parts.evaluate("pages.map(({ page }) => page)")
    assert asked == [{"limit": 100, "cursor": None}, {"limit": 100, "cursor": "second"}]
    expect(parts.get_by_role("button", name="Stop")).to_be_focused()
    parts.get_by_role("button", name="Stop").click()
    expect(parts.get_by_role("button", name="Export CSV")).to_be_focused()
    expect(parts.locator("#announcements")).to_have_text("Stopped. No file was saved.")
    assert parts.evaluate("[pages[1].signal.aborted, saved.length]") == [True, 0]
    answer(parts, 100, None)  # which comes too late
    assert parts.evaluate("saved.length") == 0
    # Whoever leaves the list stops it, too.
    parts.get_by_role("button", name="Export CSV").click()
    parts.evaluate("list.stop()")
    assert parts.evaluate("pages.at(-1).signal.aborted") is True


def test_where_there_is_nothing_there_is_nothing_to_export(parts: Page) -> None:
    parts.evaluate("router.go('#/agents')")
    parts.evaluate(EXPORT.replace("rows: [1]", "rows: []").replace('"x", total: 20_000', "null"))
    expect(parts.locator(".loaded")).to_have_text("none")
    expect(parts.get_by_role("button", name="Export CSV")).to_have_count(0)


def test_what_was_counted_of_other_rows_is_not_told_of_those_that_are_asked_for(
    parts: Page, troubles: Troubles
) -> None:
    troubles.expect("exception: gone")
    parts.evaluate(EXPORT.replace("load: async () => (", "load: async () => globalThis.gone ?? ("))
    count, button = parts.locator(".above p"), parts.get_by_role("button", name="Export CSV")
    expect(count).to_have_text("20,000 agents")
    expect(button).to_be_visible()
    for gone in ("new Promise(() => {})", "Promise.reject(new Error('gone'))"):
        parts.evaluate(
            f"globalThis.gone = {gone}; list.update(new URLSearchParams('status=revoked'))"
        )
        expect(count).to_be_empty()
        expect(button).to_be_hidden()
    expect(parts.get_by_role("alert")).to_be_visible()
    expect(button).to_be_hidden()
    parts.evaluate("globalThis.gone = undefined; list.update(new URLSearchParams())")
    expect(count).to_have_text("20,000 agents")
    expect(button).to_be_visible()


def test_an_export_ends_at_its_bound_and_says_so(parts: Page) -> None:
    parts.evaluate(EXPORT)
    parts.get_by_role("button", name="Export CSV").click()
    answer(parts, 9950, "second")
    parts.wait_for_function("pages.length === 2")
    assert parts.evaluate("pages[1].page.limit") == 50
    answer(parts, 50, "third")
    told = "A file has at most 10,000 agents: of 20,000, only 10,000 are in it. Narrow the list"
    expect(parts.locator(".export .note")).to_contain_text(told)
    assert parts.evaluate("[pages.length, saved.length]") == [2, 1]
    # Where it is not known how many there are, there may be more.
    parts.evaluate(EXPORT.replace("total: 20_000", "total: null"))
    parts.get_by_role("button", name="Export CSV").click()
    answer(parts, 10_000, "second")
    told = "A file has at most 10,000 agents: the first 10,000 are in it."
    expect(parts.locator(".export .note")).to_contain_text(told)


def test_an_export_that_fails_goes_on_where_it_was(parts: Page) -> None:
    parts.evaluate(EXPORT)
    parts.get_by_role("button", name="Export CSV").click()
    answer(parts, 100, "second")
    parts.wait_for_function("pages.length === 2")
    parts.evaluate("pages[1].reject(new api.Problem(503, { code: 'unavailable' }))")
    expect(parts.get_by_role("alert")).to_contain_text("The service is busy.")
    parts.get_by_role("button", name="Try again").click()
    parts.wait_for_function("pages.length === 3")
    assert parts.evaluate("pages[2].page.cursor") == "second"
    expect(parts.get_by_role("button", name="Stop")).to_be_focused()
    answer(parts, 7, None)
    expect(parts.locator("#announcements")).to_contain_text("has 107 agents.")
    expect(parts.locator(".export > span")).to_be_empty()
    expect(parts.get_by_role("alert")).to_have_count(0)
    assert parts.evaluate("saved.length") == 1
