"""What the vendor's super-admins do in the portal, in a browser, against the whole service.

They find organizations and change their subscriptions, let partners in for a while, find out who
holds a machine, and read what organizations' own administrators are not shown.
"""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.accessibility import assert_accessible
from tests.browser.dates import in_words
from tests.browser.looks import DARK, DESKTOP, Look, OpenPage
from tests.browser.portal import Portal, served
from tests.browser.site import site
from tests.browser.troubles import Troubles
from tests.local import cast

pytestmark = pytest.mark.sampled(7)

NARROW = Look("narrow", width=360, height=740, touch=True)
DARK_NARROW = Look("dark-narrow", width=360, height=740, touch=True, scheme="dark")
HOUR = 3600
TEMPORARY = "/organizations/acme/temporary"
MACHINE: dict[str, Any] = {**cast.MACHINE_A}


def in_days(days: float) -> str:
    """Some hours into a day, so that no midnight comes between a test and what it looks at."""
    at = datetime.now(UTC) + timedelta(days=days)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def register(portal: Portal, id_: str, name: str, **other: Any) -> None:
    wanted = {"valid_until": in_days(365), "status": "active", "max_agents": None}
    body = {"name": name, **wanted, **other}
    portal.call("PUT", f"/v1/organizations/{id_}", body, user="olivia").expect(201)


def subscription(portal: Portal, id_: str) -> dict[str, Any]:
    answer = portal.call("GET", f"/v1/organizations/{id_}", user="olivia").expect(200)
    found: dict[str, Any] = answer["organization"]
    return found


def generate(portal: Portal, ttl: str = "1h") -> tuple[str, str]:
    """A temporary licence of Acme: its id and its key."""
    path = "/v1/organizations/acme/temporary-licenses"
    key = {"Idempotency-Key": str(uuid4())}
    answer = portal.call("POST", path, {"ttl": ttl}, user="olivia", **key).expect(201)
    return answer["license.id"], answer["license_key"]


def temporary_licenses(portal: Portal) -> list[dict[str, Any]]:
    path = "/v1/organizations/acme/temporary-licenses"
    found: list[dict[str, Any]] = portal.call("GET", path, user="olivia")["licenses"]
    return found


def rows(page: Page, caption: str) -> Locator:
    table = page.get_by_role("table", name=caption)
    return table.locator("tbody").get_by_role("row")


def names(page: Page) -> list[str]:
    """The organizations on this page of the list."""
    return rows(page, "Organizations").get_by_role("link").all_text_contents()


def shows(page: Page, *expected: str) -> None:
    expect(rows(page, "Organizations").get_by_role("link")).to_have_text(list(expected))


def told_at(field: Locator) -> str:
    """What a field is described by, as a screen reader reads it out."""
    text: str = field.evaluate(
        """(field) => (field.getAttribute("aria-describedby") ?? "").split(" ")
          .map((id) => document.getElementById(id)?.textContent ?? "").join(" ")"""
    )
    return text


