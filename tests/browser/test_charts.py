"""The portal's charts show the numbers they are given.

To the eye, the pointer, the keyboard and as a table, in each look; and they say what it means that
there are none.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.accessibility import assert_accessible
from tests.browser.looks import DARK, DESKTOP, FORCED_COLORS, LOOKS, PHONE
from tests.browser.site import site

pytestmark = pytest.mark.sampled(7)

_INDEX = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Charts</title>
<link rel="stylesheet" href="style.css"><link rel="stylesheet" href="charts.css">
<script type="module" src="around.js"></script>
</head>
<body><main><h1>Charts</h1><button>Before</button><div></div><button>After</button></main></body>
</html>
"""
_JS = """
import * as charts from "./charts.js";

const shown = new Intl.DateTimeFormat("en-US", {
  month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  timeZone: "UTC",
});
const drawn = ({ points, ...rest }) => ({
  ...rest,
  points: points?.map((point) => ({ ...point, at: new Date(point.at) })),
  formatX: (at) => shown.format(at),
});
globalThis.draw = (...asked) => {
  const figures = asked.map(([kind, chart]) => charts[kind](drawn(chart)));
  document.querySelector("main > div").replaceChildren(...figures);
  // Drawn once it has a size, in the next frame but one at the latest.
  return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
};
"""

_START = datetime(2026, 11, 17, 9, tzinfo=UTC)
_STATUSES = ["active", "suspended", "detached", "dissociated", "expired", "revoked"]

Chart = tuple[str, dict[str, Any]]


def _described(title: str) -> dict[str, str]:
    return {
        "title": title,
        "description": f"{title}, told in a sentence.",
        "empty": f"There is nothing of {title.lower()} yet.",
    }


def _licenses(days: int = 31) -> Chart:
    points = [
        {
            "at": (_START + timedelta(days=day)).isoformat(),
            "values": {
                status: (number + 1) * 40 + (day * 7 + number * 5) % 30
                for number, status in enumerate(_STATUSES)
            },
        }
        for day in range(days)
    ]
    series = [
        {"key": status, "label": status.capitalize(), "className": f"status-{status}"}
        for status in _STATUSES
    ]
    return "stackedArea", {**_described("Licenses"), "series": series, "points": points}


def _activity(most: int | None = None) -> Chart:
    values = [(hour * 37) % 51 for hour in range(168)]
    if most is not None:
        values = [min(value, most) for value in values[:-1]] + [most]
    points = [
        {"at": (_START + timedelta(hours=hour)).isoformat(), "value": value}
        for hour, value in enumerate(values)
    ]
    return "columns", {**_described("Activity"), "unit": "agents", "points": points}


def _expiries() -> Chart:
    points = [
        {
            "at": (_START + timedelta(days=day)).isoformat(),
            "value": (day * 13) % 8,
            "label": f"Day {day + 1}",
        }
        for day in range(90)
    ]
    return "columns", {**_described("Expiries"), "unit": "licenses", "points": points}


def _refusals() -> Chart:
    rows = [
        {"label": "A computer that does not match", "value": 1240, "detail": "in 12 licenses"},
        {"label": "Suspended", "value": 310, "detail": "in 4 licenses"},
        {"label": "Revoked", "value": 1},
    ]
    return "bars", {**_described("Refusals"), "unit": "times", "rows": rows}


_ALL = [_licenses(), _activity(), _expiries(), _refusals()]
_EMPTY = [
    ("stackedArea", {**_licenses()[1], "points": []}),
    (
        "stackedArea",
        {**_licenses()[1], "points": [{"at": _START.isoformat(), "values": {"active": 0}}]},
    ),
    ("columns", {**_activity()[1], "points": []}),
    ("columns", {**_activity()[1], "points": [{"at": _START.isoformat(), "value": 0}] * 168}),
    ("bars", {**_refusals()[1], "rows": []}),
    ("bars", {**_refusals()[1], "rows": [{"label": "Suspended", "value": 0}]}),
]


@pytest.fixture(scope="module")
def charts_url() -> Iterator[str]:
    with site({"index.html": _INDEX, "around.js": _JS}) as url:
        yield url


