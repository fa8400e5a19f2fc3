"""What pages are made of, each part by itself: filters, orders, pages of lists, drafts, questions.

They stand on a page without a service, so that each is asked for all that it does.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.site import site

_INDEX = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><title>Parts</title>
<link rel="stylesheet" href="style.css"><script type="module" src="parts.js"></script>
</head>
<body><main id="main"><h1 tabindex="-1">Parts</h1><div id="part"></div></main>
<div id="announcements"></div></body>
</html>
"""
_SCRIPTS = ["api", "dialogs", "dom", "event-list", "filters", "form-drafts", "labels"]
_SCRIPTS += ["router", "widgets"]
_JS = "\n".join(
    [
        *(f'import * as {name.replace("-", "_")} from "./{name}.js";' for name in _SCRIPTS),
        f"Object.assign(globalThis, {{ {', '.join(_SCRIPTS).replace('-', '_')} }});",
        "globalThis.put = (...parts) => document.getElementById('part').replaceChildren(...parts);",
        "globalThis.place = () => location.hash;",
        "globalThis.fromNow = (at = '2027-01-31T12:00:00Z') => labels.fromNow(at);",
    ]
)


@pytest.fixture(scope="module")
def parts_url() -> Iterator[str]:
    with site({"index.html": _INDEX, "parts.js": _JS}) as url:
        yield url


@pytest.fixture
def parts(page: Page, parts_url: str) -> Page:
    """A page with all scripts at hand, and a place for a part."""
    page.goto(f"{parts_url}/#/agents?status=active&cursor=third")
    return page


def place(page: Page) -> str:
    """Where the reader is."""
    found: str = page.evaluate("place()")
    return found


# -- filters and orders ----------------------------------------------------------------------------

