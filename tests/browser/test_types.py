"""The portal's scripts follow the contract: what changes there is an error where they use it."""

from pathlib import Path

import pytest

from licensing.entrypoints.site import CONTENT_TYPES
from tests.browser.scripts import copied, wrong_types
from tests.browser.site import STATIC

pytestmark = pytest.mark.needs("browser")

CHANGES = [
    # In the contract, what becomes of it, and which script is told of what.
    ("leased_until: string", "lease_ends_at: string", "agent.js", "leased_until"),
    ("next_cursor: string", "cursor: string", "temporary.js", "next_cursor"),
    ("seats: number;", "seats: string;", "organizations.js", "'number'"),
    ('"LicenseIssued" | ', "", "vocabulary.js", "LicenseIssued"),
    ('Status = "active" | "sus', 'Status = "active" | "lent" | "sus', "labels.js", "lent"),
    ('"dissociate" | "revoke">', '"dissociate">', "labels.js", "revoke"),
    ('TimeToLive = "1h"', 'TimeToLive = "30m" | "1h"', "labels.js", "30m"),
    ("  exclusive?: boolean;", "", "labels.js", "exclusive"),
    ('"user" | "agent"', '"user" | "robot" | "agent"', "labels.js", "robot"),
]
REASON = ("  revoked: ", "  lent: ", "labels.js", "revoked")
"""In the words that are not in the contract: one that has no advice, and an advice for none."""


def test_what_changes_in_the_contract_is_an_error_in_the_scripts_that_use_it(
    tmp_path: Path,
) -> None:
    portal = copied(tmp_path)
    assert wrong_types(tmp_path) == []
    for file, changes in [
        (portal / "contract.d.ts", CHANGES),
        (portal / "static" / "vocabulary.js", [REASON]),
    ]:
        text = file.read_text(encoding="utf-8")
        for before, after, _, _ in changes:
            assert before in text
            text = text.replace(before, after)
        file.write_text(text, encoding="utf-8")
    errors = wrong_types(tmp_path)
    for before, _, script, told in [*CHANGES, REASON]:
        assert [error for error in errors if f"/{script}(" in error and told in error], before


def test_nothing_is_served_but_what_a_browser_needs() -> None:
    served = [path for path in STATIC.rglob("*") if path.is_file()]
    assert {path.suffix for path in served} == set(CONTENT_TYPES)
    assert not [path for path in served if path.name.endswith(".d.ts")]
