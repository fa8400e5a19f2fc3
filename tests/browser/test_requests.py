"""What the portal asks the API for, request by request, and how it takes that it has to wait."""

from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.troubles import Troubles

SIGNED_IN = """sessionStorage.setItem("%s", JSON.stringify(
  { id: "a-token", refresh: null, expiresAt: Date.now() + 3600000 }))"""


class Api:
    """Answers each request of a page with the next answer, and keeps what was asked for."""

    def __init__(self) -> None:
        """Nobody has asked for anything."""
        self.asked: list[dict[str, Any]] = []
        self.answers: list[dict[str, Any]] = []

    def answer(self, route: Route) -> None:
        """Take a request down, and answer it: with nothing in particular, unless said."""
        request = route.request
        headers = request.headers
        assert headers["authorization"] == "Bearer a-token"
        kept = ("if-match", "if-none-match", "idempotency-key")
        told = {
            "ask": f"{request.method} {request.url.partition('/v1')[2]}",
            "body": request.post_data_json if request.post_data else None,
            **{name: headers[name] for name in kept if name in headers},
        }
        self.asked.append(told)
        told = self.answers.pop(0) if self.answers else {}
        rows: dict[str, Any] = {"events": [], "licenses": [], "next_cursor": None}
        route.fulfill(**{"json": {**rows, "organization": {}, "license": {}}, **told})


@pytest.fixture
def api(parts: Page) -> Api:
    """A service in name alone."""
    parts.evaluate(SIGNED_IN % "session.tokens")
    api = Api()
    parts.route("**/v1/**", api.answer)
    return api


def test_each_function_asks_for_what_it_says(parts: Page, api: Api) -> None:
    wanted = {"name": "Acme"}
    for call, ask, body, others in [
        ("me()", "GET /me", None, {}),
        (
            "organizations({ search: 'a&b', cursor: null })",
            "GET /organizations?search=a%26b",
            None,
            {},
        ),
        ("organization('a/b')", "GET /organizations/a%2Fb", None, {}),
        (
            "createOrganization('acme', { name: 'Acme' })",
            *("PUT /organizations/acme", wanted, {"if-none-match": "*"}),
        ),
        (
            """updateOrganization("acme", { name: "Acme" }, '"3"')""",
            *("PATCH /organizations/acme", wanted, {"if-match": '"3"'}),
        ),
        ("updateOrganization('acme', { name: 'Acme' })", "PATCH /organizations/acme", wanted, {}),
        ("summary()", "GET /summary", None, {}),
        ("organizationSummary('acme')", "GET /organizations/acme/summary", None, {}),
        ("licenses('acme', { limit: 50 })", "GET /organizations/acme/licenses?limit=50", None, {}),
        ("license('lic_1')", "GET /licenses/lic_1", None, {}),
        (
            """updateLicense("lic_1", { primary: true }, '"3"')""",
            *("PATCH /licenses/lic_1", {"primary": True}, {"if-match": '"3"'}),
        ),
        ("act('lic_1', 'detach', 'sold')", "POST /licenses/lic_1/detach", {"reason": "sold"}, {}),
        ("act('lic_1', 'attach', '')", "POST /licenses/lic_1/attach", None, {}),
        (
            "events({ organizationId: 'acme' }, { type: 'CloneSuspected' })",
            *("GET /organizations/acme/events?type=CloneSuspected", None, {}),
        ),
        (
            "events({ organizationId: 'acme', licenseId: 'lic_1' }, { limit: 25 })",
            *("GET /licenses/lic_1/events?limit=25", None, {}),
        ),
        (
            "temporaryLicenses('acme', { cursor: 'x' })",
            *("GET /organizations/acme/temporary-licenses?cursor=x", None, {}),
        ),
        (
            "generateTemporary('acme', { ttl: '3h', note: 'Inge' }, 'an-attempt')",
            *("POST /organizations/acme/temporary-licenses", {"ttl": "3h", "note": "Inge"}),
            {"idempotency-key": "an-attempt"},
        ),
        (
            "revokeTemporary('lic_1', 'done')",
            *("POST /temporary-licenses/lic_1/revoke", {"reason": "done"}, {}),
        ),
        (
            "lookUp({ computer_name: 'PC-01' })",
            *("POST /machines/lookup", {"machine": {"computer_name": "PC-01"}}, {}),
        ),
        (
            "searchLicenses({ text: 'build-', limit: 20, cursor: null })",
            *("POST /licenses/search", {"text": "build-", "limit": 20, "cursor": None}, {}),
        ),
        (
            "allEvents({ type: 'CloneSuspected', cursor: null })",
            *("GET /events?type=CloneSuspected", None, {}),
        ),
        ("statistics('acme', 7)", "GET /organizations/acme/statistics?days=7", None, {}),
        (
            "activity('acme', { cursor: 'x' })",
            "GET /organizations/acme/activity?cursor=x",
            None,
            {},
        ),
    ]:
        parts.evaluate(f"api.{call}.then(() => null)")
        assert api.asked.pop() == {"ask": ask, "body": body, **others}
        assert api.asked == []


