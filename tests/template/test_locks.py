"""The lock files: what ships is what was tested, and what Lambda brings along does not ship."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"(?m)^([a-z0-9-]+)==([^ ]+)", (ROOT / lock).read_text()))


def test_the_layer_ships_the_versions_that_the_tests_run_with() -> None:
    shipped = pins("requirements.txt")
    assert shipped
    assert shipped.items() <= pins("requirements-dev.txt").items()


def test_the_layer_leaves_out_what_the_lambda_runtime_brings_along() -> None:
    assert pins("requirements.txt").keys().isdisjoint({"boto3", "botocore"})


@pytest.mark.parametrize(
    "lock",
    [
        "requirements.txt",
        "requirements-dev.txt",
        "requirements-prove.txt",
        "requirements-bench.txt",
        "requirements-audit.txt",
        "requirements-scan.txt",
        "requirements-sam.txt",
    ],
)
def test_a_lock_names_no_registry_and_no_folder(lock: str) -> None:
    assert not re.search(r"://|(?m:^-)|file:", (ROOT / lock).read_text())
