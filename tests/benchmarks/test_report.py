"""What benchmarks found, told: in the terminal, in the file and on the page."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.benchmarks import report
from tests.benchmarks.__main__ import main
from tests.benchmarks.outcome import Figure, Outcome, Plot, Table
from tests.benchmarks.registry import NAMES, benchmark

OUTCOME = Outcome(
    (
        Figure("one ÷ other", 1.5, "x", 1.25, "as measured"),
        Figure("requests", 2, "", 2),
        Figure("per second", 1234.5, "1/s"),
    ),
    (
        Table(
            "What a fleet costs in a month", ("what", "dollars"), (("logs", "1"), ("reads", "20"))
        ),
    ),
    (Plot("picture", "A picture", "x", "y", (("line", ((1.0, 2.0),)),)),),
)
MARKED = (
    "before\n<!-- made by `make bench` from figures.json -->\nold\n"
    "<!-- end of what `make bench` made -->\nafter\n"
)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (2, "", "2"),
        (2.0, "RCU", "2 RCU"),
        (1.2345, "x", "1.23 x"),
        (0.00303, "$", "0.003 $"),
        (1234.5, "1/s", "1,234 1/s"),
        (1_000_000, "", "1,000,000"),
        (0, "WCU", "0 WCU"),
    ],
)
def test_a_number_has_the_digits_that_mean_something(value: float, unit: str, text: str) -> None:
    assert report.amount(value, unit) == text


def test_each_figure_stands_beside_its_target_and_whether_it_is_met() -> None:
    told = report.told("some benchmark", OUTCOME)
    assert told == (
        "some benchmark\n"
        "  figure       value      target\n"
        "  one ÷ other  1.50 x     ≤ 1.25 x  MISSED  as measured\n"
        "  requests     2          ≤ 2       met\n"
        "  per second   1,234 1/s\n"
        "\n"
        "What a fleet costs in a month\n"
        "  what   dollars\n"
        "  logs   1\n"
        "  reads  20"
    )


def test_a_run_replaces_its_own_figures_and_no_others(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    report.keep("a", "first", OUTCOME, path)
    report.keep("b", "second", OUTCOME, path)
    report.keep("a", "again", Outcome((Figure("less", 1, ""),)), path)
    kept = json.loads(path.read_text())
    assert [kept[name]["title"] for name in ("a", "b")] == ["again", "second"]
    assert [figure["name"] for figure in kept["a"]["figures"]] == ["less"]
    assert kept["b"]["plots"] == [{"name": "picture", "title": "A picture"}]
    assert kept["b"].keys() == {
        "title",
        "on",
        "python",
        "processor",
        "figures",
        "tables",
        "plots",
    }


def test_the_processor_is_named_as_the_operating_system_names_it(tmp_path: Path) -> None:
    information = tmp_path / "cpuinfo"
    information.write_text("processor\t: 0\nmodel name\t: Fast CPU @ 3 GHz\nmodel name\t: Other\n")
    assert report.processor(information) == "Fast CPU @ 3 GHz"
    assert report.processor(tmp_path / "nothing")


def test_the_page_tells_the_figures_between_its_markers(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    report.keep("cost", "cost of things", OUTCOME, path)
    kept = json.loads(path.read_text())
    kept["cost"] |= {"on": "2030-01-02", "python": "3.13.1", "processor": "Fast CPU"}
    told = report.quoted(MARKED, kept, ["warm", "cost"])
    assert told == (
        "before\n<!-- made by `make bench` from figures.json -->\n"
        "\n"
        "| what | figure | target | |\n"
        "| --- | --- | --- | --- |\n"
        "| *cost of things* (2030-01-02) | | | |\n"
        "| one ÷ other (as measured) | 1.50 x | ≤ 1.25 x | **missed** |\n"
        "| requests | 2 | ≤ 2 | met |\n"
        "\n"
        "Measured with Python 3.13.1 on Fast CPU.\n"
        "\n"
        "<details><summary>Figures without a target</summary>\n"
        "\n"
        "| what | figure | target | |\n"
        "| --- | --- | --- | --- |\n"
        "| *cost of things* (2030-01-02) | | | |\n"
        "| per second | 1,234 1/s | | |\n"
        "\n"
        "</details>\n"
        "\n"
        "<details><summary>What a fleet costs in a month</summary>\n"
        "\n"
        "| what | dollars |\n"
        "| --- | --- |\n"
        "| logs | 1 |\n"
        "| reads | 20 |\n"
        "\n"
        "</details>\n"
        "\n"
        "![A picture](plots/picture.svg)\n"
        "\n"
        "<!-- end of what `make bench` made -->\nafter\n"
    )
    assert report.quoted(told, kept, ["warm", "cost"]) == told


def test_the_page_tells_the_latest_figures() -> None:
    page, kept = report.PAGE.read_text(encoding="utf-8"), json.loads(report.FIGURES.read_text())
    assert report.quoted(page, kept, NAMES) == page


def test_every_plot_that_was_drawn_is_a_picture_without_a_date() -> None:
    kept = json.loads(report.FIGURES.read_text())
    named = {plot["name"] for one in kept.values() for plot in one["plots"]}
    assert {path.stem for path in report.PLOTS.iterdir()} == named
    for name in named:
        text = (report.PLOTS / f"{name}.svg").read_text()
        assert ET.fromstring(text).tag.endswith("svg")  # noqa: S314 - our own file
        assert "<dc:date>" not in text


def test_what_is_kept_names_no_place_on_the_machine() -> None:
    texts = [report.FIGURES.read_text(), *(path.read_text() for path in report.PLOTS.iterdir())]
    for text in texts:
        assert not any(place in text for place in ("/home/", "/root/", "/tmp/", "/Users/"))  # noqa: S108


def test_the_command_lists_the_benchmarks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(NAMES)
    assert all(benchmark(name).TITLE in line for name, line in zip(NAMES, lines, strict=True))


def test_the_command_knows_what_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["nonsense"])
    assert ended.value.code == 2
    assert "there is no benchmark nonsense" in capsys.readouterr().err
