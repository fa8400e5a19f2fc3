"""The memory of functions that agents call: what they are given is more than they need."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks import deployed

ROOT = Path(__file__).parents[2]
# As Lambda gets a function ready; then what it has, in MiB. (`ru_maxrss` knows of its parent, too.)
READY = """
import importlib, os, pathlib, subprocess, sys
importlib.import_module(sys.argv[1])
from licensing.entrypoints import snapstart
snapstart.prepare()
status = pathlib.Path("/proc/self/status")
if status.exists():
    (kib,) = [line.split()[1] for line in status.read_text().splitlines() if "VmHWM" in line]
else:
    kib = subprocess.check_output(["ps", "-o", "rss=", "-p", str(os.getpid())])
print(int(kib) / 1024)
"""


@pytest.mark.parametrize("function", ["IssueFunction", "ValidateFunction"])
def test_what_is_made_ready_leaves_half_of_its_memory_free(function: str) -> None:
    given = deployed.read().functions[function]
    environment = {**os.environ, **deployed.variables(), "PYTHONPATH": "shared:functions"}
    module = given.handler.rpartition(".")[0]
    ran = subprocess.run(
        [sys.executable, "-c", READY, module],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert 30 < float(ran.stdout) < given.memory / 2
