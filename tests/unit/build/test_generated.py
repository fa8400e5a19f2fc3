"""What is generated from the code: it is up to date, and whoever forgets it is told."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from licensing_build import words
from licensing_build.__main__ import ROOT, main
from licensing_build.generated import generated, stale
from licensing_build.marked import filled

FILES = sorted(generated(ROOT))
PAGE = """\
Before.

<!-- generated: one -->
old
<!-- end -->
Between.
  # generated: two
  # end
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with nothing in it but what is generated."""
    for path in FILES:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, tmp_path / path)
    return tmp_path


def texts(root: Path) -> dict[str, str]:
    return {path: (root / path).read_text(encoding="utf-8") for path in FILES}


def test_what_is_committed_is_what_the_code_says() -> None:
    assert [str(file.relative_to(ROOT)) for file in stale(ROOT)] == []


def edited(text: str) -> str:
    """A file after somebody has edited a word that stands in its generated part alone."""
    words = [
        *("LicenseReinstated", "ORGANIZATION_MISMATCH", "LICENSES#acme", "/v1/me"),
        *("archlinux", "made up", "the connection was refused"),
    ]
    return text.replace(next(word for word in words if word in text), "Another", 1)


@pytest.mark.parametrize("path", FILES)
def test_a_file_that_was_edited_is_named_and_then_written_as_it_was(
    root: Path, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    good = texts(root)
    file = root / path
    file.write_text(edited(good[path]), encoding="utf-8")
    before = texts(root)
    assert main(["--check"], root) == 1
    assert capsys.readouterr().err == f"{path} is stale: run make generate\n"
    assert texts(root) == before != good
    assert main([], root) == 0
    assert capsys.readouterr().out == f"{path}\n"
    assert texts(root) == good
    assert main(["--check"], root) == 0


def test_a_file_that_is_missing_is_written(root: Path) -> None:
    file = root / "functions/portal/static/vocabulary.js"
    good = file.read_text(encoding="utf-8")
    file.unlink()
    assert main(["--check"], root) == 1
    assert main([], root) == 0
    assert file.read_text(encoding="utf-8") == good


def test_what_stands_between_the_marks_is_replaced_and_nothing_else() -> None:
    parts: dict[str, Callable[[], str]] = {"one": lambda: "new\n", "two": lambda: "  new: 2\n"}
    found = filled(PAGE, parts)
    assert found == PAGE.replace("old\n", "new\n").replace("two\n", "two\n  new: 2\n")
    assert filled(found, parts) == found


@pytest.mark.parametrize("names", [["one"], ["one", "two", "three"], []])
def test_a_mark_without_its_part_and_a_part_without_its_mark_are_told(names: list[str]) -> None:
    with pytest.raises(ValueError, match="marked are"):
        filled(PAGE, dict.fromkeys(names, str))
    with pytest.raises(ValueError, match="marked are"):
        filled(PAGE + PAGE, dict.fromkeys(["one", "two"], str))


def test_r32_no_reason_is_kept_for_two_things() -> None:
    assert all(reason.islower() for reason in words.reasons())
    assert len(set(words.reasons().values())) == len(words.reasons())
