"""What pages say and show, each part by itself: what is done, loads, fails, or has happened."""

from typing import Any

from playwright.sync_api import Page, expect

# -- what pages say and load -----------------------------------------------------------------------


def test_what_was_done_is_seen_and_what_was_found_is_heard(parts: Page) -> None:
    said = parts.locator("#announcements p")
    parts.evaluate("announcements.announce('PC-01 is blocked.')")
    expect(said).to_have_text("PC-01 is blocked.")
    seen = said.bounding_box()
    parts.evaluate("announcements.whisper('12 agents found')")
    expect(said).to_have_text("12 agents found")
    heard = said.bounding_box()
    assert seen
    assert heard
    assert seen["height"] > 10 > heard["height"]


def test_nothing_is_left_out_of_an_element_and_nought_is_told(parts: Page) -> None:
    parts.evaluate("put(dom.h('p', {}, 'left: ', 0, null, undefined, false, [' of ', 10]))")
    expect(parts.locator("#part p")).to_have_text("left: 0 of 10")


def test_what_is_said_goes_after_a_while(parts: Page) -> None:
    parts.clock.install()
    parts.evaluate("announcements.announce('PC-01 is blocked.')")
    parts.clock.fast_forward(5_000)  # the clock goes on meanwhile, on a busy machine for a while
    expect(parts.locator("#announcements p")).to_have_count(1)
    parts.clock.fast_forward(3_100)
    expect(parts.locator("#announcements p")).to_have_count(0)


LOADED = """
const part = loading.loaded(
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


def test_what_was_unfolded_stays_so_when_a_part_is_loaded_again(parts: Page) -> None:
    parts.evaluate(
        """
        const details = (name) => dom.h("details", {}, dom.h("summary", {}, name), "Told.");
        globalThis.part = loading.loaded("it", async () => 1, () => [details("A"), details("B")]);
        put(part.element);
        """
    )
    parts.evaluate("part.reload()")
    parts.get_by_text("B", exact=True).click()
    parts.evaluate("part.reload()")
    assert parts.locator("details").evaluate_all("(all) => all.map(({ open }) => open)") == [
        False,
        True,
    ]


def test_days_that_are_left_are_counted_until_there_are_none(parts: Page) -> None:
    told = "(hours) => facts.daysLeft(new Date(Date.now() + hours * 3_600_000).toISOString())"
    words = [parts.evaluate(told, hours) for hours in (-1, 1, 25, 50, 24 * 1000 + 1)]
    assert words == ["ended", "ends within a day", "1 day left", "2 days left", "1,000 days left"]


def test_a_part_is_as_old_as_its_question(parts: Page) -> None:
    parts.clock.install(time=1_800_000_000)
    parts.evaluate(LOADED)
    parts.clock.fast_forward(5_000)
    parts.evaluate("answers[0].resolve('late')")
    expect(parts.locator(".shown")).to_have_text("late")
    age: int = parts.evaluate("Date.now() - part.at()")
    assert age >= 5_000


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
          globalThis.work = loading.working(button, () => new Promise((resolve, reject) => {
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
          fields.field("Name", input("name", { required: true })),
          fields.field("Id", input("id", { pattern: "[a-z]+", title: "Letters only" }), "Short"),
        );
        put(form);
        form.elements.id.value = "7";
        globalThis.isWrong = fields.markWrong(form, fields.wrongFields(form));
        """
    )
    name, identifier = parts.get_by_label("Name"), parts.get_by_label("Id")
    assert parts.evaluate("isWrong") is True
    expect(name).to_be_focused()
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(identifier).to_have_accessible_description("Short ⚠ Letters only")
    expect(parts.locator(".wrong")).to_have_count(2)
    parts.evaluate("fields.markWrong(form, [{ pointer: '/id', detail: 'Taken' }])")
    expect(identifier).to_be_focused()
    expect(identifier).to_have_accessible_description("Short ⚠ Taken")
    expect(name).not_to_have_attribute("aria-invalid", "true")
    expect(parts.locator(".wrong")).to_have_text(["Taken"])
    assert parts.evaluate("fields.markWrong(form, [])") is False
    expect(identifier).to_have_accessible_description("Short")


def test_short_forms_tell_all_on_a_closer_look(parts: Page) -> None:
    parts.evaluate(
        """put(
          facts.person("a-subject"), facts.thumbprint("a-thumbprint"),
          facts.statusBadge("detached"), facts.ago("2027-01-31T12:00:00Z"),
          facts.exactly("2027-01-31T12:00:00Z"), facts.empty("None.", "Make ", "one."),
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
          const badge = facts.statusBadge(status);
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
    "actor": {"kind": "user", "subject": "ada", "roles": [], "name": None},
    "reason": None,
    "times": None,
    "source_address": None,
    "other_address": None,
    "agent_version": None,
    "readings": [],
    "components": [],
    "computer_name": None,
    "license_computer_name": None,
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
    actor = {
        "kind": "user",
        "subject": "olivia",
        "roles": ["super-admin", "member"],
        "name": None,
    }
    read = {"type": "OrganizationRead", "readings": ["organization", "temporary_licenses"]}
    assert told(parts, {**read, "license_id": None, "actor": actor}) == [
        "Read by a super-admin",
        "Organization, Temporary licenses",
        f"{when} · olivia (super-admin, member)",
    ]


def test_people_and_computers_are_told_by_name(parts: Page) -> None:
    when = parts.evaluate("fromNow()")
    ada = {"kind": "user", "subject": "1b9d6bcd", "roles": ["org-admin"], "name": "Ada Lovelace"}
    blocked = {"type": "LicenseDetached", "actor": ada, "license_computer_name": "BUILD-SRV-07"}
    assert told(parts, blocked) == [
        "Agent blocked · BUILD-SRV-07",
        f"{when} · Ada Lovelace (org-admin)",
    ]
    expect(parts.get_by_text("Ada Lovelace", exact=True)).to_have_attribute("title", "1b9d6bcd")
    # What it is called now counts for more; and of whom nothing may be known, no name is told.
    assert told(parts, {**blocked, "after": {"label": "Press hall"}})[0].endswith("Press hall")
    hidden = {**ada, "subject": "hidden"}
    assert told(parts, {"actor": hidden})[-1] == f"{when} · Somebody else's user (org-admin)"
    other = {"type": "CloneSuspected", "times": 1, "computer_name": "COPY", **blocked}
    agent: dict[str, Any] = {"kind": "agent", "subject": "lic_1", "roles": [], "name": None}
    assert told(parts, {**other, "actor": agent})[-1] == f"{when} · The agent · on COPY"


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


def test_a_temporary_license_that_was_refused_leads_to_no_page_of_its_own(parts: Page) -> None:
    refused = {"type": "AccessRefused", "reason": "temporary_license_not_usable", "times": 1}
    first, *_ = told(parts, {**refused, "license_computer_name": "PC-01"})
    assert first.endswith(" · lic_1")
    leads = parts.get_by_role("link").evaluate_all("(all) => all.map((a) => a.hash)")
    assert leads == ["#/organizations/acme/temporary"]
