"""Environments are made once, kept while nothing changes, and made anew for another Python."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.setup.environment import ROOT, UV

MAKE = ("make", "--silent", "--no-print-directory", "--directory", str(ROOT))


def made(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    program = ROOT / "tests" / "setup" / "environment.py"
    command: list[str | Path] = [sys.executable, program, folder, UV, *options]
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
    (folder / "locks.json").write_text(json.dumps({**kept, "python": "3.10"}))
    assert made(folder).stderr == "", "it stays, unless a Python is named"
    other = made(folder, "--this-python")
    running = ".".join(map(str, sys.version_info[:2]))
    assert other.stderr.startswith(f"{folder} is of Python 3.10: it is made anew")
    assert json.loads((folder / "locks.json").read_text())["python"] == running
    assert python_of(folder).startswith(running)


def test_what_is_half_installed_does_not_pass_for_whole(tmp_path: Path) -> None:
    folder = tmp_path / "environment"
    folder.mkdir()
    (folder / "left").touch()
    assert made(folder).returncode == 0
    assert not (folder / "left").exists()


def test_a_lock_that_is_not_there_is_named(tmp_path: Path) -> None:
    ended = made(tmp_path / "environment", "tests/setup/locks/none.txt")
    assert ended.returncode == 1
    assert "tests/setup/locks/none.txt" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_python_that_is_too_old_is_told_with_its_version(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text(
        f"#!/bin/sh\nexec {sys.executable} -c "
        "\"import sys; sys.version_info = (3, 9, 2); sys.version = '3.9.2 (old)'; $2\"\n"
    )
    old.chmod(0o755)
    ended = subprocess.run(
        [*MAKE, "python", f"PYTHON={old}"], capture_output=True, text=True, check=False
    )
    assert ended.returncode != 0
    assert f"Python 3.11 or newer is needed, and {old} is 3.9.2" in ended.stderr
    assert "PYTHON=" in ended.stderr


def test_a_file_of_another_hash_is_not_installed(tmp_path: Path) -> None:
    forged = tmp_path / "forged.txt"
    forged.write_text(f"iniconfig==2.3.1 --hash=sha256:{'0' * 64}\n")
    ended = made(tmp_path / "environment", str(forged))
    assert ended.returncode == 1
    assert "Hash mismatch" in ended.stderr
    assert not (tmp_path / "environment" / "locks.json").exists()


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
