"""The accessibility of a page as axe-core judges it: WCAG 2.2 up to level AA, and best practice."""

import json
from functools import cache
from typing import Any

from playwright.sync_api import Page

from tests.setup import node
from tests.setup.registry import PORTAL_CHECKS

_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RUN = """
(tags) => axe.run(document, { runOnly: tags, resultTypes: ["violations"] })
  .then(({ violations, passes }) => ({ violations, passes: passes.length }))
"""


def assert_accessible(page: Page) -> None:
    """Fail with axe's findings, if it has any about the page as it stands now."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_axe())  # by way of the debugger, which no content security policy stops
    judged = page.evaluate(_RUN, _TAGS)
    assert judged["passes"], "axe looked at nothing"
    findings = judged["violations"]
    assert not findings, "\n".join(["axe finds:", *(_readable(finding) for finding in findings)])


@cache
def _axe() -> str:
    return (node.modules(PORTAL_CHECKS) / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def _readable(finding: dict[str, Any]) -> str:
    lines = [f"- {finding['id']} ({finding['impact']}): {finding['help']}, {finding['helpUrl']}"]
    for place in finding["nodes"]:
        lines.append(f"  {json.dumps(place['target'])}: {place['html'][:200]}")
        lines.extend(f"    {line.strip()}" for line in place["failureSummary"].splitlines())
    return "\n".join(lines)