def fits(page: Page) -> None:
    """Nothing has to be scrolled sideways."""
    room = page.evaluate(
        "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert room[0] <= room[1], f"{page.url} is {room[0]} wide where there are {room[1]}"


def loses_the_answer(page: Page, url: str) -> None:
    """The next request of that address is carried out, and its answer does not arrive."""

    def carry_out(route: Route) -> None:
        route.fetch()
        route.abort("connectionreset")

    page.route(url, carry_out, times=1)


# ---- 1. Organizations ----------------------------------------------------------------------------


def test_an_organization_is_found_by_its_name_and_by_its_id(page: Page, portal: Portal) -> None:
    register(portal, "nordwind-8", "Küstenwerft Nord")
    portal.visit(page, "olivia", "/organizations")
    shows(page, "Acme", "Bolt", "Coop", "Küstenwerft Nord")
    search = page.get_by_label("Search")
    search.press_sequentially("WERFT")
    shows(page, "Küstenwerft Nord")
    search.fill("wind-8")
    shows(page, "Küstenwerft Nord")
    expect(page.get_by_role("status")).to_have_text("one organization found")
    search.fill("nobody is called this")
    expect(page.get_by_text("No organization is like this.")).to_be_visible()
    page.reload()
    expect(search).to_have_value("nobody is called this")
    page.get_by_role("button", name="Clear").click()
    shows(page, "Acme", "Bolt", "Coop", "Küstenwerft Nord")
    page.get_by_role("link", name="Küstenwerft Nord").click()
    expect(page.get_by_role("heading", name="Küstenwerft Nord")).to_be_visible()


def test_organizations_are_narrowed_by_standing_and_by_end(page: Page, portal: Portal) -> None:
    register(portal, "ended", "Ended Mill", valid_until=in_days(-3))
    register(portal, "paused", "Paused Mill", status="paused")
    register(portal, "soon", "Soon Mill", valid_until=in_days(4.5))
    register(portal, "later", "Later Mill", valid_until=in_days(25))
    portal.visit(page, "olivia", "/organizations?search=mill")
    shows(page, "Ended Mill", "Later Mill", "Paused Mill", "Soon Mill")
    standing = page.get_by_label("Subscription", exact=True)
    for chosen, found in {
        "Current": ["Later Mill", "Soon Mill"],
        "Suspended": ["Paused Mill"],
        "Ended": ["Ended Mill"],
    }.items():
        standing.select_option(chosen)
        shows(page, *found)
    standing.select_option("Any")
    page.get_by_label("Ends").select_option("Within 7 days")
    shows(page, "Soon Mill")
    expect(rows(page, "Organizations")).to_contain_text("4 days left")
    page.get_by_label("Ends").select_option("Within 30 days")
    shows(page, "Later Mill", "Soon Mill")
    page.get_by_label("Order").select_option("Ends first")
    shows(page, "Soon Mill", "Later Mill")


def test_where_no_organization_is_like_that_it_is_said_what_to_do(
    page: Page, portal: Portal
) -> None:
    portal.visit(page, "olivia", "/organizations")
    for narrowed in ("search=nobody", "standing=ended", "ends=7", "seats=full"):
        page.goto(portal.address(f"/organizations?{narrowed}"))
        page.reload()
        expect(page.get_by_text("No organization is like this.")).to_be_visible()
        expect(page.get_by_text("There is no organization yet.")).to_have_count(0)


def test_a_hundred_organizations_are_turned_over_in_order(page: Page, portal: Portal) -> None:
    for number in range(1, 128):  # and Acme, Bolt and Coop
        register(portal, f"works-{number:03}", f"Works {number:03}")
    every = ["Acme", "Bolt", "Coop", *(f"Works {number:03}" for number in range(1, 128))]
    portal.visit(page, "olivia", "/organizations")
    turned = page.get_by_role("navigation", name="Pages")
    shows(page, *every[:50])
    expect(turned).to_contain_text("1–50 of 130")
    turned.get_by_role("button", name="Next page").click()
    shows(page, *every[50:100])
    expect(turned).to_contain_text("51–100 of 130")
    turned.get_by_role("button", name="Next page").click()
    shows(page, *every[100:])
    expect(turned.get_by_role("button", name="Next page")).to_be_disabled()
    turned.get_by_role("button", name="Previous page").click()
    shows(page, *every[50:100])
    page.go_back()
    shows(page, *every[100:])
    page.get_by_role("columnheader", name="Name").get_by_role("button").click()
    shows(page, *every[::-1][:50])
    expect(page.get_by_role("columnheader", name="Name")).to_have_attribute(
        "aria-sort", "descending"
    )


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles"])
def test_the_chart_counts_what_ends_on_each_day_in_utc(
    open_page: OpenPage, portal: Portal, zone: str
) -> None:
    ends = [in_days(days) for days in (1, 1, 1.3, 8, 33.5, 33.6, 60, 89, 92, -2)]
    for number, end in enumerate(ends):
        register(portal, f"firm-{number}", f"Firm {number}", valid_until=end)
    page = open_page(DESKTOP, timezone_id=zone)
    portal.visit(page, "olivia", "/organizations")
    chart = page.get_by_role("figure", name="Subscriptions that end within 90 days")
    chart.get_by_text("Show as a table").click()
    told = dict(
        row.split("\t", 1)
        for row in chart.locator("tbody").inner_text().splitlines()
        if not row.endswith("\t0")
    )
    days = Counter(datetime.fromisoformat(end).astimezone(UTC) for end in ends[:-2])
    expected: Counter[str] = Counter()
    for day, times in days.items():
        expected[in_words(page, day)] += times
    assert told == {day: str(times) for day, times in expected.items()}


# ---- 2. An organization and its subscription -----------------------------------------------------


def test_what_is_wrong_with_a_new_organization_is_said_at_its_field(
    page: Page, portal: Portal
) -> None:
    portal.visit(page, "olivia", "/organizations")
    page.get_by_role("link", name="New organization").click()
    fields = {
        name: page.get_by_label(name, exact=True)
        for name in ("Organization id", "Name", "Valid until", "Seats")
    }
    create = page.get_by_role("button", name="Create")
    fields["Organization id"].fill("-Wrong Id")
    fields["Seats"].fill("-3")
    fields["Valid until"].fill("")
    create.click()
    expect(fields["Organization id"]).to_be_focused()
    assert "not a hyphen first" in told_at(fields["Organization id"])
    assert "fill out" in told_at(fields["Name"])
    assert "fill out" in told_at(fields["Valid until"])
    assert "greater than or equal to 0" in told_at(fields["Seats"])
    assert_accessible(page)
    expect(fields["Organization id"]).to_have_value("-Wrong Id")

    page.reload()
    expect(page.get_by_text("This is what you had typed and not saved.")).to_be_visible()
    expect(fields["Organization id"]).to_have_value("-Wrong Id")
    expect(fields["Seats"]).to_have_value("-3")
    fields["Organization id"].fill("deichwerk")
    fields["Name"].fill("Deichwerk")
    fields["Valid until"].fill("2027-06-30T12:00")
    fields["Seats"].fill("25")
    create.click()
    expect(page.get_by_role("heading", name="Deichwerk")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="Deichwerk is created.")).to_be_visible()
    made = subscription(portal, "deichwerk")
    assert made["max_agents"] == 25
    assert made["subscription"] == {"valid_until": "2027-06-30T12:00:00Z", "status": "active"}
    page.goto(portal.address("/new-organization"))
    expect(fields["Organization id"]).to_have_value("")


