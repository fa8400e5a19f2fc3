"""What starts slowly loads late: which packages a command brings in, and when."""

import subprocess
import sys
from pathlib import Path

from tests.cli.terminal import Terminal

SLOW = {"asyncio", "authlib", "cryptography", "httpx", "licensing_agent", "platformdirs"}
FOR_TABLES = {"rich"}
FOR_A_SIGN_IN = {"authlib", "licensing_cli.browser", "licensing_cli.provider", "webbrowser"}

STARTED = """
import sys
from licensing_cli.app import app
print(*sys.modules)
try:
    app(sys.argv[1:], prog_name="licensing")
finally:
    print(*sys.modules)
"""


def loaded(terminal: Terminal, *arguments: str) -> tuple[set[str], set[str]]:
    """The modules that are there when the commands are, and when this one has ended."""
    ran = subprocess.run(
        [sys.executable, "-c", STARTED, *arguments],
        env=terminal.whole_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    lines = ran.stdout.splitlines()
    return set(lines[0].split()), set(lines[-1].split())


def test_help_waits_for_nothing_that_only_requests_need(tmp_path: Path) -> None:
    imported, helped = loaded(Terminal("", tmp_path), "licenses", "list", "--help")
    assert not imported & (SLOW | FOR_TABLES)
    assert not helped & SLOW


def test_a_command_waits_for_nothing_that_only_a_sign_in_needs(tmp_path: Path) -> None:
    nobody_listens = Terminal("http://127.0.0.1:9", tmp_path, "token")
    _, asked = loaded(nobody_listens, "--retries", "0", "whoami")
    assert "httpx" in asked
    assert not asked & FOR_A_SIGN_IN
