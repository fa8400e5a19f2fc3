"""Chromium without a window."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserType, sync_playwright

from tests.setup import chromium

_ARGUMENTS = [
    "--no-sandbox",  # root has none, and a container seldom; it visits nothing but the tests' pages
    "--disable-dev-shm-usage",  # a container's /dev/shm is too small, or not there
]


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser, which is gone afterwards. Raises NotHereError."""
    with sync_playwright() as playwright, _started(playwright.chromium) as browser:
        yield browser


@contextmanager
def keeping_pages(browser: Browser) -> Iterator[Browser]:
    """One more, which goes back to pages as they were left, as people's browsers do."""
    without = ["--disable-back-forward-cache"]
    with _started(browser.browser_type, ignore_default_args=without) as another:
        yield another


def keeps_no_page(browser: Browser, url: str) -> bool:
    """Whether a browser is made to keep none, whatever the page: those without a window are."""
    page = browser.new_page()
    told: list[str] = []
    session = page.context.new_cdp_session(page)
    session.on(
        "Page.backForwardCacheNotUsed",
        lambda event: told.extend(why["reason"] for why in event["notRestoredExplanations"]),
    )
    session.send("Page.enable")
    for path in ("/_local", "/v1/openapi.json"):
        page.goto(f"{url}{path}")
    page.evaluate("() => void setTimeout(() => history.back(), 0)")
    page.wait_for_function("() => location.pathname === '/_local'")
    page.close()
    return "BackForwardCacheDisabledForDelegate" in told


@contextmanager
def _started(kind: BrowserType, **options: Any) -> Iterator[Browser]:
    program = chromium.command()
    browser = kind.launch(
        executable_path=program.path, env=program.environment, args=_ARGUMENTS, **options
    )
    yield browser
    browser.close()
