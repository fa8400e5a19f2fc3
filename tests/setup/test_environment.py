"""Environments are made once, kept while nothing changes, and made anew for another Python."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.setup.environment import LOCK_OF_UV, ROOT

MAKE = ("make", "--silent", "--no-print-directory", "--directory", str(ROOT))


# Those that a version manager keeps lie side by side.
OTHER = next(
    (
        path
        for path in sorted(Path(sys.base_prefix).parent.glob("3.1[1-9]*/bin/python3"))
        if not path.is_relative_to(sys.base_prefix)
    ),
    None,
)


def made(
    folder: Path, *options: str, python: str | Path | None = None
) -> "subprocess.CompletedProcess[str]":
    program = ROOT / "tests" / "setup" / "environment.py"
    command: list[str | Path] = [python or sys.executable, program, folder, LOCK_OF_UV, *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def python_of(folder: Path) -> str:
    code = "import sys; print(sys.version.split()[0])"
    program: list[str | Path] = [folder / "bin" / "python", "-c", code]
    return subprocess.run(program, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def test_an_environment_is_made_once_and_anew_only_for_another_python(tmp_path: Path) -> None:
    folder = tmp_path / "environment"
    first = made(folder)
    assert first.returncode == 0, first.stderr
    assert "Installing" in first.stderr
    assert (folder / "bin" / "uv").is_file()
    again = made(folder)
    assert (again.returncode, again.stderr) == (0, "")
    kept = json.loads((folder / "locks.json").read_text())
    assert kept["python"] == ".".join(map(str, sys.version_info[:2]))


@pytest.mark.thorough
@pytest.mark.skipif(OTHER is None, reason="there is no other Python beside this one")
def test_another_python_makes_it_anew_only_if_it_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "environment"
    first = made(folder)
    assert first.returncode == 0, first.stderr
    before = python_of(folder)
    assert made(folder, python=OTHER).stderr == "", "it stays, unless a Python is named"
    assert python_of(folder) == before
    other = made(folder, "--this-python", python=OTHER)
    assert f"{folder} is of Python " in other.stderr
    assert "it is made anew" in other.stderr
    assert python_of(folder) != before


@pytest.mark.thorough
@pytest.mark.sampled(1, all=5)
@pytest.mark.parametrize("is_by_itself", [True, False])
@pytest.mark.parametrize("what", ["a place of before", "another version", "a record of nothing"])
def test_what_is_no_longer_as_it_was_made_is_put_right(
    tmp_path: Path, what: str, *, is_by_itself: bool
) -> None:
    folder = tmp_path / "environment"
    assert made(folder).returncode == 0
    record = json.loads((folder / "locks.json").read_text())
    if what == "another version":
        (metadata,) = folder.glob("lib/python*/site-packages/uv-*.dist-info")
        shutil.rmtree(metadata)
    elif what == "a record of nothing":
        (folder / "locks.json").write_text(json.dumps({**record, "locks": {}}))
    else:
        (folder / "locks.json").write_text(json.dumps({**record, "folder": "/elsewhere"}))
    again = made(folder, python=folder / "bin" / "python" if is_by_itself else None)
    assert again.returncode == 0, again.stderr
    assert "Installing" in again.stderr
    now = json.loads((folder / "locks.json").read_text())
    assert set(record["packages"]) <= set(now["packages"])
    assert made(folder).stderr == ""


def test_an_environment_that_has_lost_its_record_is_made_anew_by_itself(tmp_path: Path) -> None:
    folder = tmp_path / "environment"
    assert made(folder).returncode == 0
    (folder / "locks.json").unlink()
    again = made(folder, python=folder / "bin" / "python")
    assert again.returncode == 0, again.stderr
    assert (folder / "locks.json").is_file()


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    ended = made(tmp_path)
    assert ended.returncode == 1
    assert "VENV=" in ended.stderr
    assert (tmp_path / "thesis.txt").exists()


def test_an_environment_that_is_reached_by_a_link_is_not_made_anew(tmp_path: Path) -> None:
    folder, link = tmp_path / "environment", tmp_path / "link"
    assert made(folder).returncode == 0
    link.symlink_to(folder)
    again = made(link)
    assert (again.returncode, again.stderr) == (0, "")


def test_a_lock_that_is_not_there_is_named(tmp_path: Path) -> None:
    ended = made(tmp_path / "environment", "tests/setup/locks/none.txt")
    assert ended.returncode == 1
    assert "tests/setup/locks/none.txt" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_python_that_is_too_old_is_told_with_its_version(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text(
        f"#!/bin/sh\nexec '{sys.executable}' -c "
        "\"import sys; sys.version_info = (3, 9, 2); sys.version = '3.9.2 (old)'; $2\"\n"
    )
    old.chmod(0o755)
    ended = subprocess.run(
        [*MAKE, "python", f"PYTHON={old}"], capture_output=True, text=True, check=False
    )
    assert ended.returncode != 0
    assert f"Python 3.11 or newer is needed, but {old} is 3.9.2" in ended.stderr
    assert "PYTHON=" in ended.stderr


def test_a_file_of_another_hash_is_not_installed(tmp_path: Path) -> None:
    forged = tmp_path / "forged.txt"
    forged.write_text(f"iniconfig==2.3.1 --hash=sha256:{'0' * 64}\n")
    ended = made(tmp_path / "environment", str(forged))
    assert ended.returncode == 1
    assert "Hash mismatch" in ended.stderr
    kept = json.loads((tmp_path / "environment" / "locks.json").read_text())
    assert kept["locks"] == {}, "it does not pass for whole"


def test_where_nothing_can_be_kept_in_the_home_it_is_kept_here(tmp_path: Path) -> None:
    told: list[str] = []
    for home in (str(tmp_path), os.devnull):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("UV_", "XDG_", "PIP_"))}
        asked = subprocess.run(
            [*MAKE, "--eval", "told: ; @echo $$UV_CACHE_DIR,$$PIP_CACHE_DIR", "told"],
            env=kept | {"HOME": home},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        told.append(asked.stdout.strip())
    assert told == [",", f"{ROOT}/.cache/uv,{ROOT}/.cache/pip"]
