"""Names that are long, or run from right to left, spoil no page; times say the same everywhere."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.looks import DESKTOP, Look
from tests.browser.portal import Portal
from tests.browser.test_agent import dialog, fact, history, place
from tests.local import cast

pytestmark = pytest.mark.sampled(7)

_WIDE = Look("wide", width=1440, height=900)
_PHONE = Look("phone-390", width=390, height=844, touch=True)
_HEBREW, _ARABIC = "עמדת אריזה", "محطة ٣"
_TOO_WIDE = "() => document.documentElement.scrollWidth - innerWidth"
# The left edges of words, as they are seen.
_EDGES = """
(element, words) => {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const edges = {};
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    for (const word of words) {
      const at = node.data.indexOf(word);
      if (at >= 0) {
        const range = new Range();
        range.setStart(node, at);
        range.setEnd(node, at + word.length);
        edges[word] = range.getBoundingClientRect().left;
      }
    }
  }
  return words.map((word) => edges[word]);
}
"""


def in_this_order(element: Locator, *words: str) -> None:
    edges = element.evaluate(_EDGES, list(words))
    assert edges == sorted(edges), dict(zip(words, edges, strict=True))


def test_a_name_from_right_to_left_turns_nothing_around_it(page: Page, portal: Portal) -> None:
    agent = portal.log_in_agent("PC-1")
    for label in (_HEBREW, _ARABIC):
        portal.call("PATCH", f"/v1/licenses/{agent.id}", {"label": label}).expect(200)
    portal.visit(page, "ada", place(agent))
    change = history(page).first.locator(".change")
    expect(change).to_be_visible()
    in_this_order(change, "label:", "עמדת", "→", "محطة")
    page.get_by_role("button", name="Block…").click()
    title = dialog(page).get_by_role("heading")
    in_this_order(title, "Block", "محطة", "?")
    dialog(page).get_by_role("button", name="Cancel").click()
    portal.change_organization("acme", name=f"{_HEBREW} 7")
    page.goto(portal.address("/organizations/acme?do=block-clones"))
    in_this_order(dialog(page).get_by_role("heading"), "agents of", "עמדת", "?")


def test_a_computer_from_right_to_left_turns_no_address_behind_it(
    page: Page, portal: Portal
) -> None:
    portal.change_organization("acme", max_agents=0)
    machine = {**cast.MACHINE_A, "computer_name": _HEBREW}
    assert portal.call("POST", "/v1/licenses", cast.login(machine), user="alice").status == 409
    portal.visit(page, "ada", "/organizations/acme/feed")
    entry = page.locator(".entries li", has_text="all seats were taken")
    expect(entry).to_be_visible()
    in_this_order(entry, " · on", "עמדת", " · from", " · agent")


@pytest.mark.parametrize("look", [DESKTOP, _WIDE, _PHONE], ids=str)
def test_names_as_long_as_they_may_be_fit_every_page(page: Page, portal: Portal) -> None:
    agent = portal.log_in_agent("C" * 63)
    portal.call("PATCH", f"/v1/licenses/{agent.id}", {"label": "L" * 100}).expect(200)
    portal.call("POST", f"/v1/licenses/{agent.id}/detach", {"reason": "R" * 500}).expect(200)
    long = "a" * 63
    terms = {"valid_until": "2030-01-01T00:00:00Z", "status": "active", "max_agents": None}
    body = {"name": "N" * 200, **terms}
    portal.call("PUT", f"/v1/organizations/{long}", body, user="olivia").expect(201)
    portal.visit(page, "olivia")
    for there in (
        "/organizations",
        f"/organizations/{long}",
        f"/organizations/{long}?do=block-clones",
        f"/organizations/{long}/edit",
        f"/organizations/{long}/temporary",
        "/organizations/acme/agents",
        f"{place(agent)}?do=attach",
        "/organizations/acme/feed",
    ):
        page.goto(portal.address(there))
        expect(page.locator("h1")).to_have_count(1)
        expect(page.locator("main [aria-busy=true]")).to_have_count(0)
        assert page.evaluate(_TOO_WIDE) <= 0, there
        if "do=" in there:
            box = dialog(page)
            expect(box).to_be_visible()
            assert box.evaluate("(one) => one.scrollWidth - one.clientWidth") <= 0, there


def test_what_is_left_and_when_it_ends_say_the_same(page: Page, portal: Portal) -> None:
    portal.visit(page, "olivia", "/organizations/acme/temporary")
    page.clock.install(time=datetime.now(UTC))
    page.get_by_label("3 hours").check()
    page.get_by_role("button", name="Generate").click()
    row = page.get_by_role("table").get_by_role("row").nth(1)
    expect(row).to_contain_text("3 h")
    expect(page.get_by_text("(in 3 h)")).to_be_visible()


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (timedelta(hours=2, minutes=59, seconds=30), "in 3 h"),
        (timedelta(hours=2, minutes=30), "in 2 h 30 min"),
        (timedelta(minutes=5), "in 5 min"),
        (timedelta(hours=24), "in 1 day"),
        (timedelta(days=2, hours=5), "in 2 days"),
    ],
)
def test_what_is_to_come_is_told_to_the_minute_within_a_day(
    page: Page, portal: Portal, left: timedelta, said: str
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    page.clock.set_fixed_time(now)
    portal.change_organization("acme", valid_until=f"{now + left:%Y-%m-%dT%H:%M:%SZ}")
    portal.visit(page, "ada", "/organizations/acme")
    expect(fact(page, "Valid until")).to_contain_text(f"({said})")


def test_days_that_are_left_are_those_that_are_to_come(page: Page, portal: Portal) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    page.clock.set_fixed_time(now)
    soon = now + timedelta(days=5, seconds=-30)
    portal.change_organization("acme", valid_until=f"{soon:%Y-%m-%dT%H:%M:%SZ}")
    portal.visit(page, "ada", "/organizations/acme")
    expect(fact(page, "Valid until")).to_contain_text("(in 5 days)")
    expect(fact(page, "Time left")).to_have_text("5 days left")