Draw = Callable[..., None]


@pytest.fixture
def draw(page: Page, charts_url: str) -> Draw:
    """Draws charts, in place of those there were."""
    page.goto(charts_url)

    def draw_all(*charts: Chart) -> None:
        page.evaluate("(charts) => draw(...charts)", list(charts))

    return draw_all


def _numbers(locator: Locator, attribute: str) -> list[float]:
    found: list[float] = locator.evaluate_all(
        "(all, name) => all.map((one) => Number.parseFloat(one.getAttribute(name)))", attribute
    )
    return found


def _values(chart: Chart) -> list[int]:
    return [point["value"] for point in chart[1]["points"]]


def _shown(at: str) -> str:
    return f"{datetime.fromisoformat(at):%b %-d, %H:%M}"


def test_columns_are_as_high_as_their_numbers(page: Page, draw: Draw) -> None:
    draw(_activity())
    heights = _numbers(page.locator(".chart-column"), "height")
    tick = _numbers(page.locator(".chart-grid"), "y1")
    counts = [int(text) for text in page.locator(".chart-count").all_text_contents()]
    scale = (tick[0] - tick[-1]) / counts[-1]  # pixels of one agent
    assert heights == pytest.approx([value * scale for value in _values(_activity())], abs=0.05)


def test_layers_are_as_thick_as_their_numbers_and_lie_upon_each_other(
    page: Page, draw: Draw
) -> None:
    kind, chart = _licenses()
    draw((kind, chart))
    outlines = []
    for path in page.locator("path.chart-area").all():
        numbers = [float(one) for one in re.findall(r"[\d.]+", path.get_attribute("d") or "")]
        heights = numbers[1::2]
        half = len(heights) // 2
        outlines.append((heights[:half], heights[half:][::-1]))
    tick = _numbers(page.locator(".chart-grid"), "y1")
    top = int((page.locator(".chart-count").last.text_content() or "").replace(",", ""))
    scale = (tick[0] - tick[-1]) / top
    for status, (over, under) in zip(_STATUSES, outlines, strict=True):
        thickness = [low - high for high, low in zip(over, under, strict=True)]
        numbers = [point["values"][status] for point in chart["points"]]
        assert thickness == pytest.approx([one * scale for one in numbers], abs=0.05)
    assert all(lower[0] == upper[1] for lower, upper in pairwise(outlines))
    assert set(outlines[0][1]) == {tick[0]}


def test_bars_are_as_long_as_their_numbers_and_say_them(page: Page, draw: Draw) -> None:
    draw(_refusals())
    assert _numbers(page.locator(".chart-column"), "width") == [100, 25, 0.08]
    assert page.locator(".chart-row-value").all_text_contents() == ["1,240", "310", "1"]
    assert page.locator(".chart-row-label").first.text_content() == "A computer that does not match"


def test_counts_are_told_in_steps_of_one_two_or_five(page: Page, draw: Draw) -> None:
    for most, ticks in [
        (1, "0 1"),
        (3, "0 1 2 3"),
        (7, "0 2 4 6 8"),
        (50, "0 20 40 60"),
        (99, "0 50 100"),
        (2000, "0 500 1,000 1,500 2,000"),
        (12345, "0 5,000 10,000 15,000"),
    ]:
        draw(_activity(most))
        assert " ".join(page.locator(".chart-count").all_text_contents()) == ticks


def test_one_moment_is_drawn_as_a_column_of_all_parts(page: Page, draw: Draw) -> None:
    draw(_licenses(days=1))
    boxes = [path.bounding_box() for path in page.locator("path.chart-area").all()]
    assert len(boxes) == len(_STATUSES)
    assert all(box and box["width"] > 20 and box["height"] > 3 for box in boxes)
    page.locator(".chart-plot").focus()
    expect(page.locator(".chart-tooltip")).to_contain_text("Active: 40")


