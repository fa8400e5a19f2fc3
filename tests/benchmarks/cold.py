"""Cold: what importing a function and making its clients takes, beside a bare boto3 handler.

Every sample is a process of its own, which measures its CPU from just before the import on, so that
the start of Python itself makes nothing look better. Samples are taken in rounds, one of each
handler and a bare one in each.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from tests.benchmarks import deployed
from tests.benchmarks.outcome import Figure, Outcome, Plot, Size, Table, Tell
from tests.benchmarks.samples import Ratio, ratio

TITLE = "cold: CPU of import and clients beside a bare boto3 handler"
MOST: Final = 1.25
"""Of functions that answer requests."""
MOST_OF_EVENTS: Final = 1.0
"""Of functions that events start."""

_ROOT: Final = Path(__file__).parents[2]
_BARE: Final = "import boto3\nboto3.client('dynamodb')\n"
_FLOOR: Final = (
    "from aws_lambda_powertools import Logger, Metrics\n"
    "from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey\n"
    "from pydantic import AfterValidator, BaseModel\n"
    "from licensing.adapters.aws_clients import Clients\n"
    "Logger(), Metrics(namespace='floor')\n"
    "clients = Clients()\nclients.dynamodb(None), clients.secrets()\n"
)
"""What a handler that answers requests begins with, without models and rules of its own."""
_FUNCTION: Final = (
    "from importlib import import_module\nimport_module('{module}')\n"
    "from licensing.entrypoints.deployment import current_deployment\n"
    "made = current_deployment()\n{parts}\n"
)
_PARTS: Final = {"PublishFunction": "made.bus"}
"""What a function has the deployment make, with its clients, if not the table and the secret."""

_MEASURED: Final = """
from resource import RUSAGE_SELF, getrusage
before = getrusage(RUSAGE_SELF)
{body}
after = getrusage(RUSAGE_SELF)
print(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, after.ru_maxrss)
"""
_EXPLAINED: Final = ("ValidateFunction", "ExpirySweepFunction")
_LINE: Final = re.compile(r"import time:\s*(\d+) \|\s*(\d+) \|\s*(\S+)")
_LEAST_SHARE: Final = 0.01


def measure(size: Size, tell: Tell) -> Outcome:
    """Measure every handler in rounds, and say where the time of two of them goes."""
    functions = deployed.read().functions
    modules = {name: one.handler.rpartition(".")[0] for name, one in functions.items()}
    chosen = [*modules] if size is Size.FULL else [*_EXPLAINED]
    programs = {
        name: _FUNCTION.format(
            module=modules[name], parts=_PARTS.get(name, "made.store, made.keyrings")
        )
        for name in chosen
    }
    for program in (_BARE, _FLOOR, *programs.values()):
        _sample(program)  # byte code is written, files are in memory
    rounds = size.of(15, 1)
    bare: list[float] = []
    floor: list[float] = []
    samples: dict[str, list[float]] = {name: [] for name in chosen}
    for number in range(rounds):
        bare.append(_sample(_BARE))
        floor.append(_sample(_FLOOR))
        for name, program in programs.items():
            samples[name].append(_sample(program))
        tell(f"round {number + 1} of {rounds}")
    ratios = {name: ratio(taken, bare) for name, taken in samples.items()}
    tables = [_handlers(samples, bare, ratios)]
    for name in _EXPLAINED:
        tell(f"where the time of {name} goes")
        tables.append(
            explained(name, [_import_times(programs[name]) for _ in range(size.of(5, 1))])
        )
    least = ratio(floor, bare)
    note = f"botocore's clients, pydantic, Powertools, cryptography; {least}"
    below = Figure("a handler without code of ours ÷ bare", least.value, "x", note=note)
    return Outcome((*_figures(ratios), below), tuple(tables), (_plot(ratios),))


def _figures(ratios: dict[str, Ratio]) -> tuple[Figure, ...]:
    behind_api = {route.function for route in deployed.read().routes}
    figures: list[Figure] = []
    for kind, most in (("that answer requests", MOST), ("that events start", MOST_OF_EVENTS)):
        of_kind = {
            name: one for name, one in ratios.items() if (name in behind_api) is (most == MOST)
        }
        worst = max(of_kind, key=lambda name: of_kind[name].value)
        middle = median(one.value for one in of_kind.values())
        above = sum(one.value > most for one in of_kind.values())
        note = f"{worst}, {of_kind[worst]}"
        figures += [
            Figure(f"slowest of the handlers {kind} ÷ bare", of_kind[worst].value, "x", most, note),
            Figure(f"middle of the handlers {kind} ÷ bare", middle, "x", most),
            Figure(f"handlers {kind} above the target", above, f"of {len(of_kind)}", 0),
        ]
    return tuple(figures)


def _handlers(
    samples: dict[str, list[float]], bare: Sequence[float], ratios: dict[str, Ratio]
) -> Table:
    ordered = sorted(ratios, key=lambda name: -ratios[name].value)
    rows = [(name, f"{median(samples[name]) * 1000:.0f} ms", str(ratios[name])) for name in ordered]
    return Table(
        "CPU of import and clients",
        ("handler", "median", "÷ bare"),
        (*rows, ("bare", f"{median(bare) * 1000:.0f} ms", "1")),
    )


def _plot(ratios: dict[str, Ratio]) -> Plot:
    ordered = sorted(one.value for one in ratios.values())
    numbers = range(1, len(ordered) + 1)
    return Plot(
        "cold",
        "Import and clients of each handler, in multiples of a bare one",
        "handlers, by their ratio",
        "CPU ÷ bare",
        (
            ("handlers", tuple(zip(map(float, numbers), ordered, strict=True))),
            ("target", tuple((float(number), MOST) for number in numbers)),
        ),
    )


# -- one process each ------------------------------------------------------------------------------


def _sample(body: str) -> float:
    """CPU seconds of ``body`` in a fresh process."""
    ran = _python("-c", _MEASURED.format(body=body))
    return float(ran.stdout.split()[0])


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(str(_ROOT / part) for part in ("shared", "functions"))
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": path} | deployed.variables()
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=True
    )


# -- where it goes ---------------------------------------------------------------------------------


def _import_times(body: str) -> str:
    return _python("-X", "importtime", "-c", body).stderr


def explained(name: str, runs: Iterable[str]) -> Table:
    """Own time of imports by package, the median of several ``-X importtime``."""
    counted = [by_package(run) for run in runs]
    packages = {package for one in counted for package in one}
    medians = {package: median(one[package] for one in counted) for package in packages}
    whole = sum(medians.values())
    shown = {p: t for p, t in medians.items() if t >= _LEAST_SHARE * whole}
    rows = sorted(shown.items(), key=lambda item: -item[1])
    rows.append(("all others", whole - sum(shown.values())))
    return Table(
        f"Where the imports of {name} go (own time, {whole / 1000:.0f} ms in all)",
        ("package", "ms", "share"),
        tuple((p, f"{t / 1000:.1f}", f"{t / whole:.0%}") for p, t in rows),
    )


def by_package(importtime: str) -> Counter[str]:
    """Microseconds of own time by package, out of what ``-X importtime`` prints."""
    found = Counter[str]()
    for own, _, module in _LINE.findall(importtime):
        found[_package(module)] += int(own)
    return found


def _package(module: str) -> str:
    first = module.partition(".")[0]
    return "standard library" if first.lstrip("_") in _STANDARD else first


_STANDARD: Final = frozenset(name.lstrip("_") for name in sys.stdlib_module_names)
