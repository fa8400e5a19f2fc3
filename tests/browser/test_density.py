"""How much of a list is seen at once: measured in pixels, on a desktop, a phone and magnified."""

import pytest
from playwright.sync_api import Page, expect

from licensing.adapters.dynamo.items import license_item
from tests.browser.looks import Look
from tests.browser.portal import Portal
from tests.browser.test_agents import varied_agents

pytestmark = pytest.mark.sampled(7)

_DESKTOP = Look("1440", width=1440, height=900)
_PHONE = Look("390", width=390, height=844, touch=True)
_MAGNIFIED = Look("200-percent", width=720, height=450)  # of 1440 by 900
_NARROW = (_PHONE, _MAGNIFIED)

_FIRST_ROW, _ROW, _CARD = 360, 34, 110  # pixels at most
_ROWS = """
() => [...document.querySelectorAll("main tbody tr, .entries li")].map((row) => {
  const { y, height } = row.getBoundingClientRect();
  return [y + scrollY, height];
})
"""


@pytest.fixture
def crowded(portal: Portal) -> Portal:
    """A portal with agents of several kinds: some have a label and a computer's name."""
    portal.put(map(license_item, varied_agents(12)))
    return portal


def measured(page: Page, rows: str = "main tbody tr") -> tuple[float, float]:
    """Where a list's first row begins, and how high its highest row is."""
    expect(page.locator(rows).first).to_be_visible()
    expect(page.locator("main [aria-busy=true]")).to_have_count(0)
    found: list[list[float]] = page.evaluate(_ROWS)
    return found[0][0], max(height for _, height in found)


@pytest.mark.parametrize("look", [_DESKTOP, *_NARROW], ids=str)
def test_lists_show_their_first_rows_within_the_first_screen_and_many_of_them(
    page: Page, crowded: Portal, look: Look
) -> None:
    highest = _CARD if look in _NARROW else _ROW
    crowded.visit(page, "olivia", "/organizations/acme/agents?status=active")
    first, height = measured(page)
    assert first <= _FIRST_ROW
    assert height <= highest
    # A home begins with what needs attention; its rows are as low.
    page.goto(crowded.address("/organizations"))
    expect(page.get_by_role("heading", level=1, name="Organizations")).to_be_visible()
    _, height = measured(page)
    assert height <= highest


@pytest.mark.parametrize("look", _NARROW, ids=str)
def test_a_feeds_first_entry_is_within_the_first_screen(page: Page, crowded: Portal) -> None:
    crowded.log_in_agent("PC-1")
    crowded.visit(page, "ada", "/organizations/acme/feed")
    first, _ = measured(page, ".entries li")
    assert first <= _FIRST_ROW


@pytest.mark.parametrize("look", _NARROW, ids=str)
def test_a_card_begins_with_the_name_and_the_state(page: Page, crowded: Portal) -> None:
    crowded.visit(page, "ada", "/organizations/acme/agents")
    row = page.get_by_role("row", name="Press hall").first
    name, state = row.get_by_role("link"), row.locator(".badge").first
    rest = row.get_by_role("cell").nth(1)
    boxes = [one.bounding_box() for one in (name, state, rest)]
    assert all(boxes)
    tops = [box["y"] for box in boxes if box]
    assert abs(tops[0] - tops[1]) < 8 < tops[2] - tops[0]  # side by side, then the rest


@pytest.mark.parametrize("look", [_PHONE], ids=str)
def test_filters_fold_where_there_is_no_room_and_say_what_is_set(
    page: Page, crowded: Portal
) -> None:
    crowded.visit(page, "ada", "/organizations/acme/agents?status=active&primary=true")
    fold = page.get_by_role("button", name="Filter")
    expect(fold).to_have_text("Filter: Active, Primary only")
    expect(fold).to_have_attribute("aria-expanded", "false")
    expect(page.get_by_label("Search")).to_be_visible()
    expect(page.get_by_label("Status")).to_be_hidden()
    fold.click()
    expect(fold).to_have_attribute("aria-expanded", "true")
    page.get_by_label("Status").select_option("Blocked")
    expect(fold).to_have_text("Filter: Blocked, Primary only")
    page.get_by_role("button", name="Clear").click()
    expect(fold).to_have_text("Filter")
    fold.click()
    expect(page.get_by_label("Status")).to_be_hidden()


@pytest.mark.parametrize("look", [_DESKTOP], ids=str)
def test_filters_are_all_there_in_one_line_where_there_is_room(page: Page, crowded: Portal) -> None:
    crowded.visit(page, "ada", "/organizations/acme/agents")
    expect(page.get_by_role("button", name="Filter")).to_have_count(0)
    fields = page.get_by_role("search").locator("input, select")
    expect(fields.first).to_be_visible()
    bottoms = fields.evaluate_all(
        "(all) => all.map((one) => Math.round(one.getBoundingClientRect().bottom))"
    )
    assert len(set(bottoms)) == 1
    assert len(bottoms) > 3


def test_a_full_mark_is_full_on_paper_too_and_an_open_one_open(page: Page, crowded: Portal) -> None:
    """Printers leave backgrounds out: an open mark means something else."""
    crowded.visit(page, "ada", "/organizations/acme/agents")
    expect(page.get_by_role("table")).to_be_visible()
    marks = page.locator("tbody .badge").evaluate_all(
        """(all) => all.map((one) => {
          const { width, borderTopWidth } = getComputedStyle(one, "::before");
          return [one.className, parseFloat(width) - 2 * parseFloat(borderTopWidth)];
        })"""
    )
    for kind, hollow in marks:
        is_open = kind in {"badge badge-dissociated", "badge badge-revoked"}
        assert (hollow > 2) == is_open, kind  # pixels


def test_the_page_to_sign_in_has_its_header_above_its_content(page: Page, portal: Portal) -> None:
    page.goto(portal.address())
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    edges: list[float] = page.evaluate(
        """() => [".brand", "main h1"].map((name) => {
          const text = document.createRange();
          text.selectNodeContents(document.querySelector(name));
          return Math.round(text.getBoundingClientRect().left);
        })"""
    )
    assert edges[0] == edges[1]