def test_a_chart_of_nothing_says_what_that_means(page: Page, draw: Draw) -> None:
    for kind, chart in _EMPTY:
        draw((kind, chart))
        figure = page.locator("figure")
        expect(figure.locator(".chart-empty")).to_have_text(chart["empty"])
        expect(figure.locator(".chart-title")).to_have_text(chart["title"])
        expect(figure.locator("svg, table, [tabindex]")).to_have_count(0)
    assert_accessible(page)


def _table(chart: Chart) -> list[list[str]]:
    kind, told = chart
    if kind == "bars":
        heads = ["Name", told["unit"], "Detail"]
        rows = [[row["label"], f"{row['value']:,}", row.get("detail", "")] for row in told["rows"]]
    elif kind == "columns":
        heads = ["Time", told["unit"]]
        rows = [
            [point.get("label") or _shown(point["at"]), f"{point['value']:,}"]
            for point in told["points"]
        ]
    else:
        heads = ["Time", *(one["label"] for one in told["series"]), "All"]
        rows = [
            [
                _shown(point["at"]),
                *(f"{point['values'][one['key']]:,}" for one in told["series"]),
                f"{sum(point['values'].values()):,}",
            ]
            for point in told["points"]
        ]
    return [heads, *rows]


@pytest.mark.parametrize("chart", _ALL, ids=lambda chart: chart[1]["title"])
def test_the_table_tells_the_same_numbers(page: Page, draw: Draw, chart: Chart) -> None:
    draw(chart)
    table = page.locator("table")
    expect(table).to_be_hidden()
    page.get_by_text("Show as a table").click()
    expect(table).to_be_visible()
    rows = table.evaluate(
        "(table) => [...table.rows].map((row) => [...row.cells].map((one) => one.textContent))"
    )
    assert rows == _table(chart)
    assert table.locator("caption").text_content() == chart[1]["title"]
    assert table.locator("thead th[scope=col]").count() == len(rows[0])
    assert table.locator("tbody th[scope=row]").count() == len(rows) - 1
    assert_accessible(page)


def test_the_keyboard_walks_from_hour_to_hour(page: Page, draw: Draw) -> None:
    draw(_activity())
    page.locator("button").first.focus()
    page.keyboard.press("Tab")
    expect(page.locator(".chart-spoken")).to_have_text("Nov 17, 09:00. agents: 0")
    for key, told in [
        ("ArrowLeft", "Nov 17, 09:00. agents: 0"),
        ("ArrowRight", "Nov 17, 10:00. agents: 37"),
        ("ArrowRight", "Nov 17, 11:00. agents: 23"),
        ("ArrowLeft", "Nov 17, 10:00. agents: 37"),
        ("End", "Nov 24, 08:00. agents: 8"),
        ("ArrowRight", "Nov 24, 08:00. agents: 8"),
        ("Home", "Nov 17, 09:00. agents: 0"),
    ]:
        page.keyboard.press(key)
        expect(page.locator(".chart-spoken")).to_have_text(told)
        heading, value = told.split(". ")
        expect(page.locator(".chart-tooltip strong")).to_have_text(heading)
        expect(page.locator(".chart-tooltip span")).to_have_text(value)
    page.keyboard.press("Escape")
    expect(page.locator(".chart-tooltip")).to_be_hidden()


def test_the_keyboard_walks_from_day_to_day_and_from_status_to_status(
    page: Page, draw: Draw
) -> None:
    draw(_licenses())
    page.locator(".chart-plot").focus()
    spoken = page.locator(".chart-spoken")
    expect(spoken).to_have_text(
        "Nov 17, 09:00. All: 915, Active: 40, Suspended: 85, Detached: 130, Dissociated: 175, "
        "Expired: 220, Revoked: 265"
    )
    for key, told in [
        ("ArrowUp", "Nov 17, 09:00. Active: 40"),
        ("ArrowRight", "Nov 18, 09:00. Active: 47"),
        ("ArrowUp", "Nov 18, 09:00. Suspended: 92"),
        ("End", "Dec 17, 09:00. Suspended: 85"),
        ("ArrowDown", "Dec 17, 09:00. Active: 40"),
        ("ArrowDown", "Dec 17, 09:00. All: 915, Active: 40, Suspended: 85, Detached: 130, "),
    ]:
        page.keyboard.press(key)
        expect(spoken).to_contain_text(told)


