"""The lock files: what ships is what was tested, and what Lambda brings along does not ship."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETUP = ROOT / "tests" / "setup"
LOCKS = [*sorted(ROOT.glob("requirements*.txt")), *sorted(SETUP.glob("locks/*.txt"))]
NPM_LOCKS = sorted(SETUP.glob("npm/*/package-lock.json"))
DEVELOPING = ("local", "uv", "prove", "bench")


def pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"(?m)^([a-z0-9-]+)==([^ ]+)", (ROOT / lock).read_text()))


def test_the_layer_ships_the_versions_that_the_tests_run_with() -> None:
    shipped = pins("requirements.txt")
    assert shipped
    assert shipped.items() <= pins("requirements-dev.txt").items()


def test_the_layer_leaves_out_what_the_lambda_runtime_brings_along() -> None:
    assert pins("requirements.txt").keys().isdisjoint({"boto3", "botocore"})


@pytest.mark.parametrize("lock", DEVELOPING)
def test_what_is_installed_beside_the_tests_is_of_the_versions_that_they_run_with(
    lock: str,
) -> None:
    mine, theirs = pins(f"tests/setup/locks/{lock}.txt"), pins("requirements-dev.txt")
    assert mine
    assert not {name for name in mine.keys() & theirs.keys() if mine[name] != theirs[name]}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_names_no_registry_and_no_folder(lock: Path) -> None:
    assert not re.search(r"://|(?m:^-)|file:", lock.read_text())


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_has_the_hashes_of_all_that_it_pins(lock: Path) -> None:
    pinned = re.findall(r"(?m)^[a-z0-9-]+==.*(?:\n    .*)*", lock.read_text())
    assert pinned
    assert not [one for one in pinned if "--hash=sha256:" not in one]


@pytest.mark.parametrize("lock", NPM_LOCKS, ids=lambda path: path.parent.name)
def test_a_lock_of_npm_has_the_hashes_of_all_packages_and_names_no_registry(lock: Path) -> None:
    packages = json.loads(lock.read_text())["packages"]
    assert len(packages) > 1
    for name, package in packages.items():
        assert not name or package["integrity"].startswith("sha512-")
        assert "resolved" not in package


def test_two_locks_stand_at_the_top() -> None:
    assert [path.name for path in LOCKS if path.parent == ROOT] == [
        "requirements-dev.txt",
        "requirements.txt",
    ]
