"""The first page is short, and its figures are the latest ones."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.report import FIGURES

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LONGEST = 200


def test_it_is_read_in_five_minutes() -> None:
    assert len(README.splitlines()) <= LONGEST


def test_the_first_screen_says_what_it_costs_and_that_it_has_never_run_on_aws() -> None:
    first_screen = "\n".join(README.splitlines()[:20])
    figures: dict[str, Any] = json.loads(FIGURES.read_text())
    (costs,) = [
        table for table in figures["cost"]["tables"] if table["head"][0] == "dollars a month"
    ]
    (whole,) = [row for row in costs["rows"] if "in all" in row[0]]
    thousand, million = (float(dollars.replace(",", "")) for dollars in whole[1:3])
    assert costs["head"][1:3] == ["1,000 agents", "1,000,000 agents"]
    told = re.search(
        r"(\d+\.\d) \$ a month for 1,000 agents and (\d+) \$ for a million", first_screen
    )
    assert told is not None
    assert float(told[1]) == pytest.approx(thousand, rel=0.02)
    assert float(told[2]) == pytest.approx(million, rel=0.02)
    assert "never run in an AWS account" in first_screen


def test_a_change_has_few_files() -> None:
    rows = dict(re.findall(r"^\| (an? [\w ]+) \| (.*) \|$", README, re.MULTILINE))
    most = {"a validation code": 4, "a route": 5, "a field of a licence": 5}
    for change, files in most.items():
        assert 1 <= rows[change].count("](") <= files
