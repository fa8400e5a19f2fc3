"""Where CPU goes: a profile's own times, by package.

What the standard library and the interpreter do is counted for the packages that have it done, in
the shares that the profile knows of. A profiler makes calls dearer than they are, so that these are
shares, not times.
"""

from __future__ import annotations

import cProfile
import pstats
import sysconfig
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

Function = tuple[str, int, str]
"""A function as a profile names it: file, line, name."""

_NOTHING: Final = 1e-9  # what took no time still has a caller
_SITE: Final = "site-packages/"
_STANDARD: Final = sysconfig.get_path("stdlib")
_SHARED: Final = str(Path(__file__).parents[2] / "shared") + "/"


def shares(request: Callable[[], object], times: int) -> dict[str, float]:
    """The share of each package in the CPU of so many requests; they add up to one."""
    profiler = cProfile.Profile(time.process_time)
    profiler.enable()
    for _ in range(times):
        request()
    profiler.disable()
    stats: Any = pstats.Stats(profiler)
    return attributed(stats.stats)


def attributed(stats: Mapping[Function, Any]) -> dict[str, float]:
    """The shares, out of what :mod:`pstats` holds for each function."""
    known: dict[Function, dict[str, float]] = {}

    def owners(function: Function, above: frozenset[Function]) -> Mapping[str, float]:
        """To whom a function's time belongs, in shares; nobody, where it only calls itself."""
        if function in known:
            return known[function]
        package = package_of(function)
        callers = {c: one[2] for c, one in stats[function][4].items() if c not in above}
        found: dict[str, float] = defaultdict(float)
        if package is not None:
            found[package] = 1
        for caller, spent in callers.items() if package is None else ():
            for owner, share in owners(caller, above | {function}).items():
                found[owner] += (spent or _NOTHING) * share
        whole = sum(found.values())
        shared = {owner: part / whole for owner, part in found.items()}
        if not above:
            known[function] = shared = shared or {"else": 1}
        return shared

    times: dict[str, float] = defaultdict(float)
    for function, (_, _, own, _, _) in stats.items():
        for owner, share in owners(function, frozenset()).items():
            times[owner] += own * share
    whole = sum(times.values())
    return {owner: spent / whole for owner, spent in times.items()}


def package_of(function: Function) -> str | None:
    """The package that a function is of; ``None`` for the standard library and the interpreter."""
    path = function[0]
    if _SITE in path:
        return path.rpartition(_SITE)[2].partition("/")[0]
    if path.startswith(_SHARED):
        return path.removeprefix(_SHARED).removesuffix(".py").replace("/", ".")
    if path.startswith((_STANDARD, "<", "~")):
        return None
    return "else"
