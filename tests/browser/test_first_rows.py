"""How long somebody waits for the first rows of a page, over a network like many people's."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page

from tests.browser.http2 import relayed
from tests.browser.looks import DESKTOP, OpenPage
from tests.browser.portal import Portal

pytestmark = [pytest.mark.proof, pytest.mark.only_proof]

_LATENCY_MS = 100
_LONGEST_MS = 900
_TURNS = 5
_NOTE = """
new MutationObserver(() => {
  if (!window.rowsAt && document.querySelector("tbody tr th a, .attention")) {
    window.rowsAt = performance.now();
  }
}).observe(document, { childList: true, subtree: true });
"""
_NOTED = """() => ({
  rows: window.rowsAt,
  sent: performance.getEntriesByType("resource").reduce((sum, one) => sum + one.transferSize, 0),
  requests: performance.getEntriesByType("resource").length,
})"""


@pytest.fixture
def far(portal: Portal, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The service by HTTP/2, with ten agents."""
    for number in range(10):
        portal.log_in_agent(f"PC-{number}")
    with relayed(portal.url, tmp_path_factory.mktemp("relay")) as url:
        yield replace(portal, url=url)


def _waited(page: Page, portal: Portal, user: str, place: str) -> tuple[float, int, int]:
    """Milliseconds until the first rows are there, and the bytes and requests that it took."""
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": _LATENCY_MS,
            "downloadThroughput": -1,
            "uploadThroughput": -1,
        },
    )
    page.add_init_script(_NOTE)
    portal.visit(page, user, place)
    page.wait_for_function("() => window.rowsAt")
    noted = page.evaluate(_NOTED)
    return noted["rows"], noted["sent"], noted["requests"]


@pytest.mark.parametrize(
    ("user", "place"),
    [
        ("ada", "/organizations/acme/agents"),
        ("ada", "/"),
        ("olivia", "/"),
    ],
)
def test_the_first_rows_are_there_soon_after_a_first_visit(
    open_page: OpenPage, far: Portal, user: str, place: str
) -> None:
    waits = []
    for _ in range(_TURNS):
        page = open_page(DESKTOP, ignore_https_errors=True)
        waits.append(_waited(page, far, user, place))
        page.context.close()
    # The least one: what the machine has to do beside is none of the portal's.
    assert min(waits)[0] <= _LONGEST_MS, waits
