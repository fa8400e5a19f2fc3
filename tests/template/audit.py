"""Ask for known weaknesses of everything that the lock files pin: `python audit.py LOCK…`.

pip-audit calls it a success when the service knows nothing of any package, as one does that only
mirrors packages, and a crash when the service is out of reach. Here both are said in plain words
and are no failure. A weakness is one, and so is everything else that goes wrong.

Runs in the environment of pip-audit, not in the one of the tests.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

_OUT_OF_REACH = ("ConnectionError", "ProxyError", "ConnectTimeout", "ReadTimeout", "SSLError")
_COMMAND = ("-m", "pip_audit", "--format", "json", "--progress-spinner", "off", "--disable-pip")


@dataclass(frozen=True)
class Verdict:
    """What an audit came to."""

    words: str
    failed: bool


def verdict(status: int, answer: str, complaint: str) -> Verdict:
    """What pip-audit's exit status, output and error output mean."""
    try:
        packages: list[dict[str, Any]] = json.loads(answer)["dependencies"]
    except (ValueError, KeyError):
        # The last line names the error, and its class first.
        last = complaint.strip().rpartition("\n")[2]
        if last.partition(": ")[0].rpartition(".")[2] in _OUT_OF_REACH:
            return Verdict("NOT CHECKED: the vulnerability service is out of reach", failed=False)
        return Verdict(f"pip-audit failed with status {status}: {last}", failed=True)
    weak = [
        f"{package['name']} {package['version']}: {found['id']}"
        for package in packages
        for found in package.get("vulns", [])
    ]
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    if weak:
        return Verdict(f"known weaknesses: {'; '.join(weak)}", failed=True)
    if status != 0 or not packages:
        return Verdict(f"pip-audit failed with status {status}", failed=True)
    if len(unknown) == len(packages):
        return Verdict("NOT CHECKED: the vulnerability service knows no package", failed=False)
    if unknown:
        return Verdict(f"the vulnerability service does not know {', '.join(unknown)}", failed=True)
    return Verdict(f"no known weakness in {len(packages)} packages", failed=False)


def main(*locks: str) -> int:
    """Audit each lock file; 1 if one of them failed."""
    failed = False
    for lock in locks:
        ran = subprocess.run(
            [sys.executable, *_COMMAND, "--requirement", lock],
            capture_output=True,
            text=True,
            check=False,
        )
        found = verdict(ran.returncode, ran.stdout, ran.stderr)
        sys.stdout.write(f"{lock}: {found.words}\n")
        failed |= found.failed
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