FILTERS = """
const text = dom.h("input", { name: "search" });
const fields = [
  widgets.field("Search", text),
  widgets.choice("Status", "status", [["", "Any"], ["active", "Active"], ["revoked", "Revoked"]]),
];
globalThis.made = filters.filters("Agents", router.here().query, fields);
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
    parts.evaluate("router.change({ cursor: 'second' }, { replace: true })")
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


TABLE = """(sort) => put(widgets.table({
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

PAGER = "(page) => put(widgets.pager({ size: 50, ...page }))"


def pager(page: Page, **told: Any) -> str:
    """Show where in a list one is; what is said of it."""
    page.evaluate(PAGER, told)
    return page.locator(".pager span").text_content() or ""


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


# -- drafts ----------------------------------------------------------------------------------------

FORM = """
const form = dom.h("form", {},
  widgets.field("Label", dom.h("input", { name: "label", value: "before" })),
  widgets.field("Primary", dom.h("input", { name: "primary", type: "checkbox", value: "yes" })),
  widgets.choice("Status", "status", [["active", "Active"], ["paused", "Paused"]]),
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
  put(
    dom.h("button", { "data-key": "other" }, "Other"),
    dom.h("button", { "data-key": "end" }, "End…"),
  );
  document.querySelector("[data-key=end]").focus();
  router.change({ do: "end" });
  dialogs.ask({
    title: "End it?", text: ["It ends."], verb: "End it", draft: "end.one",
    async act(reason) {
      reasons.push(reason);
      if (options.fails) throw new api.Problem(503, { code: "unavailable" });
    },
    ...options,
  });
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


@pytest.mark.parametrize("way", ["Cancel", "Escape"])
def test_a_reason_is_forgotten_by_who_thinks_better_of_it(parts: Page, way: str) -> None:
    parts.evaluate(ASK, {})
    parts.get_by_label("Reason").fill("the seat is needed")
    if way == "Cancel":
        parts.get_by_role("button", name="Cancel").click()
    else:
        parts.keyboard.press("Escape")
    expect(parts.get_by_role("dialog")).to_have_count(0)
    expect(parts.get_by_role("button", name="End…")).to_be_focused()
    parts.evaluate(ASK, {})
    expect(parts.get_by_label("Reason")).to_have_value("")
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


# -- what pages say and load -----------------------------------------------------------------------


def test_what_was_done_is_seen_and_what_was_found_is_heard(parts: Page) -> None:
    said = parts.locator("#announcements p")
    parts.evaluate("widgets.announce('PC-01 is blocked.')")
    expect(said).to_have_text("PC-01 is blocked.")
    seen = said.bounding_box()
    parts.evaluate("widgets.whisper('12 agents found')")
    expect(said).to_have_text("12 agents found")
    heard = said.bounding_box()
    assert seen
    assert heard
    assert seen["height"] > 10 > heard["height"]


LOADED = """
const part = widgets.loaded(
  "agents",
  (signal) => new Promise((resolve, reject) => {
    globalThis.answers = [...(globalThis.answers ?? []), { resolve, reject, signal }];
  }),
  (text) => [dom.h("p", { class: "shown" }, text), dom.h("button", { "data-key": "one" }, "One")],
);
globalThis.part = part;
put(part.element);
void part.reload();
"""


def test_a_part_shows_that_it_loads_and_the_newest_answer_alone(parts: Page) -> None:
    parts.evaluate(LOADED)
    busy = parts.locator("[aria-busy=true]")
    expect(busy.get_by_role("status")).to_have_text("Loading agents…")
    parts.evaluate("answers[0].resolve('first')")
    expect(parts.locator(".shown")).to_have_text("first")
    expect(busy).to_have_count(0)
    parts.get_by_role("button", name="One").focus()
    parts.evaluate("part.reload(); void part.reload();")
    assert parts.evaluate("answers.slice(1).map(({ signal }) => signal.aborted)") == [True, False]
    expect(parts.locator(".shown")).to_have_text("first")  # until there is something else
    parts.evaluate("answers[2].resolve('third')")
    expect(parts.locator(".shown")).to_have_text("third")
    expect(parts.get_by_role("button", name="One")).to_be_focused()
    parts.evaluate("answers[1].resolve('second')")
    parts.evaluate("Promise.resolve()")
    expect(parts.locator(".shown")).to_have_text("third")
    parts.evaluate("part.reload(); part.stop();")
    assert parts.evaluate("answers.at(-1).signal.aborted") is True


def test_what_goes_wrong_is_told_with_a_way_on(parts: Page) -> None:
    parts.evaluate(LOADED)
    parts.evaluate("answers[0].reject(new api.Problem(503, { code: 'unavailable' }))")
    expect(parts.get_by_role("alert")).to_contain_text("The service is busy. ")
    parts.get_by_role("button", name="Try again").click()
    parts.evaluate("answers[1].reject(new api.Problem(403, { code: 'forbidden' }))")
    expect(parts.get_by_role("alert")).to_contain_text("You may not do this. ")
    expect(parts.get_by_role("alert").get_by_role("button")).to_have_count(0)


def test_a_button_that_is_at_work_is_not_pressed_again_and_keeps_the_focus(parts: Page) -> None:
    parts.evaluate(
        """
        const button = dom.h("button", { onclick: () => {
          globalThis.work = widgets.working(button, () => new Promise((resolve, reject) => {
            globalThis.end = { resolve, reject };
          })).catch(() => {});
        } }, "Save");
        put(button, dom.h("button", {}, "Other"));
        """
    )
    save = parts.get_by_role("button", name="Save")
    save.click()
    expect(save).to_be_disabled()
    expect(save).to_have_attribute("aria-busy", "true")
    parts.evaluate("end.reject(new Error()), work")
    expect(save).to_be_focused()
    expect(save).not_to_have_attribute("aria-busy", "true")
    save.click()
    parts.get_by_role("button", name="Other").focus()
    parts.evaluate("end.resolve(), work")
    expect(save).to_be_enabled()
    expect(parts.get_by_role("button", name="Other")).to_be_focused()


def test_what_is_wrong_with_a_field_is_said_there_until_it_is_right(parts: Page) -> None:
    parts.evaluate(
        """
        const input = (name, props) => dom.h("input", { name, ...props });
        globalThis.form = dom.h("form", {},
          widgets.field("Name", input("name", { required: true })),
          widgets.field("Id", input("id", { pattern: "[a-z]+", title: "Letters only" }), "Short"),
        );
        put(form);
        form.elements.id.value = "7";
        globalThis.isWrong = widgets.markWrong(form, widgets.wrongFields(form));
        """
    )
    name, identifier = parts.get_by_label("Name"), parts.get_by_label("Id")
    assert parts.evaluate("isWrong") is True
    expect(name).to_be_focused()
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(identifier).to_have_accessible_description("Short ⚠ Letters only")
    expect(parts.locator(".wrong")).to_have_count(2)
    parts.evaluate("widgets.markWrong(form, [{ pointer: '/id', detail: 'Taken' }])")
    expect(identifier).to_be_focused()
    expect(identifier).to_have_accessible_description("Short ⚠ Taken")
    expect(name).not_to_have_attribute("aria-invalid", "true")
    expect(parts.locator(".wrong")).to_have_text(["Taken"])
    assert parts.evaluate("widgets.markWrong(form, [])") is False
    expect(identifier).to_have_accessible_description("Short")


def test_short_forms_tell_all_on_a_closer_look(parts: Page) -> None:
    parts.evaluate(
        """put(
          widgets.person("a-subject"), widgets.thumbprint("a-thumbprint"),
          widgets.statusBadge("detached"), widgets.ago("2027-01-31T12:00:00Z"),
          widgets.exactly("2027-01-31T12:00:00Z"), widgets.empty("None.", "Make ", "one."),
        )"""
    )
    part = parts.locator("#part")
    expect(part.get_by_title("a-subject")).to_have_text("a-subject")
    expect(part.get_by_title("a-thumbprint")).to_have_text("a-thumbprint")
    expect(part.get_by_title("An administrator has blocked it")).to_have_text("Blocked")
    expect(part.get_by_title("31 Jan 2027, 12:00")).to_have_text(parts.evaluate("fromNow()"))
    expect(part.locator("time").last).to_have_text(
        parts.evaluate("`31 Jan 2027, 12:00 (${fromNow()})`")
    )
    assert part.locator("time").last.get_attribute("datetime") == "2027-01-31T12:00:00Z"
    expect(part.locator(".empty")).to_have_text("None.Make one.")


def test_each_status_has_a_mark_of_its_own_that_stands_out(parts: Page) -> None:
    marks = parts.evaluate(
        """Object.keys(labels.STATUS_MEANINGS).map((status) => {
          const badge = widgets.statusBadge(status);
          put(badge);
          const { borderColor, backgroundColor, borderRadius, transform } =
            getComputedStyle(badge, "::before");
          return JSON.stringify([borderColor, backgroundColor, borderRadius, transform]);
        })"""
    )
    assert len(set(marks)) == len(marks)


# -- what happened ---------------------------------------------------------------------------------

EVENT: dict[str, Any] = {
    "id": "1",
    "type": "LicenseUpdated",
    "at": "2027-01-31T12:00:00Z",
    "last_at": None,
    "organization_id": "acme",
    "license_id": "lic_1",
    "before": None,
    "after": None,
    "actor": {"kind": "user", "subject": "ada", "roles": []},
    "reason": None,
    "times": None,
    "source_address": None,
    "other_address": None,
    "agent_version": None,
    "readings": [],
    "components": [],
    "computer_name": None,
}


def told(page: Page, changed: dict[str, Any], *, with_license: bool = True) -> list[str]:
    """What is said of an event that differs by this, a line each."""
    page.evaluate(
        "([event, withLicense]) => put(event_list.entries([event], { withLicense }))",
        [EVENT | changed, with_license],
    )
    return page.locator(".entries li > p").all_text_contents()


def test_an_event_is_told_with_who_from_where_and_what(parts: Page) -> None:
    when = parts.evaluate("fromNow()")
    assert told(parts, {}) == ["Agent marked or labelled · lic_1", f"{when} · ada"]
    assert parts.get_by_role("link").get_attribute("href") == "#/organizations/acme/agents/lic_1"
    assert told(parts, {"reason": "sold"}, with_license=False) == [
        *("Agent marked or labelled", "“sold”", f"{when} · ada"),
    ]
    before = {"computer_name": "PC-01", "label": None}
    assert told(parts, {"before": before, "after": {**before, "label": "Press hall"}}) == [
        "Agent marked or labelled · Press hall",
        "label: none → Press hall",
        f"{when} · ada",
    ]
    source = {"agent_version": "4.5", "source_address": "192.0.2.1"}
    assert told(parts, {"after": before, **source}) == [
        "Agent marked or labelled · PC-01",
        f"{when} · ada · from 192.0.2.1 · agent 4.5",
    ]
    actor = {"kind": "user", "subject": "olivia", "roles": ["super-admin", "member"]}
    read = {"type": "OrganizationRead", "readings": ["organization", "temporary_licenses"]}
    assert told(parts, {**read, "license_id": None, "actor": actor}) == [
        "Read by a super-admin",
        "Organization, Temporary licenses",
        f"{when} · olivia (super-admin, member)",
    ]


def test_a_refusal_is_told_with_why_how_often_and_what_helps(parts: Page) -> None:
    refusal = {"type": "AccessRefused", "reason": "seat_limit_reached", "license_id": None}
    when = parts.evaluate("fromNow()")
    first, *_ = told(parts, {**refusal, "times": 1})
    assert first == "Access refused: Login while all seats were taken"
    first, *_, last = told(parts, {**refusal, "times": 3, "computer_name": "PC-01"})
    assert first == "Access refused: Login while all seats were taken (3 times)"
    assert last == f"{when} · ada · on PC-01"
    clone = {"type": "CloneSuspected", "reason": "clone_suspected", "times": 1}
    later = {"last_at": "2027-02-28T12:00:00Z", "after": {"kind": "temporary"}}
    first, advice, last = told(parts, {**clone, **later, "other_address": "192.0.2.9"})
    assert first == "Clone suspected: Two agents seem to use one license · lic_1"
    assert advice.startswith("Both go on.")
    when = parts.evaluate("fromNow('2027-02-28T12:00:00Z')")
    assert last == f"{when} · ada · also used from 192.0.2.9"
    expect(parts.get_by_role("link")).to_have_count(0)  # a temporary license has no page
