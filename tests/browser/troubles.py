"""What goes wrong in a page without anybody seeing it.

That is console errors, exceptions, failed requests and violations of the content security policy.
All pages of a test are watched, and any such trouble fails it, unless it says that it expects it.
"""

import re
from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Page, Request

_REPORT = "__reportViolation"
_LISTEN = f"""
document.addEventListener("securitypolicyviolation", (event) => {{
  {_REPORT}([event.effectiveDirective, event.blockedURI, event.sample].join(" "));
}});
"""
_A_TURN = "() => new Promise((done) => setTimeout(done, 0))"
# A page gives up requests of its own accord: when it is left, and when a newer search overtakes.
_GIVEN_UP = "net::ERR_ABORTED"


@dataclass
class Troubles:
    """All trouble of one test's pages, one line for each."""

    seen: list[str] = field(default_factory=list)
    _expected: list[re.Pattern[str]] = field(default_factory=list)

    def expect(self, pattern: str) -> None:
        """Take trouble that `pattern` is found in as part of the test, and demand that it comes.

        Chromium logs each answer of 400 and above as a console error, so a test of one says
        `troubles.expect("status of 409")`.
        """
        self._expected.append(re.compile(pattern))

    def watch(self, context: BrowserContext) -> None:
        """Note the trouble of all pages of `context`, from their first document on."""
        context.expose_binding(_REPORT, lambda _, violation: self._note("policy", violation))
        context.add_init_script(_LISTEN)
        context.on("console", self._note_console)
        context.on("weberror", lambda error: self._note("exception", str(error.error)))
        context.on("requestfailed", self._note_request)

    def settle(self, page: Page) -> None:
        """Wait until what `page` has run into so far has arrived here."""
        if page.is_closed():
            return
        try:
            page.evaluate(_A_TURN)
        except Error as error:
            if "navigation" not in str(error):
                raise
            page.wait_for_load_state()  # it was on its way to another document
            page.evaluate(_A_TURN)

    def unexpected(self) -> list[str]:
        """The lines that no expectation covers, and the expectations that nothing met."""
        return [
            *(line for line in self.seen if not any(one.search(line) for one in self._expected)),
            *(
                f"expected, but never came: {one.pattern}"
                for one in self._expected
                if not any(one.search(line) for line in self.seen)
            ),
        ]

    def _note(self, kind: str, text: str) -> None:
        self.seen.append(f"{kind}: {text}")

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "assert"}:
            self._note("console", f"{message.text} ({message.location['url'] or 'no address'})")

    def _note_request(self, request: Request) -> None:
        if request.failure != _GIVEN_UP:
            self._note("request", f"{request.method} {request.url}: {request.failure}")
