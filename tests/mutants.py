"""Mutation testing of the rules: `make mutants`.

Every rule is changed in every small way that mutmut knows, and the tests that state it have to
notice. Those changes that nobody can notice are listed in `mutants.toml`, each with the reason; any
other survivor fails the run, and so does a share of fewer than `LEAST` killed.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.proof import Figure, keep

LEAST = 0.90

_ROOT = Path(__file__).parents[1]
_STAGE = _ROOT / ".cache" / "mutants"
_ACCEPTED = Path(__file__).with_suffix(".toml")
_COPIED = ("tests", "functions", "events", "template.yaml")
_IGNORED = shutil.ignore_patterns("__pycache__")
_TOTAL = re.compile(r"\d+/(\d+)  🎉")
_UNNOTICED = {"survived", "no tests", "suspicious"}


@dataclass(frozen=True)
class Mutant:
    """A change of one line that no test has noticed."""

    function: str
    line: str

    def __str__(self) -> str:
        return f"{self.function}: {self.line}"


def main() -> int:
    """Run all mutants; 0 when only those survive that are known to mean the same."""
    _set_the_stage()
    run = _mutmut("run", shows=True)
    counted = _TOTAL.findall(run)
    if not counted:
        print("mutmut ran no mutant: see above.", file=sys.stderr)
        return 1
    known, left = set(_accepted()), list(_survivors())
    total, survivors = int(counted[-1]), set(left)
    killed = total - len(left)
    unknown = sorted(map(str, survivors - known))
    gone = sorted(map(str, known - survivors))
    share = killed / total
    found = f"{killed} of {total} mutants of the rules killed ({share:.1%})"
    told = f"{found}; {len(survivors & known)} that mean the same, each with its reason"
    print(told)
    for text, mutants in (("Survived, without a reason", unknown), ("Listed, but killed", gone)):
        for mutant in mutants:
            print(f"{text}: {mutant}")
    if unknown or gone or share < LEAST:
        return 1
    keep([Figure("mutants", told)])
    return 0


def _set_the_stage() -> None:
    """A copy of the project in which mutmut finds the package where it looks for it."""
    shutil.rmtree(_STAGE, ignore_errors=True)
    shutil.copytree(_ROOT / "shared" / "licensing", _STAGE / "src" / "licensing", ignore=_IGNORED)
    for name in _COPIED:
        source = _ROOT / name
        if source.is_dir():
            shutil.copytree(source, _STAGE / name, ignore=_IGNORED)
        else:
            shutil.copy(source, _STAGE / name)
    settings = (_ROOT / "pyproject.toml").read_text()
    staged = settings.replace('pythonpath = [".", "shared"', 'pythonpath = [".", "src"')
    (_STAGE / "pyproject.toml").write_text(staged)


def _mutmut(*arguments: str, shows: bool = False) -> str:
    """What mutmut says; shown as it comes, too, where it takes long."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mutmut", *arguments],
        cwd=_STAGE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = ""
    for line in process.stdout or ():
        said += line
        if shows:
            sys.stdout.write(line)
    process.wait()
    return said


def _survivors() -> Iterator[Mutant]:
    for line in _mutmut("results").splitlines():
        name, _, verdict = line.strip().partition(": ")
        if verdict in _UNNOTICED:
            changed = [
                shown[1:].strip()
                for shown in _mutmut("show", name).splitlines()
                if shown.startswith("+") and not shown.startswith("+++")
            ]
            yield Mutant(name.rpartition("__mutmut_")[0], " ".join(changed))


def _accepted() -> Iterator[Mutant]:
    for entry in tomllib.loads(_ACCEPTED.read_text())["survivor"]:
        if not entry["because"]:
            raise ValueError(f"no reason is given for {entry['function']}")
        for line in entry["lines"]:
            yield Mutant(entry["function"], line)


if __name__ == "__main__":
    sys.exit(main())
