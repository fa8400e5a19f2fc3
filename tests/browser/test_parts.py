"""What lists and forms are made of, each part by itself: filters, orders, pages, drafts, questions.

They stand on a page without a service, so that each is asked for all that it does.
"""

from typing import Any

import pytest
from playwright.sync_api import Page, expect


def place(page: Page) -> str:
    """Where the reader is."""
    found: str = page.evaluate("place()")
    return found


# -- filters and orders ----------------------------------------------------------------------------

FILTERS = """
const text = dom.h("input", { name: "search" });
const narrowing = [
  fields.field("Search", text),
  fields.choice("Status", "status", [["", "Any"], ["active", "Active"], ["revoked", "Revoked"]]),
];
globalThis.made = filters.filters("Agents", router.here().query, narrowing);
put(made.form);
"""


def test_what_is_narrowed_begins_at_its_first_page(parts: Page) -> None:
    parts.evaluate(FILTERS)
    before = parts.evaluate("history.length")
    expect(parts.get_by_label("Status")).to_have_value("active")
    parts.get_by_label("Status").select_option("revoked")
    parts.wait_for_function("place() === '#/agents?status=revoked'")
    parts.evaluate("router.change({ cursor: 'second' }, { replace: true })")
    parts.get_by_label("Search").fill(" press ")
    parts.get_by_label("Search").press("Enter")
    assert place(parts) == "#/agents?status=revoked&search=press"
    parts.evaluate("router.change({ cursor: 'second', page: '2' }, { replace: true })")
    parts.get_by_role("button", name="Clear").click()
    assert place(parts) == "#/agents"
    assert parts.evaluate("history.length") == before  # Back leads away from the list


def test_a_filter_shows_the_place_but_leaves_alone_what_is_being_typed(parts: Page) -> None:
    parts.evaluate(FILTERS)
    parts.get_by_label("Search").press_sequentially("pre")
    parts.evaluate("made.show(new URLSearchParams('status=revoked&search=other'))")
    expect(parts.get_by_label("Search")).to_have_value("pre")
    expect(parts.get_by_label("Status")).to_have_value("revoked")
    parts.get_by_label("Status").focus()
    parts.evaluate("made.show(new URLSearchParams('search=other'))")
    expect(parts.get_by_label("Search")).to_have_value("other")


def test_what_was_typed_on_a_page_that_was_left_narrows_no_other_one(parts: Page) -> None:
    parts.evaluate(FILTERS)
    parts.get_by_label("Status").evaluate(
        """(status) => {
            status.value = "revoked";
            status.dispatchEvent(new Event("input", { bubbles: true }));
            put();
            router.go("#/feed");
        }"""
    )
    # What was to be done at once would have been done before this.
    parts.evaluate("new Promise((done) => setTimeout(done))")
    assert place(parts) == "#/feed"


TABLE = """(sort) => put(table.table({
  caption: "Agents", sort, rows: [{ name: "PC-01" }],
  columns: [
    { title: "Name", sort: "name", cell: ({ name }) => name },
    { title: "Status", cell: () => "Active" },
  ],
}))"""


def test_a_columns_head_orders_by_it_from_the_first_page_on(parts: Page) -> None:
    head = parts.get_by_role("columnheader", name="Name")
    for sort, direction, then in [
        ("", None, "name"),
        ("name", "ascending", "-name"),
        ("-name", "descending", "name"),
    ]:
        parts.evaluate("router.change({ cursor: 'second' }, { replace: true })")
        parts.evaluate(TABLE, sort)
        assert head.get_attribute("aria-sort") == direction
        head.get_by_role("button").click()
        assert place(parts) == f"#/agents?status=active&sort={then}"
    expect(parts.get_by_role("columnheader", name="Status").get_by_role("button")).to_have_count(0)


# -- pages of a list -------------------------------------------------------------------------------

PAGER = "(page) => put(pager.pager({ size: 50, ...page }))"


def pager(page: Page, **told: Any) -> str:
    """Show where in a list one is; what is said of it."""
    page.evaluate(PAGER, told)
    return page.locator(".pager > span").text_content() or ""


