"""An organization with 20,000 agents is looked at like a small one: a page of it at a time."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Page, expect

from tests.benchmarks.population import Agents
from tests.browser.portal import Portal, served

pytestmark = [pytest.mark.proof, pytest.mark.only_proof]

_AGENTS = 20_000
_AT_ONCE = 2  # threads that write
_ROWS = 50
_LONGEST_MS = 1000

# When the first row was there, by the clock of the page's performance entries.
_NOTE_ROWS = """
window.rowsAt = [];
new MutationObserver(() => {
  const first = document.querySelector("tbody tr th a");
  if (first && first !== window.firstRow) {
    window.firstRow = first;
    window.rowsAt.push(performance.now());
  }
}).observe(document, { childList: true, subtree: true });
"""
_WAITED = """
() => {
  const answers = performance.getEntriesByType("resource")
    .filter(({ name }) => name.includes("/organizations/acme/licenses"));
  return { rows: window.rowsAt, answers: answers.map(({ responseEnd }) => responseEnd) };
}
"""


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A service of its own: to put so many agents out of the way again would take as long."""
    yesterday = int(time.time()) - 86_400
    parts = [
        Agents("acme", range(first, _AGENTS, _AT_ONCE), yesterday, b"x" * 32, traces=False)
        for first in range(_AT_ONCE)
    ]
    with served(tmp_path_factory.mktemp("crowded") / "functions.log") as portal:
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            for done in [threads.submit(portal.put, part.items()) for part in parts]:
                done.result()
        yield portal


def test_each_page_of_20000_agents_is_there_within_a_second_of_its_answer(
    page: Page, crowded: Portal
) -> None:
    page.add_init_script(_NOTE_ROWS)
    crowded.visit(page, "ada", "/organizations/acme/agents")
    turn = page.get_by_role("navigation", name="Pages")
    sizes = []
    for shown in ("1–50", "51–100", "101–150"):
        expect(turn).to_contain_text(shown)
        expect(page.locator("tbody tr")).to_have_count(_ROWS)
        sizes.append(page.evaluate("() => document.querySelectorAll('*').length"))
        if shown != "101–150":
            turn.get_by_role("button", name="Next page").click()
    noted = page.evaluate(_WAITED)
    waits = [row - answer for row, answer in zip(noted["rows"], noted["answers"], strict=True)]
    assert len(waits) == 3
    assert all(0 <= wait < _LONGEST_MS for wait in waits), waits
    # No page leaves anything behind.
    assert max(sizes) - min(sizes) < _ROWS
