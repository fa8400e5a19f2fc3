"""What benchmarks found, told: as text, in `figures.json`, and on the page `README.md`.

`figures.json` holds the latest run at full size of each benchmark, the day, the Python version and
the processor that it ran on: nothing that names a machine. The page's tables are made of that file.
"""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.outcome import Figure, Outcome, Table

FIGURES: Final = Path(__file__).with_name("figures.json")
PLOTS: Final = Path(__file__).with_name("plots")
PAGE: Final = Path(__file__).with_name("README.md")

_MARKED: Final = re.compile(
    r"(?s)(<!-- made by `make bench` from figures.json -->\n).*?"
    r"(<!-- end of what `make bench` made -->)"
)
_HEAD: Final = ("what", "figure", "target", "")
_VERDICTS: Final = {True: "met", False: "**missed**", None: ""}
_QUOTED_TABLES: Final = (
    ("cold", "Where the imports of ValidateFunction go"),
    ("warm", "Where the CPU"),
    ("peer", "A validation, ours"),
    ("peer", "Where the CPU"),
    ("capacity", "Each operation and its budget"),
    ("cost", "A million validations"),
    ("cost", "What a fleet costs"),
    ("cost", "Service quotas"),
)
"""The tables that the page shows, by the beginning of their titles."""


# -- as text ---------------------------------------------------------------------------------------


def amount(value: float, unit: str) -> str:
    """A number in its unit, with as many digits as mean something."""
    if value == int(value) and abs(value) < 1e15:
        digits = f"{int(value):,}"
    elif abs(value) >= 100:
        digits = f"{value:,.0f}"
    elif abs(value) >= 0.1:
        digits = f"{value:.2f}"
    else:
        digits = f"{value:.2g}"
    return f"{digits} {unit}".rstrip()


def row(figure: Figure) -> tuple[str, ...]:
    """A figure beside its target."""
    target = "" if figure.at_most is None else f"≤ {amount(figure.at_most, figure.unit)}"
    return (
        figure.name,
        amount(figure.value, figure.unit),
        target,
        {True: "met", False: "MISSED", None: ""}[figure.is_met],
        figure.note,
    )


def aligned(table: Table) -> str:
    """A table for a terminal."""
    rows = (table.head, *table.rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(one, widths, strict=True)).rstrip()
        for one in rows
    ]
    return "\n".join([table.title, *("  " + line for line in lines)])


def told(title: str, outcome: Outcome) -> str:
    """All that a benchmark found, for a terminal."""
    figures = Table(title, ("figure", "value", "target", "", ""), tuple(map(row, outcome.figures)))
    return "\n\n".join(map(aligned, (figures, *outcome.tables)))


# -- in the file -----------------------------------------------------------------------------------


def keep(name: str, title: str, outcome: Outcome, path: Path = FIGURES) -> None:
    """Put a benchmark's outcome in the place of its last one; the others stay as they are."""
    known: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    known[name] = {
        "title": title,
        "on": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "processor": processor(),
        "figures": [asdict(figure) for figure in outcome.figures],
        "tables": [asdict(table) for table in outcome.tables],
        "plots": [{"name": plot.name, "title": plot.title} for plot in outcome.plots],
    }
    path.write_text(json.dumps(known, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def processor(information: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's model, as far as the operating system tells."""
    if information.is_file():
        found = re.search(r"(?m)^model name\s*: (.+)$", information.read_text())
        if found:
            return found[1]
    return platform.machine()


# -- on the page -----------------------------------------------------------------------------------


def quoted(page: str, kept: Mapping[str, Mapping[str, Any]], order: Sequence[str]) -> str:
    """The page with what was found between its markers."""
    parts = [_figures(kept, order), *_tables(kept), _plots(kept, order)]
    made = "\n\n".join(part for part in parts if part)
    return _MARKED.sub(lambda marked: f"{marked[1]}\n{made}\n\n{marked[2]}", page)


def _figures(kept: Mapping[str, Mapping[str, Any]], order: Sequence[str]) -> str:
    """Figures beside their targets, those of a benchmark that has none, and the rest folded in."""
    shown: list[Sequence[str]] = []
    folded: list[Sequence[str]] = []
    for name in order:
        if name in kept:
            one = kept[name]
            figures = [Figure(**figure) for figure in one["figures"]]
            aimed = [figure for figure in figures if figure.at_most is not None] or figures
            title = (f"*{one['title']}* ({one['on']})", "", "", "")
            shown += [title, *map(_quoted_row, aimed)]
            others = [figure for figure in figures if figure not in aimed]
            folded += [title, *map(_quoted_row, others)] if others else []
    machines = sorted({f"Python {one['python']} on {one['processor']}" for one in kept.values()})
    parts = [_markdown(_HEAD, shown), f"Measured with {'; '.join(machines)}."]
    if folded:
        parts.append(_folded("Figures without a target", _markdown(_HEAD, folded)))
    return "\n\n".join(parts)


def _quoted_row(figure: Figure) -> Sequence[str]:
    return (
        figure.name + (f" ({figure.note})" if figure.note else ""),
        amount(figure.value, figure.unit),
        row(figure)[2],
        _VERDICTS[figure.is_met],
    )


def _folded(title: str, content: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{content}\n\n</details>"


def _tables(kept: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [
        _folded(table["title"], _markdown(table["head"], table["rows"]))
        for name, begins in _QUOTED_TABLES
        if name in kept
        for table in kept[name]["tables"]
        if table["title"].startswith(begins)
    ]


def _plots(kept: Mapping[str, Mapping[str, Any]], order: Sequence[str]) -> str:
    return "\n\n".join(
        f"![{plot['title']}](plots/{plot['name']}.svg)"
        for name in order
        if name in kept
        for plot in kept[name]["plots"]
    )


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in row)}|" for row in lines)