def refused(status: int, seconds: str) -> dict[str, Any]:
    """An answer that has to be waited after."""
    problem = {"code": "unavailable", "detail": "Wait."}
    return {"status": status, "headers": {"retry-after": seconds}, "json": problem}


@pytest.mark.parametrize("status", [429, 503])
def test_a_read_that_has_to_wait_is_repeated_twice_and_a_change_is_not(
    parts: Page, api: Api, troubles: Troubles, status: int
) -> None:
    troubles.expect(f"status of {status}")
    api.answers = [refused(status, "0")] * 2
    parts.evaluate("api.me().then(() => null)")
    assert len(api.asked) == 3
    told = "(answer) => answer.then(() => 'done', (error) => [error.status, error.message])"
    api.answers = [refused(status, "0")] * 3
    assert parts.evaluate(f"({told})(api.me())") == [status, "Wait."]
    assert len(api.asked) == 6
    api.answers = [refused(status, "0")]
    assert parts.evaluate(f"({told})(api.act('lic_1', 'detach', ''))") == [status, "Wait."]
    assert len(api.asked) == 7


def test_a_wait_is_as_long_as_the_service_says_and_five_seconds_at_most(
    parts: Page, api: Api, troubles: Troubles
) -> None:
    troubles.expect("status of 503")
    parts.evaluate(
        """globalThis.waits = [];
        const timeout = setTimeout;
        globalThis.setTimeout = (done, ms, ...more) => {
          if (ms < 1000 || ms > 5000) return timeout(done, ms, ...more);
          waits.push(ms);
          return timeout(done, 0);
        };
        null;"""
    )
    api.answers = [refused(503, "2"), refused(503, "600"), {}, refused(503, "soon"), {}]
    parts.evaluate("api.me().then(() => null)")
    parts.evaluate("api.me().then(() => null)")
    assert parts.evaluate("waits") == [2000, 5000, 1000]


MADE = """([name, query]) => {
  const page = globalThis[name][name]({
    params: { organization: "acme" }, query: new URLSearchParams(query), isSuperAdmin: true,
  });
  put(page.element);
  globalThis.made = page;
}"""


def test_each_list_asks_for_the_page_that_the_place_names(parts: Page, api: Api) -> None:
    for name, path, narrowed in [
        ("feed", "events", "type=CloneSuspected&"),
        ("temporary", "temporary-licenses", ""),
    ]:
        parts.evaluate(MADE, [name, f"{narrowed}cursor=second"])
        expect(parts.locator("main [aria-busy]")).to_have_count(0)
        parts.evaluate(
            "(query) => made.update(new URLSearchParams(query))", f"{narrowed}cursor=third"
        )
        expect(parts.locator("main [aria-busy]")).to_have_count(0)
        asked = [told["ask"] for told in api.asked]
        assert [ask.partition("?")[0] for ask in asked] == [f"GET /organizations/acme/{path}"] * 2
        for ask, cursor in zip(asked, ["second", "third"], strict=True):
            assert set(ask.partition("?")[2].split("&")) == {
                *filter(None, narrowed.split("&")),
                *("limit=50", f"cursor={cursor}"),
            }
        api.asked.clear()


