"""The files that are generated, in whole or in part, and whether they are as they have to be.

What this module guarantees: a file is judged by its whole text, so nothing that is generated can be
edited by hand without being noticed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from licensing_build import (
    command_line,
    examples,
    known_shared,
    openapi,
    portal,
    portal_types,
    tables,
)
from licensing_build.marked import filled


def generated(root: Path) -> Mapping[str, Callable[[], str]]:
    """Each file by its path from the repository's ``root``, and what makes its whole text."""
    return {
        "functions/discovery/static/openapi.json": openapi.written,
        "functions/discovery/static/routes.json": openapi.routes,
        "functions/portal/contract.d.ts": portal_types.declarations,
        "functions/portal/static/vocabulary.js": portal.vocabulary,
        "shared/licensing/domain/known_shared.py": known_shared.module,
        "shared/licensing_agent/MESSAGES.md": partial(
            _with_parts, root / "shared/licensing_agent/MESSAGES.md", tables.MESSAGES
        ),
        "shared/licensing_agent/protocol/components.py": known_shared.rules,
        "shared/licensing_agent/protocol/known_shared.py": known_shared.module,
        "shared/licensing_cli/vocabulary.py": command_line.vocabulary,
        "shared/licensing/README.md": partial(
            _with_parts, root / "shared/licensing/README.md", examples.PARTS
        ),
        "functions/README.md": partial(
            _with_parts, root / "functions" / "README.md", tables.API_PAGE
        ),
        "README.md": partial(_with_parts, root / "README.md", tables.README),
        "tests/contract/vectors/known_shared.json": known_shared.document,
        "template.yaml": partial(_with_parts, root / "template.yaml", tables.TEMPLATE),
    }


def stale(root: Path) -> dict[Path, str]:
    """The files that are not there or not as they have to be, each with the text to write."""
    texts = {root / path: text() for path, text in generated(root).items()}
    return {
        file: text
        for file, text in texts.items()
        if not file.is_file() or file.read_text(encoding="utf-8") != text
    }


def _with_parts(file: Path, parts: Mapping[str, Callable[[], str]]) -> str:
    return filled(file.read_text(encoding="utf-8"), parts)
