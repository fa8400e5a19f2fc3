"""Across organizations: a super-admin finds an agent, and sees clones and refusals, of whomever."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.portal import Portal
from tests.browser.test_requests import MADE, Api, api
from tests.browser.test_subjects import _license
from tests.browser.test_widgets import EVENT
from tests.browser.troubles import Troubles

__all__ = ["api"]  # a fixture

pytestmark = pytest.mark.sampled(5)

_KEY = "LK1-A-SECRET-KEY"


def _found(taken_for: str, *licenses: dict[str, Any], **others: Any) -> dict[str, Any]:
    told = {"taken_for": taken_for, "licenses": licenses, "temporary_license": None}
    return {"json": {**told, "next_cursor": None, **others}}


def _agent(number: int, organization: str = "acme") -> dict[str, Any]:
    return _license(
        id=f"lic_{number}",
        organization_id=organization,
        computer_name=f"BUILD-{number}",
        issued_by="1b9d6bcd",
        issued_by_name="Alice",
    )


def _search(page: Page, text: str) -> None:
    page.get_by_label("Agent", exact=True).fill(text)
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("button", name="Search")).to_be_enabled()


def _rows(page: Page) -> Locator:
    return page.get_by_role("table", name="Agents found").locator("tbody tr")


def test_agents_are_found_by_how_their_computers_name_begins_whosever_they_are(
    parts: Page, api: Api
) -> None:
    parts.evaluate("names.learnName({ id: 'bolt', name: 'Bolt & Co' })")
    parts.evaluate(MADE, ["machines", ""])
    first = _found("computer_name", _agent(1), _agent(2, "bolt"), next_cursor="more")
    api.answers = [first, _found("computer_name", _agent(3))]
    _search(parts, " build- ")
    expect(
        parts.get_by_text("Taken for a computer's name: these begin with “build-”.")
    ).to_be_visible()
    expect(_rows(parts)).to_have_count(2)
    expect(_rows(parts).nth(1)).to_contain_text("BUILD-2Bolt & CoproductionActive")
    expect(_rows(parts).nth(1)).to_contain_text("Alice")
    places = _rows(parts).nth(1).locator("a").evaluate_all("(all) => all.map((a) => a.hash)")
    assert places == ["#/organizations/bolt/agents/lic_2", "#/organizations/bolt"]
    parts.get_by_role("button", name="More").click()
    expect(_rows(parts)).to_have_count(3)
    expect(parts.get_by_role("button", name="More")).to_have_count(0)
    assert [told["body"]["cursor"] for told in api.asked] == [None, "more"]
    # Who comes back from one of them finds the others.
    parts.evaluate(MADE, ["machines", ""])
    expect(_rows(parts)).to_have_count(3)
    expect(parts.get_by_label("Agent", exact=True)).to_have_value("build-")


def test_a_key_finds_its_agent_and_is_left_nowhere(parts: Page, api: Api) -> None:
    parts.evaluate(MADE, ["machines", ""])
    api.answers = [_found("computer_name", _agent(2)), _found("license_key", _agent(1))]
    _search(parts, "build-")
    _search(parts, _KEY)
    expect(parts.get_by_text("Taken for a license key")).to_be_visible()
    expect(_rows(parts)).to_have_count(1)
    assert api.asked[-1]["ask"] == "POST /licenses/search"
    left = "JSON.stringify([{ ...sessionStorage }, { ...localStorage }, history.state, location])"
    assert _KEY not in parts.evaluate(left)
    assert _KEY not in parts.locator("#part").inner_text()
    parts.evaluate(MADE, ["machines", ""])
    expect(parts.get_by_label("Agent", exact=True)).to_have_value("")
    expect(_rows(parts)).to_have_count(0)


HELD = """
globalThis.fetch = (url, { body, signal }) => new Promise((resolve, reject) => {
  signal?.addEventListener("abort", () => reject(signal.reason));
  const answer = (told, status = 200) => resolve(Response.json(told, { status }));
  held.push({ ...JSON.parse(body), signal, answer });
});
globalThis.held = [];
"""


def _answer(page: Page, which: int, told: dict[str, Any]) -> None:
    """Let one of the requests be answered that are held."""
    page.evaluate("([which, told]) => held[which].answer(told)", [which, told["json"]])


def test_what_is_searched_last_is_shown_whenever_the_answers_come(parts: Page, api: Api) -> None:
    parts.evaluate(MADE, ["machines", ""])
    api.answers = [_found("computer_name", _agent(1), next_cursor="more")]
    _search(parts, "build-")
    expect(_rows(parts)).to_have_count(1)
    parts.evaluate(HELD)
    parts.get_by_role("button", name="More").click()
    parts.get_by_label("Agent", exact=True).fill("other-")
    parts.get_by_label("Agent", exact=True).press("Enter")
    parts.wait_for_function("held.length === 2")
    assert parts.evaluate("held.map(({ text }) => text)") == ["build-", "other-"]
    _answer(parts, 1, _found("computer_name", _agent(7), _agent(8), _agent(9)))
    expect(_rows(parts)).to_have_count(3)
    _answer(parts, 0, _found("computer_name", _agent(2)))
    parts.evaluate("new Promise((resolve) => setTimeout(resolve))")
    expect(parts.locator("#announcements")).to_have_text("3 agents found")
    expect(_rows(parts).first).to_contain_text("BUILD-7")
    # Who comes back finds that, too.
    parts.evaluate(MADE, ["machines", ""])
    expect(_rows(parts)).to_have_count(3)
    expect(parts.get_by_label("Agent", exact=True)).to_have_value("other-")


@pytest.mark.usefixtures("api")
def test_a_search_that_is_left_says_and_keeps_nothing(parts: Page) -> None:
    parts.evaluate(MADE, ["machines", ""])
    parts.evaluate(HELD)
    parts.get_by_label("Agent", exact=True).fill("build-")
    parts.get_by_label("Agent", exact=True).press("Enter")
    parts.wait_for_function("held.length === 1")
    parts.evaluate("made.stop()")
    _answer(parts, 0, _found("computer_name", _agent(1)))
    parts.evaluate("new Promise((resolve) => setTimeout(resolve))")
    expect(parts.locator("#announcements")).to_be_empty()
    parts.evaluate(MADE, ["machines", ""])
    expect(parts.get_by_label("Agent", exact=True)).to_have_value("")


def test_who_asks_for_more_goes_on_with_the_first_that_is_new(parts: Page, api: Api) -> None:
    parts.evaluate(MADE, ["machines", ""])
    pages = [_found("computer_name", _agent(number), next_cursor="more") for number in (1, 2, 3)]
    api.answers = [pages[0], pages[1], _found("computer_name", next_cursor="more"), pages[2]]
    _search(parts, "build-")
    more = parts.get_by_role("button", name="More")
    more.press("Enter")
    expect(_rows(parts).get_by_role("link", name="BUILD-2")).to_be_focused()
    more.press("Enter")
    expect(more).to_be_focused()  # nobody was added
    parts.evaluate(HELD)
    more.press("Enter")
    parts.wait_for_function("held.length === 1")
    parts.get_by_label("Agent", exact=True).focus()
    _answer(parts, 0, pages[2])
    expect(_rows(parts)).to_have_count(3)
    expect(parts.get_by_label("Agent", exact=True)).to_be_focused()  # who has gone on stays there


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("way", ["leaves", "clears"])
def test_a_lookup_that_nobody_waits_for_is_stopped_and_says_nothing(parts: Page, way: str) -> None:
    parts.evaluate(MADE, ["machines", ""])
    parts.evaluate(HELD)
    parts.get_by_label("Computer name").fill("BUILD-1")
    parts.get_by_label("Machine id").fill("m-1")
    parts.get_by_role("button", name="Find").click()
    parts.wait_for_function("held.length === 1")
    if way == "leaves":
        parts.evaluate("made.stop()")
    else:
        parts.get_by_role("button", name="Clear").click()
    assert parts.evaluate("held[0].signal.aborted")
    found: dict[str, Any] = {"holders": [], "compared": [], "not_counted": []}
    _answer(parts, 0, {"json": found})
    parts.evaluate("new Promise((resolve) => setTimeout(resolve))")
    expect(parts.locator("#announcements")).to_be_empty()
    expect(parts.get_by_text("Nobody holds a machine")).to_have_count(0)
    expect(parts.get_by_role("alert")).to_have_count(0)


def test_more_that_fails_says_so_once_and_is_tried_again(
    parts: Page, api: Api, troubles: Troubles
) -> None:
    troubles.expect("status of 503")
    parts.evaluate(MADE, ["machines", ""])
    busy = {"status": 503, "json": {"code": "unavailable"}}
    first = _found("computer_name", _agent(1), next_cursor="more")
    api.answers = [first, busy, busy, busy, _found("computer_name", _agent(2))]
    _search(parts, "build-")
    for asked, button in [(2, "More"), (3, "More"), (4, "Try again")]:
        parts.get_by_role("button", name=button).click()
        expect(parts.get_by_role("button", name="More")).to_be_enabled()
        assert len(api.asked) == asked
        expect(parts.get_by_role("alert")).to_have_count(1)
        expect(_rows(parts)).to_have_count(1)
    expect(parts.get_by_role("button", name="More")).to_be_focused()
    parts.get_by_role("button", name="Try again").click()
    expect(_rows(parts)).to_have_count(2)
    expect(parts.get_by_role("alert")).to_have_count(0)


def test_a_temporary_license_leads_to_its_organizations_list(parts: Page, api: Api) -> None:
    parts.evaluate(MADE, ["machines", ""])
    temporary = {"id": "lic_9", "organization_id": "acme", "status": "active", "note": "For Inge"}
    api.answers = [_found("license_id", temporary_license=temporary)]
    _search(parts, "lic_9")
    note = parts.locator("#part .note")
    expect(note).to_have_text("A temporary license, lic_9, of acme: Active “For Inge”")
    expect(note.get_by_role("link")).to_have_attribute("href", "#/organizations/acme/temporary")


def test_a_search_without_success_says_what_was_looked_for(
    parts: Page, api: Api, troubles: Troubles
) -> None:
    parts.evaluate(MADE, ["machines", ""])
    for taken_for, said in [
        ("computer_name", "Names are compared from their beginning"),
        ("license_id", "No license has this id."),
        ("license_key", "No license has this key."),
    ]:
        api.answers = [_found(taken_for)]
        _search(parts, "something")
        expect(parts.locator("#part .empty")).to_contain_text(said)
    troubles.expect("status of 400")
    wrong = {"pointer": "/text", "detail": "The key is mistyped."}
    api.answers = [{"status": 400, "json": {"code": "invalid_request", "errors": [wrong]}}]
    _search(parts, _KEY)
    expect(parts.get_by_label("Agent", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(parts.get_by_text("The key is mistyped.")).to_be_visible()
    expect(parts.locator("#part .empty")).to_have_count(0)
    api.answers = [_found("license_id")]
    _search(parts, "lic_1")
    expect(parts.get_by_text("The key is mistyped.")).to_have_count(0)


def test_clones_come_first_and_refusals_are_chosen_and_each_says_whose_it_is(
    parts: Page, api: Api
) -> None:
    parts.evaluate("names.learnName({ id: 'bolt', name: 'Bolt & Co' })")
    clone = {**EVENT, "type": "CloneSuspected", "reason": "clone_suspected", "times": 1}
    events = [clone, {**clone, "organization_id": "bolt", "license_id": "lic_2"}]
    for query, asked in [
        ("", "type=CloneSuspected"),
        ("type=CloneSuspected&cursor=second", "type=CloneSuspected&cursor=second"),
        ("type=AccessRefused", "type=AccessRefused"),
    ]:
        api.asked.clear()
        api.answers = [{"json": {"events": events, "next_cursor": None}}]
        parts.evaluate(MADE, ["across", query])
        expect(parts.locator(".entries > li")).to_have_count(2)
        (told,) = api.asked
        path, _, given = told["ask"].partition("?")
        assert path == "GET /events"
        assert set(given.split("&")) == {"limit=50", *asked.split("&")}
        chosen = parts.get_by_label("What").evaluate("(one) => one.selectedOptions[0].text")
        assert chosen == ("Refusals" if "Refused" in query else "Suspected clones")
    second = parts.locator(".entries > li").nth(1)
    places = second.locator("strong ~ a").evaluate_all("(all) => all.map((a) => a.hash)")
    assert places == ["#/organizations/bolt/agents/lic_2", "#/organizations/bolt"]
    expect(second.get_by_role("link", name="Bolt & Co")).to_be_visible()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "No clone is suspected."),
        ("type=AccessRefused", "Nothing was refused."),
        ("from=2026-11-01", "Choose a longer time"),
    ],
)
def test_where_nothing_has_happened_that_is_said(
    parts: Page, api: Api, query: str, said: str
) -> None:
    parts.evaluate(MADE, ["across", query])
    expect(parts.locator("#part .empty")).to_contain_text(said)
    assert len(api.asked) == 1


def test_a_super_admin_finds_what_there_is_in_any_organization(page: Page, portal: Portal) -> None:
    agent = portal.log_in_agent("BUILD-SRV-07")
    portal.log_in_agent("BUILD-SRV-08", "boris")
    portal.visit(page, "olivia", "/machines")
    _search(page, "build-srv")
    expect(_rows(page)).to_have_count(2)
    _search(page, agent.key)
    expect(_rows(page)).to_have_count(1)
    assert agent.key not in page.url
    _rows(page).get_by_role("link", name="BUILD-SRV-07").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("BUILD-SRV-07 · production")
    page.get_by_role("link", name="Clones and refusals").click()
    expect(page.get_by_text("No clone is suspected.")).to_be_visible()
    page.get_by_label("What").select_option("Refusals")
    expect(page.get_by_text("Nothing was refused.")).to_be_visible()


def test_clones_and_refusals_are_narrowed_to_days_and_paged(parts: Page, api: Api) -> None:
    parts.evaluate(MADE, ["across", "type=AccessRefused&from=2026-11-01&until=2026-11-01"])
    expect(parts.locator("main [aria-busy]")).to_have_count(0)
    given = dict(parse_qsl(api.asked[0]["ask"].partition("?")[2]))
    first, last = (datetime.fromisoformat(given[name]) for name in ("from", "before"))
    assert last - first == timedelta(days=1)
    parts.evaluate("made.update(new URLSearchParams('type=CloneSuspected&cursor=second'))")
    expect(parts.locator("main [aria-busy]")).to_have_count(0)
    assert set(api.asked[1]["ask"].partition("?")[2].split("&")) == {
        *("limit=50", "type=CloneSuspected", "cursor=second"),
    }
    expect(parts.get_by_label("What")).to_have_value("")