def test_the_keyboard_walks_down_the_bars(page: Page, draw: Draw) -> None:
    draw(_refusals())
    page.locator(".chart-plot").focus()
    spoken = page.locator(".chart-spoken")
    expect(spoken).to_have_text("A computer that does not match. times: 1,240, in 12 licenses")
    page.keyboard.press("ArrowDown")
    expect(spoken).to_have_text("Suspended. times: 310, in 4 licenses")
    expect(page.locator(".chart-row.chart-chosen")).to_contain_text("Suspended")
    page.keyboard.press("End")
    expect(spoken).to_have_text("Revoked. times: 1")
    page.keyboard.press("ArrowUp")
    expect(spoken).to_have_text("Suspended. times: 310, in 4 licenses")


def test_a_chart_is_one_tab_stop_beside_its_table(page: Page, draw: Draw) -> None:
    draw(_activity())
    page.locator("button").first.focus()
    stops = []
    for _ in range(3):
        page.keyboard.press("Tab")
        stops.append(page.evaluate("() => document.activeElement.localName"))
    assert stops == ["div", "summary", "button"]
    expect(page.locator(".chart-tooltip")).to_be_hidden()


def test_keys_that_are_not_the_charts_stay_the_browsers(page: Page, draw: Draw) -> None:
    draw(_activity())
    page.evaluate(
        """() => addEventListener("keydown", (event) => {
             document.body.dataset.kept = `${event.key} ${event.defaultPrevented}`;
             event.preventDefault();
           })"""
    )
    page.locator(".chart-plot").focus()
    for key in ("Alt+ArrowLeft", "Control+Home", "PageDown", "ArrowUp", "a"):
        page.keyboard.press(key)
        kept = f"{key.rpartition('+')[2]} false"
        expect(page.locator("body")).to_have_attribute("data-kept", kept)
        expect(page.locator(".chart-spoken")).to_have_text("Nov 17, 09:00. agents: 0")


def _leading() -> list[tuple[Chart, list[str], list[str]]]:
    """Charts that lead to lists; keys to press, and where Enter leads to then."""
    (area, licenses), (columns, activity), (bars, refusals) = _licenses(), _activity(), _refusals()
    licenses["href"] = "#/all"
    for one in licenses["series"]:
        one["href"] = f"#/{one['key']}"
    for number, point in enumerate(activity["points"]):
        if point["value"]:
            point["href"] = f"#/hour/{number}"
    for number, row in enumerate(refusals["rows"]):
        row["href"] = f"#/reason/{number}"
    refusals["rows"][1]["listed"] = "all refusals of that time"
    return [
        # What was so is listed nowhere: only the last point is that of now.
        (
            (area, licenses),
            ["", "End", "ArrowUp", "ArrowUp", "ArrowLeft"],
            ["", "#/all", "#/active", "#/suspended", ""],
        ),
        ((columns, activity), ["ArrowRight", "End", "Home"], ["#/hour/1", "#/hour/167", ""]),
        ((bars, refusals), ["", "ArrowDown"], ["#/reason/0", "#/reason/1"]),
    ]


@pytest.mark.parametrize("leading", _leading(), ids=lambda leading: leading[0][0])
def test_enter_leads_to_the_list_of_what_is_counted(
    page: Page, draw: Draw, leading: tuple[Chart, list[str], list[str]]
) -> None:
    chart, keys, places = leading
    draw(chart)
    plot = page.locator(".chart-plot")
    expect(plot).to_have_attribute(
        "aria-label", re.compile("Enter leads to a list where there is one")
    )
    plot.focus()
    for key, place in zip(keys, places, strict=True):
        page.evaluate("() => history.replaceState(null, '', '#')")
        if key:
            page.keyboard.press(key)
        expect(page.locator(".chart-hint")).to_have_count(1 if place else 0)
        page.keyboard.press("Enter")
        assert page.evaluate("() => location.hash") == place