@pytest.mark.usefixtures("api")
def test_a_page_of_temporary_licenses_that_is_empty_by_now_can_be_turned_back(
    parts: Page,
) -> None:
    parts.evaluate(MADE, ["temporary", "cursor=second"])
    expect(parts.get_by_role("button", name="First page")).to_be_enabled()
    expect(parts.get_by_text("Nobody has been let in.")).to_have_count(0)


@pytest.mark.parametrize("narrowed", ["type=CloneSuspected", "from=2026-11-01", "until=2026-11-01"])
def test_a_feed_that_is_narrowed_to_nothing_says_so(parts: Page, api: Api, narrowed: str) -> None:
    parts.evaluate(MADE, ["feed", narrowed])
    expect(parts.get_by_text("Nothing like this has happened.")).to_be_visible()
    assert len(api.asked) == 1


def test_addresses_are_taken_however_they_are_separated_and_cleared_for_good(
    parts: Page, api: Api
) -> None:
    parts.evaluate(MADE, ["machines", ""])
    api.answers = [{"json": {"holders": [], "compared": [], "not_counted": []}}]
    parts.get_by_label("MAC addresses").fill(
        "02:00:00:00:00:01, 02:00:00:00:00:02;\n3C-52-82-0A-1B-2C"
    )
    parts.get_by_label("Computer name").fill(" PC-01 ")
    parts.get_by_role("button", name="Find").click()
    expect(parts.get_by_text("Nobody holds a machine")).to_be_visible()
    addresses = ["02:00:00:00:00:01", "02:00:00:00:00:02", "3C-52-82-0A-1B-2C"]
    assert api.asked[0]["body"] == {
        "machine": {"mac_addresses": addresses, "computer_name": "PC-01"},
    }
    parts.get_by_role("button", name="Clear").click()
    expect(parts.get_by_label("Computer name")).to_have_value("")
    expect(parts.get_by_text("Nobody holds a machine")).to_have_count(0)
    parts.evaluate(MADE, ["machines", ""])
    expect(parts.get_by_label("Computer name")).to_have_value("")


def test_an_attempt_is_repeated_under_its_name_and_another_time_to_live_is_another_attempt(
    parts: Page, api: Api, troubles: Troubles
) -> None:
    troubles.expect("status of 500")
    parts.evaluate(MADE, ["temporary", ""])
    expect(parts.locator("main [aria-busy]")).to_have_count(0)
    api.asked.clear()
    api.answers = [{"status": 500, "json": {}}] * 4
    for ttl, note in [("1 hour", ""), ("1 hour", " "), ("3 hours", ""), ("3 hours", "For Inge")]:
        parts.get_by_label(ttl, exact=True).check()
        parts.get_by_label("Note").fill(note)
        parts.get_by_role("button", name="Generate").click()
        expect(parts.get_by_role("button", name="Generate")).to_be_enabled()
        expect(parts.get_by_role("alert")).to_be_visible()
    first, second, third, fourth = [told["idempotency-key"] for told in api.asked]
    assert first == second != third != fourth
    assert [told["body"] for told in api.asked][1:] == [
        {"ttl": "1h"},
        {"ttl": "3h"},
        {"ttl": "3h", "note": "For Inge"},
    ]


def test_what_was_wrong_is_no_longer_marked_once_it_is_mended(
    parts: Page, api: Api, troubles: Troubles
) -> None:
    troubles.expect("status of 400")
    troubles.expect("status of 409")
    parts.evaluate(MADE, ["temporary", ""])
    expect(parts.locator("main [aria-busy]")).to_have_count(0)
    wrong = {"pointer": "/note", "detail": "The note has a line break."}
    api.answers = [
        {"status": 400, "json": {"code": "invalid_request", "errors": [wrong]}},
        {"status": 409, "json": {"code": "conflict"}},
    ]
    note = parts.get_by_label("Note")
    note.fill("For Inge")
    parts.get_by_role("button", name="Generate").click()
    expect(note).to_have_attribute("aria-invalid", "true")
    parts.get_by_role("button", name="Generate").click()
    expect(parts.get_by_role("alert")).to_be_visible()
    expect(parts.get_by_text("The note has a line break.")).to_have_count(0)
    expect(note).not_to_have_attribute("aria-invalid", "true")
