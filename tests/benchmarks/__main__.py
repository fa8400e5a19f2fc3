"""The command of the benchmarks: `python -m tests.benchmarks`, which is what `make bench` runs."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence

from tests.benchmarks import report
from tests.benchmarks.outcome import LeftOutError, Outcome, Size, Tell
from tests.benchmarks.registry import NAMES, benchmark
from tests.benchmarks.served import ServerError
from tests.engine import EngineError
from tests.local.aws import DynamoDbError
from tests.local.template import TemplateError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run benchmarks; 0 when all of them ran, whether or not their targets are met."""
    command = _parser().parse_args(arguments)
    if command.list:
        for name in NAMES:
            print(f"{name:20}{benchmark(name).TITLE}")
        return 0
    size = Size.SMALL if command.small else Size.FULL
    outcomes: dict[str, Outcome] = {}
    for name in command.names or NAMES:
        try:
            outcomes[name] = _run(name, size)
        except LeftOutError as error:
            print(f"The benchmark {name} is left out: {error}", file=sys.stderr)
        except (EngineError, DynamoDbError, ServerError, TemplateError) as error:
            print(f"The benchmark {name} cannot run: {error}", file=sys.stderr)
            return 1
    for name, outcome in outcomes.items():
        print(f"\n{report.told(benchmark(name).TITLE, outcome)}")
    _judge(outcomes)
    return 0


def _run(name: str, size: Size) -> Outcome:
    """Run one, and keep what it found at full size at once: the next one may fail."""
    tell = _teller(name)
    tell("begins")
    outcome = benchmark(name).measure(size, tell)
    tell("done")
    if size is Size.FULL:
        from tests.benchmarks.drawing import draw  # noqa: PLC0415 - tests do without matplotlib

        for plot in outcome.plots:
            draw(plot, report.PLOTS)
        report.keep(name, benchmark(name).TITLE, outcome)
        kept = json.loads(report.FIGURES.read_text())
        page = report.PAGE.read_text(encoding="utf-8")
        report.PAGE.write_text(report.quoted(page, kept, NAMES), encoding="utf-8")
    return outcome


def _teller(name: str) -> Tell:
    begun = time.monotonic()

    def tell(line: str) -> None:
        elapsed = int(time.monotonic() - begun)
        print(f"{name:>20} {elapsed:5d} s  {line}", file=sys.stderr, flush=True)

    return tell


def _judge(outcomes: dict[str, Outcome]) -> None:
    figures = [figure for outcome in outcomes.values() for figure in outcome.figures]
    aimed = [figure for figure in figures if figure.is_met is not None]
    if not aimed:
        return
    missed = [figure.name for figure in aimed if not figure.is_met]
    print(f"\n{len(aimed) - len(missed)} of {len(aimed)} targets are met.", end="")
    print(f" Missed: {'; '.join(missed)}." if missed else "")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="Measures the service: what it costs, and how fast it is. What a run at full "
        "size finds stands in figures.json, plots and README.md of tests/benchmarks.",
        epilog="The exit status is 0 when every benchmark ran, or was left out for want of what it "
        "compares with: a target that is missed is shown as such, and is no failure of the run. It "
        "is 1 when a benchmark cannot run, and 2 when the command is not understood.",
    )
    known = ", ".join(NAMES)
    parser.add_argument(
        "names", nargs="*", type=_name, metavar="NAME", help=f"one of {known} (default: all)"
    )
    parser.add_argument(
        "--small", action="store_true", help="do just enough to see that it works; keep nothing"
    )
    parser.add_argument("--list", action="store_true", help="list the benchmarks, and run none")
    return parser


def _name(text: str) -> str:
    if text not in NAMES:
        raise argparse.ArgumentTypeError(f"there is no benchmark {text}: --list shows them")
    return text


if __name__ == "__main__":
    sys.exit(main())