def test_a_click_leads_to_the_list_of_what_is_there(page: Page, draw: Draw) -> None:
    (licenses, *_), (activity, *_), (refusals, *_) = _leading()
    draw(licenses, activity, refusals)
    layer = page.locator("g.chart-layer path:last-child").nth(2)
    box = layer.bounding_box()
    assert box
    layer.click()
    assert page.evaluate("() => location.hash") == ""  # at the middle, it is of a day that has gone
    layer.click(position={"x": box["width"] - 6, "y": box["height"] / 2})
    assert page.evaluate("() => location.hash") == "#/detached"
    for where, place in [
        (page.locator(".chart-column").nth(100), "#/hour/100"),
        (page.locator(".chart-row").nth(2), "#/reason/2"),
        (page.locator(".chart-legend").get_by_role("link", name="Revoked"), "#/revoked"),
    ]:
        where.click()
        assert page.evaluate("() => location.hash") == place
    for summary in page.locator("summary").all():
        summary.click()
    for name, place in [("Nov 17, 10:00", "#/hour/1"), ("Suspended", "#/suspended")]:
        page.locator(".chart-table").get_by_role("link", name=name).first.click()
        assert page.evaluate("() => location.hash") == place
    assert_accessible(page)


def test_a_hint_says_what_is_listed_if_that_is_not_just_what_is_counted(
    page: Page, draw: Draw
) -> None:
    draw(_leading()[2][0])
    page.locator(".chart-plot").focus()
    for listed in ("them", "all refusals of that time", "them"):
        expect(page.locator(".chart-hint")).to_have_text(f"Enter or a click lists {listed}.")
        page.keyboard.press("ArrowDown")


def test_a_list_can_be_opened_beside_the_chart(page: Page, draw: Draw) -> None:
    draw(_leading()[2][0])
    with page.context.expect_page() as opened:
        page.locator(".chart-row").first.click(modifiers=["Control"])
    expect(opened.value).to_have_url(re.compile("#/reason/0$"))
    assert page.evaluate("() => location.hash") == ""


@pytest.mark.parametrize("look", [PHONE], ids=str)
def test_a_finger_reads_first_and_leads_when_it_touches_the_same_again(
    page: Page, draw: Draw
) -> None:
    draw(_leading()[2][0])
    row = page.locator(".chart-row").nth(1)
    for other, told in [(page.locator(".chart-row").first, "in 12"), (row, "in 4 licenses")]:
        other.tap()
        expect(page.locator(".chart-tooltip")).to_contain_text(told)
        assert page.evaluate("() => location.hash") == ""
    row.tap()
    assert page.evaluate("() => location.hash") == "#/reason/1"


def test_the_pointer_shows_what_it_is_over_until_it_leaves(page: Page, draw: Draw) -> None:
    draw(_activity())
    tooltip = page.locator(".chart-tooltip")
    page.locator(".chart-column").nth(100).hover()
    expect(tooltip).to_have_text(f"Nov 21, 13:00agents: {_values(_activity())[100]}")
    expect(page.locator(".chart-spoken")).to_be_empty()  # who points, looks
    page.locator("h1").hover()
    expect(tooltip).to_be_hidden()
    expect(page.locator(".chart-cursor")).to_have_count(0)


@pytest.mark.parametrize("look", [PHONE], ids=str)
def test_what_a_finger_touched_stays_to_be_read(page: Page, draw: Draw) -> None:
    draw(_refusals())
    page.locator(".chart-row").nth(1).tap()
    expect(page.locator(".chart-tooltip")).to_contain_text("in 4 licenses")
    page.locator("button").last.tap()
    expect(page.locator(".chart-tooltip")).to_be_hidden()


@pytest.mark.parametrize("look", [PHONE], ids=str)
def test_a_tooltip_stays_within_its_chart(page: Page, draw: Draw) -> None:
    kind, chart = _expiries()
    long = [{**point, "label": "a day with a long name " * 3} for point in chart["points"][:4]]
    draw((kind, {**chart, "points": long}))
    page.locator(".chart-plot").focus()
    for _ in long:
        outer = page.locator(".chart-plot").bounding_box()
        inner = page.locator(".chart-tooltip").bounding_box()
        assert outer
        assert inner
        assert outer["x"] <= inner["x"]
        assert inner["x"] + inner["width"] <= outer["x"] + outer["width"]
        page.keyboard.press("ArrowRight")