def turn(page: Page, way: str) -> str:
    """Turn over; where that leads."""
    page.get_by_role("button", name=f"{way} page").click()
    expect(page.get_by_role("heading")).to_be_focused()
    return place(page)


def test_pages_are_turned_forth_and_back_by_the_cursors_that_one_came_by(parts: Page) -> None:
    parts.evaluate("router.go('#/agents?status=active')")
    assert pager(parts, shown=50, next="second") == "1–50"
    expect(parts.get_by_role("button", name="First page")).to_be_disabled()
    expect(parts.get_by_role("button", name="Previous page")).to_be_disabled()
    assert turn(parts, "Next") == "#/agents?status=active&cursor=second"
    assert pager(parts, shown=50, next="third", total=120) == "51–100 of 120"
    parts.evaluate("router.change({ do: 'revoke' }); router.change({ do: null })")  # a question
    assert pager(parts, shown=50, next="third", total=120) == "51–100 of 120"
    assert turn(parts, "Next") == "#/agents?status=active&cursor=third"
    assert pager(parts, shown=20, next=None) == "101–120 of 120"
    expect(parts.get_by_role("button", name="Next page")).to_be_disabled()
    assert turn(parts, "Previous") == "#/agents?status=active&cursor=second"
    assert pager(parts, shown=50, next="third") == "51–100"
    assert turn(parts, "Previous") == "#/agents?status=active"
    assert pager(parts, shown=50, next="second") == "1–50"
    turn(parts, "Next")
    pager(parts, shown=50, next="third")
    assert turn(parts, "First") == "#/agents?status=active"


def test_in_the_middle_of_a_list_no_number_is_told_that_is_not_known(parts: Page) -> None:
    assert pager(parts, shown=20, next=None) == "20"
    assert pager(parts, shown=20, next=None, total=120) == "20 of 120"
    assert pager(parts, shown=0, next=None) == "none"
    expect(parts.get_by_role("button", name="Previous page")).to_be_disabled()
    assert turn(parts, "First") == "#/agents?status=active"


def test_a_counted_list_has_numbered_pages_and_any_of_them_is_gone_to(parts: Page) -> None:
    field = parts.get_by_role("spinbutton", name="Page")

    def shown(number: int, rows: int = 50) -> str:
        last = {"shown": rows, "next": None if rows < 50 else "x", "total": 120, "skips": True}
        told = pager(parts, **last)
        expect(field).to_have_value(str(number))
        return told

    parts.evaluate("router.go('#/agents?status=active')")
    assert shown(1) == "1–50 of 120"
    expect(parts.get_by_role("button", name="First page")).to_be_disabled()
    expect(parts.get_by_role("button", name="Previous page")).to_be_disabled()
    expect(parts.locator(".jump")).to_have_text("Page  of 3")
    assert turn(parts, "Next") == "#/agents?status=active&page=2"
    assert shown(2) == "51–100 of 120"
    before = parts.evaluate("history.length")
    field.fill("3")
    field.press("Enter")
    expect(parts.get_by_role("heading")).to_be_focused()
    assert parts.evaluate("history.length") == before + 1
    assert place(parts) == "#/agents?status=active&page=3"
    assert shown(3, 20) == "101–120 of 120"
    expect(parts.get_by_role("button", name="Next page")).to_be_disabled()
    for wrong in ("4", "0", ""):
        field.fill(wrong)
        field.press("Enter")
        assert place(parts) == "#/agents?status=active&page=3"
    parts.evaluate("router.go('#/agents?page=9')")  # rows have gone meanwhile
    assert pager(parts, shown=0, next=None, total=120, skips=True) == "none of 120"
    assert turn(parts, "Previous") == "#/agents?page=3"
    assert turn(parts, "First") == "#/agents"
    assert pager(parts, shown=7, next=None, total=7, skips=True) == "1–7 of 7"
    expect(parts.locator(".jump")).to_have_count(0)


