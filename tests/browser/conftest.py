"""Fixtures: a browser for each test process, started when a test first asks for it, and pages.

Each test's pages are its own: nothing is kept from one to the next.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import launched
from tests.browser.looks import DESKTOP, Look, OpenPage
from tests.browser.parts import FILES
from tests.browser.portal import Portal, served
from tests.browser.site import site
from tests.browser.troubles import Troubles
from tests.concurrency.table import Item

# Milliseconds until something that does not come is given up, be it waited for or expected. What
# comes is taken at once: this is for machines that have much else to do.
_PATIENCE = 120_000
expect.set_options(timeout=_PATIENCE)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    with launched() as chromium:
        yield chromium


@pytest.fixture
def troubles() -> Troubles:
    """What went wrong in this test's pages. Whatever the test does not expect fails it."""
    return Troubles()


@pytest.fixture
def open_page(browser: Browser, troubles: Troubles) -> Iterator[OpenPage]:
    """For tests with several people or several looks; all their pages are watched."""
    contexts = []

    def open_one(look: Look = DESKTOP, **options: Any) -> Page:
        context = browser.new_context(**{**look.context, **options})
        contexts.append(context)
        context.set_default_timeout(_PATIENCE)
        troubles.watch(context)
        return context.new_page()

    yield open_one
    for context in contexts:
        for page in context.pages:
            troubles.settle(page)
        context.close()
    if unexpected := troubles.unexpected():
        pytest.fail("\n".join(["trouble in the page:", *unexpected]), pytrace=False)


@pytest.fixture
def look() -> Look:
    """How `page` is looked at, unless a test takes it as a parameter."""
    return DESKTOP


@pytest.fixture
def page(open_page: OpenPage, look: Look) -> Page:
    """A blank page."""
    return open_page(look)


@pytest.fixture(scope="session")
def parts_url() -> Iterator[str]:
    """Where there is a page for parts of the portal, without a service."""
    with site(FILES) as url:
        yield url


@pytest.fixture
def parts(page: Page, parts_url: str) -> Page:
    """A page with all scripts at hand, in the middle of a list that is narrowed."""
    page.goto(f"{parts_url}/#/agents?status=active&cursor=third")
    return page


@pytest.fixture(scope="session")
def fresh_portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Portal, list[Item]]]:
    """One service for each test process, and what its table holds at first."""
    with served(tmp_path_factory.mktemp("portal") / "functions.log") as portal:
        yield portal, portal.snapshot()


@pytest.fixture
def portal(fresh_portal: tuple[Portal, list[Item]]) -> Portal:
    """The service, with organizations that have no agents: as good as new for each test."""
    portal, snapshot = fresh_portal
    portal.restore(snapshot)
    return portal