def test_a_chart_is_drawn_anew_for_another_width(page: Page, draw: Draw) -> None:
    draw(_activity())
    ticks = page.locator(".chart-tick:not(.chart-count)")
    wide = ticks.count()
    page.set_viewport_size({"width": 320, "height": 640})
    expect(page.locator("svg.chart-drawing")).to_have_attribute("viewBox", "0 0 288 216")
    assert 3 <= ticks.count() < wide


def test_a_status_is_told_by_its_pattern_and_its_word_too(page: Page, draw: Draw) -> None:
    draw(_licenses())
    legend = page.locator(".chart-legend li")
    assert legend.all_text_contents() == [status.capitalize() for status in _STATUSES]
    expect(legend.locator("svg")).to_have_count(len(_STATUSES))
    patterns = page.locator("pattern path").evaluate_all(
        "(all) => all.map((one) => one.getAttribute('d'))"
    )
    assert len(set(patterns)) == len(_STATUSES)
    drawn = page.locator(".chart-layer path:last-child, .chart-legend rect:last-child")
    filled = drawn.evaluate_all("(all) => all.map((one) => one.getAttribute('fill'))")
    assert filled == [*filled[: len(_STATUSES)]] * 2  # the legend's are the layers' own
    assert len(set(filled)) == len(_STATUSES)
    words = page.locator(".chart-label").all_text_contents()
    assert words == ["Suspended", "Detached", "Dissociated", "Expired", "Revoked"]  # where there
    # is room: the one that is missing is too thin for its word


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_all_charts_fit_and_can_be_used_in_each_look(page: Page, draw: Draw) -> None:
    draw(*_ALL)
    for plot in page.locator(".chart-plot").all():
        plot.focus()
        for key in ("Home", "End"):
            page.keyboard.press(key)
            assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert_accessible(page)
    for details in page.locator("summary").all():
        details.click()
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    for drawing in page.locator("svg.chart-drawing").all():
        edge = drawing.bounding_box()
        assert edge
        boxes = [one.bounding_box() for one in drawing.locator("text").all()]
        assert all(
            box
            and box["x"] >= edge["x"] - 0.5
            and box["x"] + box["width"] <= edge["x"] + edge["width"] + 0.5
            for box in boxes
        )
        axis = sorted(
            (box["x"], box["x"] + box["width"])
            for box in boxes
            if box and box["y"] > edge["y"] + edge["height"] - 30
        )
        assert all(left[1] <= right[0] for left, right in pairwise(axis))


@pytest.mark.parametrize("look", [DESKTOP, DARK, FORCED_COLORS], ids=str)
def test_all_that_is_drawn_stands_out_from_the_surface(page: Page, draw: Draw) -> None:
    draw(*_ALL)
    page.locator(".chart-plot").first.focus()
    surface = _luminance(_colour(page.locator(".chart-tooltip").first, "background-color"))
    for kind, least in [
        ("g.chart-layer path.chart-area", 3),
        (".chart-column", 3),
        (".chart-tick", 4.5),
        (".chart-label", 4.5),
    ]:
        for drawn in page.locator(kind).all()[:6]:
            inks = [_luminance(_colour(drawn, part)) for part in ("fill", "stroke")]
            # The outline does where the inside is the surface's own, and has but a pattern.
            assert max(_contrast(ink, surface) for ink in inks) >= least, kind


def _colour(drawn: Locator, part: str) -> str:
    colour: str = drawn.evaluate("(one, part) => getComputedStyle(one)[part]", part)
    return colour


def _luminance(colour: str) -> float | None:
    """The relative luminance of WCAG 2.2; None if there is no colour."""
    if colour == "none":
        return None
    parts = [int(one) / 255 for one in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: float | None, other: float | None) -> float:
    if one is None or other is None:
        return 1
    dark, light = sorted([one, other])
    return (light + 0.05) / (dark + 0.05)