def test_what_the_service_finds_wrong_is_said_at_its_field(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    troubles.expect("status of 400")
    portal.visit(page, "olivia", "/new-organization")
    page.get_by_label("Organization id").fill("deichwerk")
    name = page.get_by_label("Name", exact=True)
    name.fill("\N{ZERO WIDTH SPACE}")  # nothing to see: the service refuses it
    page.get_by_role("button", name="Create").click()
    expect(name).to_be_focused()
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Organization id")).to_have_value("deichwerk")


def test_what_the_service_finds_wrong_with_a_change_is_said_at_its_field(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    troubles.expect("status of 400")
    portal.visit(page, "olivia", "/organizations/acme/edit")
    name = page.get_by_label("Name", exact=True)
    name.fill("\N{ZERO WIDTH SPACE}")
    page.get_by_role("button", name="Save").click()
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_be_focused()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_subscription_and_its_seats_are_changed(page: Page, portal: Portal) -> None:
    portal.visit(page, "olivia", "/organizations/acme")
    page.get_by_role("link", name="Change…").click()
    page.get_by_label("Subscription").select_option("Paused")
    page.get_by_label("Seats").fill("40")
    page.get_by_role("button", name="Save").click()
    card = page.locator(".card")
    expect(card).to_contain_text("Suspended (paused)")
    expect(card).to_contain_text("0 of 40 used")
    expect(page.locator(".subject")).to_contain_text("Agents are refused while the subscription")
    expect(page.locator(".subject").get_by_role("link", name="Resume it")).to_be_visible()
    assert subscription(portal, "acme")["subscription"]["status"] == "paused"


def test_an_end_in_an_hour_that_comes_twice_stays_as_it_is(
    open_page: OpenPage, portal: Portal
) -> None:
    end = "2027-10-31T01:30:00Z"  # half past two for the second time
    portal.change_organization("acme", valid_until=end)
    page = open_page(DESKTOP, timezone_id="Europe/Berlin")
    portal.visit(page, "olivia", "/organizations/acme/edit")
    page.get_by_label("Seats").fill("40")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".card")).to_contain_text("0 of 40 used")
    assert subscription(portal, "acme")["subscription"]["valid_until"] == end
    page.goto(portal.address("/organizations/acme/feed?type=SubscriptionChanged"))
    changes = page.locator(".entries li .change")
    expect(changes.filter(has_text="→ 31 Oct 2027, 02:30")).to_have_count(1)


def changed_twice(open_page: OpenPage, portal: Portal, troubles: Troubles) -> Page:
    """Two super-admins have opened Acme; one has saved, and the other has just been told."""
    troubles.expect("status of 412")
    first, second = open_page(), open_page()
    for page, seats in ((first, "10"), (second, "20")):
        portal.visit(page, "olivia", "/organizations/acme/edit")
        page.get_by_label("Seats").fill(seats)
    first.get_by_role("button", name="Save").click()
    expect(first.locator(".card")).to_contain_text("0 of 10 used")
    second.get_by_role("button", name="Save").click()
    told = second.get_by_role("alert")
    expect(told).to_contain_text("Somebody else has changed it meanwhile")
    expect(told.get_by_role("row").last).to_have_text("Seatsno limit1020")
    expect(second.get_by_label("Seats")).to_have_value("20")
    assert subscription(portal, "acme")["max_agents"] == 10
    return second


