"""The package as operators have it: installed, run, completed and cut short by a shell."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from licensing_cli import __version__
from tests.agent.installed import installed
from tests.cli.conftest import ROOT, Site
from tests.cli.terminal import Terminal
from tests.local.cast import MACHINE_A
from tests.local.procedures import jq_in

pytestmark = pytest.mark.thorough

BASH = shutil.which("bash") or ""
FOLDER = ROOT / "shared" / "licensing_cli"
BLOCKS = re.findall(r"```sh\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)

# What bash itself does when somebody presses Tab behind a line.
COMPLETES = """
eval "$(licensing --show-completion bash)"
function=$(complete -p licensing | sed 's/.*-F \\([^ ]*\\).*/\\1/')
while IFS= read -r line; do
  read -ra COMP_WORDS <<< "$line"
  [[ "$line" != *' ' ]] || COMP_WORDS+=("")
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  "$function" licensing
  echo "${COMPREPLY[@]}"
done
"""
COMPLETED = {
    "licensing org": "organizations",
    "licensing temporary generate acme --ttl 1": "1h 12h 1d",
    "licensing events list --type Clo": "CloneSuspected",
    "licensing organizations list --output ": "table json",
}


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the program in it, in an environment with nothing else."""
    folder = installed(tmp_path_factory.mktemp("environment"), FOLDER).parent
    return folder if shutil.which("jq") else jq_in(folder)


def bash(
    lines: str, folder: Path, terminal: Terminal, typed: str = ""
) -> "subprocess.CompletedProcess[str]":
    """Lines, typed into a shell that ends at the first that fails."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [BASH, "-euo", "pipefail", "-c", lines],
        env={**kept, **terminal.environment(), "PATH": path},
        input=typed,
        cwd=terminal.home,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_lines_of_the_readme_run_as_they_stand(
    shell: Path, site: Site, olivia: Terminal
) -> None:
    site.agent(MACHINE_A)
    assert len(BLOCKS) == 2
    for block in BLOCKS:
        ran = bash(block, shell, olivia)
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout
        assert olivia.token not in ran.stdout + ran.stderr
    said = bash("licensing --version", shell, olivia).stdout
    assert said == f"licensing {__version__}\n"


def test_bash_completes_commands_and_values(shell: Path, olivia: Terminal) -> None:
    ran = bash(COMPLETES, shell, olivia, typed="".join(f"{line}\n" for line in COMPLETED))
    assert ran.stdout.splitlines() == list(COMPLETED.values()), ran.stderr


def test_whoever_has_seen_enough_may_stop_reading(shell: Path, olivia: Terminal) -> None:
    # Whoever reads is gone before anything is written: no pipe is large enough for luck.
    lines = """
      exec 3> >(true)
      wait $!
      licensing organizations list >&3
      licensing organizations list --output json >&3
    """
    ran = bash(lines, shell, olivia)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
