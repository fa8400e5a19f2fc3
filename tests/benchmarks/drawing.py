"""Plots as SVG files: on white, so that they are read on any page, and the same bytes each time."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas

from tests.benchmarks.outcome import Plot

_STYLE = {
    "svg.hashsalt": "licensing",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 11,
    "axes.grid": True,
    "axes.grid.which": "major",
    "grid.color": "#dddddd",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 2,
    "axes.prop_cycle": mpl.cycler(
        color=["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"],
        marker=["o", "s", "^", "D", "v", "P"],
    ),
}
_UNDATED = {"Date": None, "Creator": None}


def draw(plot: Plot, folder: Path) -> Path:
    """Draw a plot into the folder; the file that it made."""
    path = folder / f"{plot.name}.svg"
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(_STYLE):
        canvas = Canvas(figsize=(7, 4.2), layout="constrained", facecolor="white")
        axes = canvas.add_subplot(facecolor="white")
        for name, points in plot.series:
            axes.plot([x for x, _ in points], [y for _, y in points], label=name)
        if plot.is_logarithmic:
            axes.set_xscale("log")
            axes.set_yscale("log")
        else:
            axes.set_ylim(bottom=0)
        axes.set_title(plot.title)
        axes.set_xlabel(plot.x_label)
        axes.set_ylabel(plot.y_label)
        if len(plot.series) > 1:
            axes.legend(frameon=False)
        canvas.savefig(path, format="svg", metadata=_UNDATED)
    return path