def test_behind_the_last_page_that_is_gone_to_by_its_number_there_are_more(parts: Page) -> None:
    parts.evaluate("router.go('#/agents?page=1001')")
    told = pager(parts, shown=50, next="x", total=60_000, skips=True)
    assert told == "50,001–50,050 of 60,000"
    field = parts.get_by_role("spinbutton", name="Page")
    expect(field).to_have_attribute("max", "1001")
    assert turn(parts, "Next") == "#/agents?cursor=x"
    assert pager(parts, shown=50, next="y", total=60_000, skips=True) == "50 of 60,000"
    parts.evaluate("router.go('#/agents?page=-1')")  # an address that somebody has typed
    assert pager(parts, shown=50, next="x", total=120, skips=True) == "1–50 of 120"


LIST = """
globalThis.asked = [];
globalThis.list = list_page.listPage({
  title: "Agents", label: "Agents", what: "agents", noun: ["agent", "agents"],
  query: router.here().query,
  fields: [fields.field("Search", dom.h("input", { name: "search" }))],
  narrowing: ["search", "status"], skips: true,
  async load(query, page) {
    asked.push({ ...page, search: query.get("search") });
    return globalThis.answer;
  },
  show: (rows, query) => dom.h("p", { class: "rows" }, `${rows.length} by ${query.get("sort")}`),
  nothing: (isNarrowed) => dom.h("p", { class: "rows" }, isNarrowed ? "None is so." : "None."),
});
put(list.element);
"""


def listed(page: Page, query: str, answer: dict[str, Any]) -> str:
    """What a list's place shows when the service answers like this; and what is heard."""
    page.evaluate("(answer) => { globalThis.answer = answer; }", answer)
    page.evaluate("(query) => router.go(`#/agents?${query}`)", query)
    page.evaluate("(query) => list.update(new URLSearchParams(query))", query)
    expect(page.locator("main [aria-busy]")).to_have_count(0)
    said = [page.locator(name).text_content() for name in (".rows", "#announcements")]
    return " / ".join(text or "" for text in said)


def test_a_list_shows_its_rows_how_many_there_are_or_why_there_are_none(parts: Page) -> None:
    parts.evaluate("globalThis.answer = { rows: [], next_cursor: null }")
    parts.evaluate(LIST)
    last, full = {"rows": [1, 2], "next_cursor": None}, {"rows": [1, 2], "next_cursor": "x"}
    none: dict[str, Any] = {"rows": [], "next_cursor": None}
    assert listed(parts, "sort=name", last) == "2 by name / 2 agents found"
    assert listed(parts, "sort=name", full) == "2 by name / 2 agents on this page"
    assert listed(parts, "sort=-name&cursor=x", last) == "2 by -name / 2 agents on this page"
    assert listed(parts, "sort=name", {**full, "total": 70}) == "2 by name / 70 agents found"
    expect(parts.locator(".pager > span")).to_have_text("1–2 of 70")
    expect(parts.locator(".above")).to_have_text("70 agents")
    assert listed(parts, "", none) == "None. / 0 agents found"
    assert listed(parts, "status=active", none) == "None is so. / 0 agents found"
    assert listed(parts, "search=press", none) == "None is so. / 0 agents found"
    expect(parts.get_by_label("Search")).to_have_value("press")
    # Whoever has turned over to a page that is empty by now can still turn back.
    assert listed(parts, "sort=name&cursor=x", none).startswith("0 by name")
    assert listed(parts, "sort=name&page=3", {**none, "total": 70}).startswith("0 by name")
    expect(parts.locator(".above")).to_have_text("70 agents")
    assert parts.evaluate("asked.slice(-3)") == [
        {"limit": 50, "cursor": None, "search": "press"},
        {"limit": 50, "cursor": "x", "search": None},
        {"limit": 50, "cursor": None, "search": None, "skip": 100},
    ]
    listed(parts, "sort=name&page=3&cursor=x", none)
    assert "skip" not in parts.evaluate("asked.at(-1)")
    assert listed(parts, "sort=name", full).startswith("2 by name")
    expect(parts.locator(".above")).to_have_text("More than 2 agents")


