"""The accessibility of a page as axe-core judges it: WCAG 2.2 up to level AA, and best practice."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

_AXE = Path(__file__).parents[2] / ".cache/portal/node_modules/axe-core/axe.min.js"
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
    assert _AXE.is_file(), f"{_AXE} is missing: `make test` fetches it"
    return _AXE.read_text(encoding="utf-8")


def _readable(finding: dict[str, Any]) -> str:
    lines = [f"- {finding['id']} ({finding['impact']}): {finding['help']}, {finding['helpUrl']}"]
    for node in finding["nodes"]:
        lines.append(f"  {json.dumps(node['target'])}: {node['html'][:200]}")
        lines.extend(f"    {line.strip()}" for line in node["failureSummary"].splitlines())
    return "\n".join(lines)