def test_who_comes_second_is_told_and_can_still_save(
    open_page: OpenPage, portal: Portal, troubles: Troubles
) -> None:
    page = changed_twice(open_page, portal, troubles)
    assert_accessible(page)
    page.get_by_role("button", name="Go on editing").click()
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".card")).to_contain_text("0 of 20 used")


def test_what_one_goes_on_with_is_still_gone_on_with_after_a_reload(
    open_page: OpenPage, portal: Portal, troubles: Troubles
) -> None:
    page = changed_twice(open_page, portal, troubles)
    page.get_by_role("button", name="Go on editing").click()
    page.reload()
    expect(page.get_by_text("This is what you had typed and not saved.")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".card")).to_contain_text("0 of 20 used")


def test_who_comes_second_can_keep_what_the_first_has_made_of_it(
    open_page: OpenPage, portal: Portal, troubles: Troubles
) -> None:
    page = changed_twice(open_page, portal, troubles)
    page.get_by_role("button", name="Keep theirs").click()
    expect(page.locator(".card")).to_contain_text("0 of 10 used")
    page.get_by_role("link", name="Change…").click()
    expect(page.get_by_label("Seats")).to_have_value("10")
    assert subscription(portal, "acme")["max_agents"] == 10


def test_a_draft_that_is_reloaded_overwrites_nothing_either(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    troubles.expect("status of 412")
    portal.visit(page, "olivia", "/organizations/acme/edit")
    page.get_by_label("Seats").fill("20")
    mine = subscription(portal, "acme")
    body = {"name": "Acme", **mine["subscription"], "max_agents": 10}
    etag = {"If-Match": f'"{mine["version"]}"'}
    portal.call("PUT", "/v1/organizations/acme", body, user="olivia", **etag).expect(200)
    page.reload()
    expect(page.get_by_label("Seats")).to_have_value("20")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody else has changed it meanwhile")
    assert subscription(portal, "acme")["max_agents"] == 10


def test_a_lost_answer_is_not_taken_for_somebody_elses_change(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    troubles.expect("CONNECTION_RESET")
    troubles.expect("status of 412")
    portal.visit(page, "olivia", "/new-organization")
    page.get_by_label("Organization id").fill("deichwerk")
    page.get_by_label("Name", exact=True).fill("Deichwerk")
    loses_the_answer(page, "**/v1/organizations/deichwerk")
    page.get_by_role("button", name="Create").click()
    page.get_by_role("alert").get_by_role("button", name="Try again").click()
    expect(page.get_by_role("status").filter(has_text="Deichwerk is created.")).to_be_visible()


# ---- 3. Temporary licences (R25 to R28) ----------------------------------------------------------


@pytest.fixture
def plain() -> Iterator[str]:
    with site({"index.html": "<!doctype html><title>Plain</title>"}) as url:
        yield url


def test_a_key_of_each_time_to_live_is_generated_and_copied(
    open_page: OpenPage, portal: Portal, plain: str
) -> None:
    page = open_page(DESKTOP, permissions=["clipboard-read", "clipboard-write"])
    elsewhere = page.context.new_page()  # the portal itself may not read what has been copied
    elsewhere.goto(plain)
    portal.visit(page, "olivia", TEMPORARY)
    expect(page.get_by_text("Nobody has been let in.")).to_be_visible()
    times = {
        # At first, or a moment later.
        "1 hour": ("1h", "1 h|59 min"),
        "3 hours": ("3h", "3 h|2 h 59 min"),
        "6 hours": ("6h", "6 h|5 h 59 min"),
        "12 hours": ("12h", "12 h|11 h 59 min"),
        "1 day": ("1d", "1 d|23 h 59 min"),
        "3 days": ("3d", "3 d|2 d 23 h"),
        "7 days": ("7d", "7 d|6 d 23 h"),
    }
    radios = page.get_by_role("radio")
    assert radios.evaluate_all("(all) => all.map((one) => one.labels[0].textContent)") == [*times]
    keys = set()
    for count, (label, (ttl, left)) in enumerate(times.items(), start=1):
        page.get_by_label(label, exact=True).check()
        page.get_by_role("button", name="Generate").click()
        listed = rows(page, "Temporary licenses: active ones first, then the newest")
        expect(listed).to_have_count(count)
        expect(listed.get_by_role("cell", name=re.compile(f"^({left})$"))).to_have_count(1)
        page.get_by_role("button", name="Copy").click()
        expect(page.get_by_text("Copied.")).to_be_visible()
        elsewhere.bring_to_front()
        copied = elsewhere.evaluate("() => navigator.clipboard.readText()")
        page.bring_to_front()
        assert copied == page.get_by_label("License key").text_content()
        keys.add(copied)
        assert sorted(one["ttl"] for one in temporary_licenses(portal)).count(ttl) == 1
    assert len(keys) == len(times)
    page.reload()
    expect(rows(page, "Temporary licenses")).to_have_count(len(times))
    for key in keys:
        assert key not in page.content()


def test_a_double_click_generates_one_license_and_leaves_its_key(
    page: Page, portal: Portal
) -> None:
    portal.visit(page, "olivia", TEMPORARY)
    page.get_by_role("button", name="Generate").click()
    key = page.get_by_label("License key")
    expect(key).to_be_visible()  # the answer is faster than the second click
    shown = key.inner_text()
    box = page.get_by_role("button", name="Generate").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down(click_count=2)
    page.mouse.up(click_count=2)
    expect(page.locator("main [aria-busy=true]")).to_have_count(0)
    expect(key).to_have_text(shown)
    expect(page.locator("tbody tr")).to_have_count(1)


def test_a_browser_without_a_clipboard_selects_the_key(open_page: OpenPage, portal: Portal) -> None:
    page = open_page(DESKTOP, permissions=[])
    page.add_init_script("navigator.clipboard.writeText = () => Promise.reject(new Error('no'))")
    portal.visit(page, "olivia", TEMPORARY)
    page.get_by_role("button", name="Generate").click()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("to copy what is selected")).to_be_visible()
    selected = page.evaluate("() => getSelection().toString()")
    assert selected == page.get_by_label("License key").text_content()


def test_a_partner_who_logs_in_with_the_key_is_shown_as_its_user(
    page: Page, portal: Portal
) -> None:
    acme = portal.log_in_agent("FACTORY-PC-01")
    portal.visit(page, "olivia", TEMPORARY)
    page.get_by_role("button", name="Generate").click()
    expect(rows(page, "Temporary licenses")).to_contain_text("nobody yet")
    key = page.get_by_label("License key").text_content()
    body = cast.login(acme.machine, license_key=key)
    portal.call("POST", "/v1/licenses", body, user="pavel").expect(200)
    page.reload()
    pavel = portal.call("GET", "/v1/me", user="pavel").expect(200)["subject"]
    row = rows(page, "Temporary licenses")
    expect(row.get_by_title(pavel)).to_be_visible()
    expect(row).to_contain_text("FACTORY-PC-01")
    expect(row).to_contain_text("Active")
    row.get_by_role("button", name="End…").click()
    expect(page.get_by_role("dialog")).to_contain_text("can go on until its lease ends")


def test_an_answer_that_is_lost_makes_no_second_license(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    troubles.expect("CONNECTION_RESET")
    portal.visit(page, "olivia", TEMPORARY)
    page.get_by_label("3 hours", exact=True).check()
    loses_the_answer(page, "**/temporary-licenses")
    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_role("alert")).to_contain_text("No connection")
    assert_accessible(page)
    assert len(temporary_licenses(portal)) == 1
    page.reload()  # neither does a reload lose which attempt it was
    page.get_by_role("button", name="Generate").click()
    key = page.get_by_label("License key").text_content()
    (license_,) = temporary_licenses(portal)
    assert license_["ttl"] == "3h"
    body = cast.login(MACHINE, license_key=key)
    answer = portal.call("POST", "/v1/licenses", body, user="pavel").expect(200)
    assert answer["license.id"] == license_["id"]
    page.get_by_role("button", name="Generate").click()
    expect(rows(page, "Temporary licenses")).to_have_count(2)  # a next one is another one


def test_those_in_force_come_first_with_the_time_that_they_have_left(
    page: Page, tmp_path: Path
) -> None:
    with served(tmp_path / "functions.log") as portal:  # its clock is put forward, for good
        short, long = generate(portal, "1h")[0], generate(portal, "3d")[0]
        portal.client.call("POST", "/_local/clock", {"advance_seconds": 2 * HOUR}).expect(200)
        fresh = generate(portal, "6h")[0]
        portal.visit(page, "olivia", TEMPORARY)
        listed = rows(page, "Temporary licenses: active ones first, then the newest")
        expect(listed).to_have_count(3)
        told = {
            row.get_by_role("rowheader").inner_text(): row.get_by_role("cell").all_inner_texts()[:2]
            for row in listed.all()
        }
        assert set([*told][:2]) == {fresh, long}
        assert told[long] == ["Active", "2 d 21 h"] or told[long] == ["Active", "2 d 22 h"]
        assert told[fresh][1] in {"6 h", "5 h 59 min"}
        assert told[short] == ["Expired", "–"]
        end = temporary_licenses(portal)[-1]["expires_at"]
        in_words = page.evaluate(
            """(at) => new Intl.DateTimeFormat("en-GB",
          { dateStyle: "medium", timeStyle: "short" }).format(new Date(at))""",
            end,
        )
        expect(listed.last.get_by_role("cell", name=in_words)).to_have_count(1)
        portal.client.call("POST", "/_local/schedule/ExpirySweepFunction").expect(200)
        page.reload()
        expect(listed.last).to_contain_text(short)
        page.wait_for_load_state("networkidle")  # before the service goes: the page asks on


def test_a_temporary_license_is_ended_early_by_keyboard(page: Page, portal: Portal) -> None:
    generate(portal)
    last, key = generate(portal)
    portal.visit(page, "olivia", TEMPORARY)
    row = rows(page, "Temporary licenses").filter(has_text=last)
    row.get_by_role("button", name="End…").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="End this temporary license now?")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    expect(dialog).not_to_contain_text("lease")  # of one that nobody has used
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(row.get_by_role("button")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("Work is done.")
    page.reload()  # the open dialog is part of the place, and what was typed is kept
    expect(dialog.get_by_label("Reason")).to_have_value("Work is done.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(row).to_contain_text("Revoked")
    expect(page.get_by_role("status").filter(has_text="has ended.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect(rows(page, "Temporary licenses").first).to_contain_text("Active")
    body = cast.login(MACHINE, license_key=key)
    portal.call("POST", "/v1/licenses", body, user="pavel").expect(403)
    expect(row.get_by_role("button")).to_have_count(0)
    page.goto(portal.address(f"{TEMPORARY}?do={last}"))  # nor by an address of before
    expect(page).to_have_url(portal.address(TEMPORARY))
    expect(dialog).to_have_count(0)
    page.get_by_role("link", name="Audit trail").click()
    revoked = page.locator(".entries li").filter(has_text="Temporary license revoked")
    expect(revoked).to_contain_text("“Work is done.”")


def test_a_note_and_names_say_for_whom_a_temporary_license_is_and_of_whom(
    page: Page, portal: Portal
) -> None:
    portal.visit(page, "olivia", "/organizations/acme/temporary")
    page.get_by_label("Note").fill("Inge of Bolt, to mend the press")
    page.get_by_label("3 days", exact=True).check()
    page.get_by_role("button", name="Generate").click()
    expect(page.locator(".note", has_text="It is shown once")).to_contain_text("(in 3 days)")
    row = rows(page, "Temporary licenses")
    expect(row).to_contain_text("Inge of Bolt, to mend the press")
    expect(row.get_by_text("Olivia Berg")).to_be_visible()
    expect(page.get_by_label("Note")).to_have_value("")
    row.get_by_role("button", name="End…").click()
    expect(page.get_by_role("dialog")).to_contain_text("“Inge of Bolt, to mend the press”")
    page.get_by_role("button", name="Cancel").click()
    page.reload()  # a next one is for somebody else
    expect(row).to_have_count(1)
    expect(page.get_by_label("Note")).to_have_value("")
    expect(page.get_by_label("1 hour", exact=True)).to_be_checked()


# ---- 4. Machines (R9) ----------------------------------------------------------------------------


def look_up(page: Page, machine: dict[str, Any]) -> None:
    page.get_by_label("Computer name").fill(machine["computer_name"])
    page.get_by_label("Machine id").fill(machine["machine_id"])
    page.get_by_label("MAC addresses").fill("\n".join(machine["mac_addresses"]))
    page.get_by_role("button", name="Find").click()


def test_a_machine_is_found_with_its_holder_and_freed(page: Page, portal: Portal) -> None:
    portal.call("POST", "/v1/licenses", cast.login(MACHINE), user="boris").expect(201)
    portal.visit(page, "olivia", "/machines")
    look_up(page, MACHINE)
    expect(page.get_by_role("link", name="Bolt")).to_be_visible()
    page.get_by_role("link", name="FACTORY-PC-01").click()
    expect(page.get_by_role("heading", name="FACTORY-PC-01")).to_be_visible()
    page.get_by_role("button", name="Dissociate…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("Sold to Acme.")
    dialog.get_by_role("button", name="Dissociate").click()
    expect(page.locator(".card").first).to_contain_text("Dissociated")
    page.get_by_role("link", name="Machines").click()
    expect(page.get_by_label("Computer name")).to_have_value("FACTORY-PC-01")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_text("Nobody holds a machine")).to_be_visible()
    portal.call("POST", "/v1/licenses", cast.login(MACHINE), user="alice").expect(201)
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("link", name="Acme")).to_be_visible()


def test_a_lookup_says_what_was_compared_and_with_what_end(page: Page, portal: Portal) -> None:
    portal.call("POST", "/v1/licenses", cast.login(MACHINE), user="boris").expect(201)
    portal.visit(page, "olivia", "/machines")
    look_up(page, MACHINE | {"machine_id": "mistyped"})
    compared = page.get_by_role("listitem")
    expect(page.get_by_role("link", name="Bolt")).to_be_visible()
    expect(compared.filter(has_text="Machine id and")).to_have_text(
        [
            "Machine id and computer name: no agent has both.",
            "Machine id and MAC address: no agent has both.",
        ]
    )
    expect(compared.filter(has_text="Computer name and MAC address")).to_have_text(
        "Computer name and MAC address: an agent has both, at Bolt."
    )
    expect(page.locator("#announcements")).to_have_text("one organization found")
    page.get_by_label("Machine id").fill("To be filled by O.E.M.")
    page.get_by_role("button", name="Find").click()
    expect(compared.filter(has_text="Machine id")).to_contain_text("not compared")
    page.get_by_label("Machine id").fill("mistyped")
    page.get_by_label("MAC addresses").fill("")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_text("Nobody holds a machine with two of these in common.")).to_be_visible()
    expect(compared.filter(has_text="no agent has both")).to_have_count(1)
    assert_accessible(page)
    fits(page)


@pytest.mark.parametrize("label", ["Computer name", "Machine id", "MAC addresses"])
def test_a_name_or_another_component_alone_is_answered_with_what_helps(
    page: Page, portal: Portal, label: str
) -> None:
    portal.visit(page, "olivia", "/machines")
    page.get_by_label(label).fill("3c:52:82:0a:1b:2c")
    page.get_by_role("button", name="Find").click()
    helping = page.get_by_text("Type a second one, which the computer itself tells:")
    expect(helping).to_be_visible()
    expect(page.get_by_text("A name alone names no machine.")).to_have_count(
        int(label == "Computer name")
    )
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.locator("[aria-invalid]")).to_have_count(0)
    assert_accessible(page)
    fits(page)


def test_too_few_components_are_told_at_those_that_are_missing(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    troubles.expect("status of 400")
    portal.visit(page, "olivia", "/machines")
    page.get_by_label("Computer name").fill("FACTORY-PC-01")
    machine_id, addresses = (page.get_by_label(name) for name in ("Machine id", "MAC addresses"))
    machine_id.fill("To be filled by O.E.M.")  # which does not count
    page.get_by_role("button", name="Find").click()
    expect(addresses).to_be_focused()
    expect(addresses).to_have_attribute("aria-invalid", "true")
    assert "Send at least two of" in told_at(addresses)
    expect(page.get_by_label("Computer name")).not_to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Computer name")).to_have_value("FACTORY-PC-01")
    assert_accessible(page)
    machine_id.fill(MACHINE["machine_id"])
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nobody holds a machine")).to_be_visible()
    expect(page.locator("[aria-invalid]")).to_have_count(0)


# ---- 5. The audit trail (R28) --------------------------------------------------------------------


def test_the_audit_trail_shows_what_the_organizations_own_feed_does_not(
    open_page: OpenPage, portal: Portal
) -> None:
    acme = portal.log_in_agent("FACTORY-PC-01")
    license_id, key = generate(portal)
    body = cast.login(acme.machine, license_key=key)
    portal.call("POST", "/v1/licenses", body, user="pavel").expect(200)
    pavel = str(portal.call("GET", "/v1/me", user="pavel")["subject"])
    trail, feed = open_page(), open_page()
    portal.visit(trail, "olivia", "/organizations/acme/feed")
    portal.visit(feed, "ada", "/organizations/acme/feed")
    expect(trail.get_by_role("heading", name="Audit trail")).to_be_visible()
    expect(trail.get_by_role("link", name="Audit trail")).to_have_attribute("aria-current", "page")
    entries = trail.locator(".entries li")
    used = entries.filter(has_text="Temporary license used").filter(has_text=license_id)
    expect(used).to_contain_text("Pavel Horák (partner) · from 127.0.0.1")
    expect(used.get_by_text("Pavel Horák")).to_have_attribute("title", pavel)
    generated = entries.filter(has_text="Temporary license generated").filter(has_text=license_id)
    expect(generated).to_contain_text("Olivia Berg (super-admin) · from 127.0.0.1")
    assert_accessible(trail)
    theirs = feed.locator(".entries li")
    expect(theirs.filter(has_text="License issued")).to_have_count(1)
    for hidden in ("Temporary license", license_id, pavel, "Pavel"):
        expect(feed.locator("main ol")).not_to_contain_text(hidden)
    # Nor does it offer what it would always have to deny.
    expect(trail.get_by_label("What").get_by_text("Temporary license")).to_have_count(4)
    expect(feed.get_by_label("What").get_by_text("Temporary license")).to_have_count(0)
    expect(trail.get_by_label("What").get_by_text("Read by a super-admin")).to_have_count(1)
    expect(feed.get_by_label("What").get_by_text("Read by a super-admin")).to_have_count(0)


# ---- 6. Whoever they are, and whatever they look at it with --------------------------------------


PLACES = {
    "organizations": "/organizations",
    "new": "/new-organization",
    "overview": "/organizations/acme",
    "edit": "/organizations/acme/edit",
    "agents": "/organizations/acme/agents",
    "agent": "/organizations/acme/agents/{agent}?do=revoke",
    "trail": "/organizations/acme/feed",
    "temporary": TEMPORARY,
    "ending": f"{TEMPORARY}?do={{temporary}}",
    "machines": "/machines",
    "across": "/events",
}


@pytest.mark.parametrize("look", [DESKTOP, DARK, NARROW, DARK_NARROW], ids=str)
def test_every_page_of_theirs_is_accessible_and_fits(page: Page, portal: Portal) -> None:
    agent = portal.log_in_agent("A-COMPUTER-WITH-A-NAME-THAT-IS-QUITE-LONG-BUT-STILL-A-NAME")
    temporary, key = generate(portal)
    body = cast.login(agent.machine, license_key=key)
    portal.call("POST", "/v1/licenses", body, user="pavel").expect(200)
    register(portal, "long", "The Very Long Name of an Organization Without an End in Sight Ltd")
    portal.visit(page, "olivia")
    for place in PLACES.values():
        address = place.format(agent=agent.id, temporary=temporary)
        page.goto(portal.address(address))
        expect(page.locator("h1")).to_have_count(1)  # before that, nothing is busy either
        expect(page.locator("[aria-busy]")).to_have_count(0)
        expect(page.get_by_role("dialog")).to_have_count(int("do=" in place))
        assert_accessible(page)
        fits(page)
    page.goto(portal.address("/machines"))
    page.get_by_label("Agent", exact=True).fill("a-computer")
    page.get_by_role("button", name="Search").click()
    expect(rows(page, "Agents found")).to_have_count(1)
    assert_accessible(page)
    fits(page)
    page.get_by_label("Computer name").fill(agent.name)
    page.get_by_label("Machine id").fill(agent.machine["machine_id"])
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("heading", name="Acme")).to_be_visible()
    assert_accessible(page)
    fits(page)
    page.goto(portal.address(TEMPORARY))
    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_label("License key")).to_be_visible()
    assert_accessible(page)
    fits(page)


def test_an_organization_is_created_without_a_mouse(page: Page, portal: Portal) -> None:
    portal.visit(page, "olivia", "/organizations")
    tab_to(page, page.get_by_role("link", name="New organization"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_label("Organization id"))
    page.keyboard.type("deichwerk")
    page.keyboard.press("Tab")
    page.keyboard.type("Deichwerk")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Deichwerk")).to_be_visible()
    end = datetime.fromisoformat(subscription(portal, "deichwerk")["subscription"]["valid_until"])
    assert 363 <= (end - datetime.now(UTC)).days <= 365  # which is what the form begins with
    tab_to(page, page.get_by_role("link", name="Temporary licenses"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_label("1 hour", exact=True))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_label("License key")).to_be_visible()
    expect(rows(page, "Temporary licenses")).to_contain_text(re.compile("3 h|2 h 59 min"))


def tab_to(page: Page, target: Locator) -> None:
    """Go on by the Tab key until something has the focus."""
    expect(target).to_be_visible()
    for _ in range(60):
        if target.evaluate("(element) => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"{target} is not reached by the Tab key")
