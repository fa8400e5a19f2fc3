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


@contextmanager
def _started(kind: BrowserType, **options: Any) -> Iterator[Browser]:
    program = chromium.command()
    browser = kind.launch(
        executable_path=program.path, env=program.environment, args=_ARGUMENTS, **options
    )
    yield browser
    browser.close()