def test_a_list_is_come_back_to_as_it_was_narrowed_last_and_at_its_first_page(
    parts: Page,
) -> None:
    remembered = "way_back.remembered(['agents'])"
    parts.evaluate("globalThis.answer = { rows: [1], next_cursor: null }")
    assert parts.evaluate(remembered) == {}
    parts.evaluate("router.go('#/agents?status=active&cursor=third&page=3')")
    parts.evaluate(LIST)  # by a link that narrows it
    assert parts.evaluate(remembered) == {"status": "active"}
    listed(parts, "status=revoked&sort=-name&page=2", {"rows": [1], "next_cursor": None})
    assert parts.evaluate(remembered) == {"status": "revoked", "sort": "-name"}
    assert parts.evaluate("way_back.remembered(['feed'])") == {}


@pytest.mark.parametrize("is_typing", [False, True])
def test_rows_that_come_back_take_the_focus_from_nobody_who_types(
    parts: Page, *, is_typing: bool
) -> None:
    parts.evaluate("history.replaceState({ left: { y: 0, key: 'second' } }, '')")
    parts.evaluate("void (globalThis.answer = new Promise((done) => { globalThis.come = done; }))")
    row = 'dom.h("a", { href: "#/agent", "data-key": "second" }, "Second")'
    parts.evaluate(LIST.replace("show:", f"show: () => {row}, other:"))
    if is_typing:
        parts.get_by_label("Search").press_sequentially("se")
    parts.evaluate("come({ rows: [1], next_cursor: null })")
    link = parts.get_by_role("link", name="Second")
    expect(link).to_be_visible()
    expect(parts.get_by_label("Search") if is_typing else link).to_be_focused()


def test_a_choice_shows_what_the_place_says_though_it_is_none_of_it(parts: Page) -> None:
    parts.evaluate(FILTERS)
    parts.evaluate("made.show(new URLSearchParams('status=lent'))")
    expect(parts.get_by_label("Status")).to_have_value("lent")
    expect(parts.locator(".fold")).to_have_text("Filter: lent")
    parts.evaluate("""
      const choice = fields.choice("Order", "sort", [["", "Name"], ["-name", "Backwards"]]);
      put(filters.filters("Agents", new URLSearchParams("sort=name"), [choice]).form);
    """)
    expect(parts.get_by_label("Order")).to_have_value("")  # which is what that order is called


def test_what_leaves_rows_out_is_told_where_filters_are_folded_and_a_day_with_its_field(
    parts: Page,
) -> None:
    parts.evaluate("""
      const day = fields.field("From", dom.h("input", { name: "from", type: "date" }));
      const order = fields.choice("Order", "sort", [["", "Name"], ["-name", "Backwards"]]);
      const query = new URLSearchParams("from=2026-11-01&sort=-name");
      put(filters.filters("Feed", query, [day, order]).form);
    """)
    expect(parts.locator(".fold")).to_have_text("Filter: From 2026-11-01")


# -- drafts ----------------------------------------------------------------------------------------

FORM = """
const form = dom.h("form", {},
  fields.field("Label", dom.h("input", { name: "label", value: "before" })),
  fields.field("Primary", dom.h("input", { name: "primary", type: "checkbox", value: "yes" })),
  fields.choice("Status", "status", [["active", "Active"], ["paused", "Paused"]]),
);
globalThis.wasKept = form_drafts.keep(form, "one");
put(form);
"""


def test_what_was_typed_is_there_again_until_it_is_thrown_away(parts: Page) -> None:
    parts.evaluate(FORM)
    assert parts.evaluate("wasKept") is False
    parts.get_by_label("Label").fill("  Press hall ")
    parts.get_by_label("Primary").check()
    parts.get_by_label("Status").select_option("paused")
    typed = {"label": "Press hall", "primary": "yes", "status": "paused"}
    assert parts.evaluate("form_drafts.draft('one')") == typed
    assert parts.evaluate("form_drafts.draft('another')") == {}
    parts.evaluate(FORM)
    assert parts.evaluate("wasKept") is True
    expect(parts.get_by_label("Label")).to_have_value("Press hall")
    expect(parts.get_by_label("Primary")).to_be_checked()
    expect(parts.get_by_label("Status")).to_have_value("paused")
    parts.get_by_label("Primary").uncheck()
    parts.evaluate(FORM)
    expect(parts.get_by_label("Primary")).not_to_be_checked()
    parts.evaluate("form_drafts.forget('one')")
    parts.evaluate(FORM)
    assert parts.evaluate("wasKept") is False
    expect(parts.get_by_label("Label")).to_have_value("before")
    expect(parts.get_by_label("Status")).to_have_value("active")


# -- questions -------------------------------------------------------------------------------------

ASK = """(options) => {
  globalThis.reasons ??= [];
  dialogs.shut();
  put(
    dom.h("button", { "data-key": "other" }, "Other"),
    dom.h("button", { "data-key": "end" }, "End…"),
  );
  document.querySelector("[data-key=end]").focus();
  router.change({ do: "end" });
  dialogs.asking(() => ({
    title: "End it?", text: ["It ends."], verb: "End it", draft: "end.one",
    async act(reason) {
      reasons.push(reason);
      if (options.fails) throw new api.Problem(503, { code: "unavailable" });
    },
    ...options,
  }))();
}"""


def test_a_reason_is_given_trimmed_and_forgotten_once_it_has_been(parts: Page) -> None:
    parts.evaluate(ASK, {"fails": True})
    assert parts.evaluate("dialogs.isAsking()") is True
    parts.get_by_label("Reason").fill("  the seat is needed ")
    parts.get_by_role("button", name="End it").click()
    expect(parts.get_by_role("alert")).to_contain_text("The service is busy.")
    parts.evaluate(ASK, {})  # as after a reload
    expect(parts.get_by_label("Reason")).to_have_value("the seat is needed")
    parts.get_by_role("button", name="End it").click()
    expect(parts.get_by_role("dialog")).to_have_count(0)
    assert parts.evaluate("[dialogs.isAsking(), place()]") == [
        False,
        "#/agents?status=active&cursor=third",
    ]
    assert parts.evaluate("reasons") == ["the seat is needed"] * 2
    parts.evaluate(ASK, {})
    expect(parts.get_by_label("Reason")).to_have_value("")


@pytest.mark.parametrize(("way", "kept"), [("Cancel", ""), ("Escape", "the seat is needed")])
def test_a_reason_is_forgotten_by_cancel_and_kept_by_a_key_that_may_have_been_pressed_by_chance(
    parts: Page, way: str, kept: str
) -> None:
    parts.evaluate(ASK, {})
    parts.get_by_label("Reason").fill("the seat is needed")
    if way == "Cancel":
        parts.get_by_role("button", name="Cancel").click()
    else:
        parts.keyboard.press("Escape")
    expect(parts.get_by_role("dialog")).to_have_count(0)
    expect(parts.get_by_role("button", name="End…")).to_be_focused()
    parts.evaluate(ASK, {})
    expect(parts.get_by_label("Reason")).to_have_value(kept)
    assert parts.evaluate("reasons") == []


def test_after_a_question_the_reader_is_where_it_was_asked(parts: Page) -> None:
    parts.evaluate(ASK, {})
    # The page behind it is loaded anew: with what had opened it, or without.
    anew = (
        "(key) => put(dom.h('button', { 'data-key': 'x' }), dom.h('button', { 'data-key': key }))"
    )
    parts.evaluate(anew, "end")
    parts.evaluate("dialogs.shut()")
    assert parts.evaluate("document.activeElement.dataset.key") == "end"
    parts.evaluate(ASK, {})
    parts.evaluate(anew, "elsewhere")
    parts.evaluate("dialogs.shut()")
    expect(parts.get_by_role("heading", name="Parts")).to_be_focused()


def test_what_cannot_be_undone_looks_like_it_and_is_asked_for_no_reason_without_a_draft(
    parts: Page,
) -> None:
    parts.evaluate(ASK, {})
    usual = parts.get_by_role("button", name="End it")
    colour = usual.evaluate("(button) => getComputedStyle(button).backgroundColor")
    parts.evaluate(ASK, {"grave": True, "draft": None})
    expect(parts.get_by_label("Reason")).to_have_count(0)
    grave = usual.evaluate("(button) => getComputedStyle(button).backgroundColor")
    assert grave != colour


def test_a_choice_begins_with_what_is_chosen_already(parts: Page) -> None:
    parts.evaluate("put(fields.choice('Status', 'status', [['a', 'A'], ['b', 'B']], 'b'))")
    expect(parts.get_by_label("Status")).to_have_value("b")
