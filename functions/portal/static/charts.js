/**
 * Charts, drawn as SVG from the numbers alone.
 *
 * Each chart is a `<figure>` that fits the width it is given. It can be read in four ways: by eye,
 * with the pointer (a tooltip), with the keyboard (one tab stop; arrow keys, Home, End, Escape;
 * each value is spoken) and as a table. Nothing is told by colour alone, and nothing moves. What has an
 * `href` leads to the list of what is counted there: by a click, by Enter, and by links in legend and table.
 * Lists are of now: of what changes over time, only the last point leads there. A hint says so beforehand.
 * Its looks stand in charts.css. Values are counts: whole numbers from zero on.
 */

import { h, svg } from "./dom.js";
import { number } from "./labels.js";

/**
 * @typedef {object} Described
 * @property {string} title what the chart shows, its caption
 * @property {string} description how to read it, in a sentence
 * @property {string} empty what it means that there is nothing to show
 *
 * @typedef {(at: Date) => string} FormatX
 *
 * @typedef {object} Series
 * @property {string} key where its numbers stand in a point's values
 * @property {string} label
 * @property {string} className the class that gives it a colour: `status-active` and so on
 * @property {string} [href]
 *
 * @typedef {object} StackedPoint
 * @property {Date} at
 * @property {Record<string, number>} values
 *
 * @typedef {object} ColumnPoint
 * @property {Date} at
 * @property {number} value
 * @property {string} [label] its name, in place of `formatX(at)`
 * @property {string} [href]
 *
 * @typedef {object} Row
 * @property {string} label
 * @property {number} value
 * @property {string} [detail] what else there is to say about it
 * @property {string} [href]
 * @property {string} [listed] what is listed there, if not just what is counted
 *
 * @typedef {Described & {series: Series[], points: StackedPoint[], formatX: FormatX, href?: string}} StackedArea
 * @typedef {Described & {points: ColumnPoint[], formatX: FormatX, unit: string}} Columns
 * @typedef {Described & {rows: Row[], unit: string}} Bars
 */

/**
 * Where somebody is in a chart. Series -1 stands for all of them together.
 * @typedef {{point: number, series: number}} Cursor
 *
 * What there is at a cursor, to be read.
 * @typedef {object} Reading
 * @property {string} heading
 * @property {{label: string, value: string, swatch?: Element}[]} lines
 *
 * A chart as it stands for one size: what is drawn, and how to find one's way in it. All
 * coordinates are pixels from the top left corner.
 * @typedef {object} Drawing
 * @property {SVGElement[]} content
 * @property {(x: number) => number} nearest the point that is drawn nearest to `x`
 * @property {(cursor: Cursor) => {x: number, marks: SVGElement[]}} mark what shows the cursor
 *
 * Where a cursor leads to, if anywhere; `listed` is what is listed there.
 * @typedef {{href?: string, listed?: string}} Led
 * @typedef {(cursor: Cursor) => Led | undefined} Leads
 *
 * What is drawn upon.
 * @typedef {object} Surface
 * @property {Element} element
 * @property {(x: number, y: number) => number} nearest
 * @property {(cursor: Cursor | null) => {x: number, y: number}} mark shows where the cursor is
 * @property {() => void} [fit] draws anew, for another size
 * @property {(drawn: EventTarget | null) => number} [seriesAt] which series is drawn there
 *
 * @typedef {{width: number, height: number, em: number}} Size
 *
 * Where values are drawn: within what, how high a count stands, and where each point does.
 * @typedef {{left: number, right: number, top: number, bottom: number}} Area
 * @typedef {{area: Area, y: (count: number) => number, xs: number[], size: Size}} Placed
 */

const ALL = -1;
const DAY = 24 * 60 * 60 * 1000;
const CHARACTER = 0.6; // em; a digit's width, and a fair mean of others
/** What tells one series from the next without colour; drawn on a tile of 8 by 8. */
const PATTERNS = [
  "", // plain
  "M-2 2 L2 -2 M0 8 L8 0 M6 10 L10 6", // rising lines
  "M1 2 H3 M5 6 H7", // dashes
  "M0 4 H8", // level lines
  "M-2 6 L2 10 M0 0 L8 8 M6 -2 L10 2", // falling lines
  "M0 4 H8 M4 0 V8", // a grid
];

let charts = 0;

/**
 * How the parts of a whole change over time. The first series lies at the bottom.
 * @param {StackedArea} chart
 * @returns {HTMLElement}
 */
export function stackedArea(chart) {
  const stack = stackOf(chart);
  if (stack.totals.every((total) => total === 0)) {
    return figure(chart, paragraph("chart-empty", chart.empty));
  }
  const { series, points } = chart;
  const legend = h(
    "ul",
    { class: "chart-legend" },
    ...series.map(({ label, href }, one) =>
      h("li", {}, leading(href, swatch(series, one, stack.id), label)),
    ),
  );
  const patterns = svg("defs", {}, ...series.map((_, one) => pattern(`${stack.id}-${one}`, one)));
  const surface = drawnUpon((size) => drawnStack(stack, patterns, size));
  const extent = { points: points.length, series: series.length, downwards: false };
  const leads = (/** @type {Cursor} */ { point, series: chosen }) =>
    point === points.length - 1 ? (chosen === ALL ? chart : series[chosen]) : undefined;
  const read = (/** @type {Cursor} */ cursor) => readStack(stack, cursor);
  return figure(
    chart,
    legend,
    ...explorable(chart, extent, surface, read, leads),
    stackTable(stack),
  );
}

/**
 * A stack's numbers, from which it is drawn, read and told.
 * @typedef {object} Stack
 * @property {string} id of its patterns
 * @property {StackedArea} chart
 * @property {string[]} names of the points
 * @property {number[]} totals
 * @property {(point: number, one: number) => number} countOf
 * @property {(point: number, one: number) => number} below how many lie under a series
 */

/**
 * @param {StackedArea} chart
 * @returns {Stack}
 */
function stackOf(chart) {
  const { series, points, formatX } = chart;
  const countOf = (/** @type {number} */ point, /** @type {number} */ one) =>
    points[point]?.values[series[one]?.key ?? ""] ?? 0;
  const below = (/** @type {number} */ point, /** @type {number} */ one) =>
    series.slice(0, one).reduce((sum, _, lower) => sum + countOf(point, lower), 0);
  return {
    id: `chart-${++charts}`,
    chart,
    names: points.map(({ at }) => formatX(at)),
    totals: points.map((_, point) => below(point, series.length)),
    countOf,
    below,
  };
}

/**
 * @param {Stack} stack
 * @param {Cursor} cursor
 * @returns {Reading}
 */
function readStack({ id, chart, names, totals, countOf }, { point, series: chosen }) {
  const lines = chart.series.map(({ label }, one) => ({
    label,
    value: number(countOf(point, one)),
    swatch: swatch(chart.series, one, id),
  }));
  const all = { label: "All", value: number(totals[point] ?? 0) };
  return {
    heading: names[point] ?? "",
    lines: chosen === ALL ? [all, ...lines] : lines.slice(chosen, chosen + 1),
  };
}

/** @param {Stack} stack */
function stackTable({ chart, names, totals, countOf }) {
  const { series, points } = chart;
  return tableOf(
    chart.title,
    ["Time", ...series.map(({ label, href }) => leading(href, label)), leading(chart.href, "All")],
    points.map(({ at }, point) => [
      time(at, names[point] ?? ""),
      ...series.map((_, one) => countOf(point, one)),
      totals[point] ?? 0,
    ]),
  );
}

/**
 * @param {Stack} stack
 * @param {SVGElement} patterns
 * @param {Size} size
 * @returns {Drawing}
 */
function drawnStack(stack, patterns, size) {
  const { chart, names, totals, below } = stack;
  const { series, points } = chart;
  const scale = countScale(Math.max(...totals), size);
  const isLabelled = size.width >= 45 * size.em;
  const longest = Math.max(...series.map(({ label }) => label.length));
  const right = isLabelled ? (longest * CHARACTER + 1) * size.em : 0.5 * size.em;
  const area = plotArea(size, scale.ticks, right);
  const y = (/** @type {number} */ count) =>
    area.bottom - (count / scale.top) * (area.bottom - area.top);
  const xs = timesIn(points, area);
  const place = { area, y, xs, size };
  return {
    content: [
      patterns,
      ...countAxis(area, scale, y, size),
      ...layersOf(stack, place),
      ...(isLabelled ? labelsOf(stack, place) : []),
      ...timeAxis(points, names, xs, area, size),
    ],
    nearest: (x) => nearestOf(xs, x),
    mark: ({ point, series: chosen }) => {
      const x = round(xs[point] ?? 0);
      const shown = series.flatMap((_, one) => (chosen === ALL || chosen === one ? [one] : []));
      const marks = [
        svg("line", { class: "chart-cursor", x1: x, x2: x, y1: area.top, y2: area.bottom }),
        ...shown.map((one) =>
          svg("circle", { class: "chart-dot", cx: x, cy: round(y(below(point, one + 1))), r: 4 }),
        ),
      ];
      return { x, marks };
    },
  };
}

/**
 * Where points in time stand between the sides of an area; a single one, in its middle.
 * @param {{at: Date}[]} points
 * @param {Area} area
 */
function timesIn(points, { left, right }) {
  const first = points[0]?.at.getTime() ?? 0;
  const span = (points.at(-1)?.at.getTime() ?? 0) - first;
  return points.map(({ at }) =>
    span > 0 ? left + ((at.getTime() - first) / span) * (right - left) : (left + right) / 2,
  );
}

/**
 * The areas of a stack's series, from the bottom up.
 * @param {Stack} stack
 * @param {Placed} place
 */
function layersOf({ id, chart, below }, { y, xs, size }) {
  const last = xs.length - 1;
  const middle = xs[last] ?? 0;
  // A single moment has no width of its own: it is drawn as a column.
  const edges =
    xs[0] === middle
      ? [-2, 2].map((side) => ({ x: middle + side * size.em, point: last }))
      : xs.map((x, point) => ({ x, point }));
  return chart.series.map(({ className }, one) => {
    const over = edges.map(({ x, point }) => `${round(x)} ${round(y(below(point, one + 1)))}`);
    const under = edges.map(({ x, point }) => `${round(x)} ${round(y(below(point, one)))}`);
    const d = `M${over.join(" L")} L${under.reverse().join(" L")} Z`;
    return svg(
      "g",
      { class: `chart-layer ${className}`, "data-series": one },
      svg("path", { class: `chart-area chart-pattern-${one % PATTERNS.length}`, d }),
      svg("path", { d, fill: `url(#${id}-${one})` }),
    );
  });
}

/**
 * The names of the series beside their ends, where these are thick enough.
 * @param {Stack} stack
 * @param {Placed} place
 */
function labelsOf({ chart, below }, { area, y, xs, size }) {
  const last = xs.length - 1;
  return chart.series.flatMap(({ label }, one) => {
    const top = y(below(last, one + 1));
    const thickness = y(below(last, one)) - top;
    return thickness >= 1.2 * size.em
      ? [
          text(
            "chart-label",
            label,
            area.right + 0.5 * size.em,
            top + thickness / 2 + 0.35 * size.em,
          ),
        ]
      : [];
  });
}

/**
 * How many there were in each of many hours or days.
 * @param {Columns} chart
 * @returns {HTMLElement}
 */
export function columns(chart) {
  const { points, formatX, unit } = chart;
  if (points.every(({ value }) => value === 0)) {
    return figure(chart, paragraph("chart-empty", chart.empty));
  }
  const names = points.map(({ at, label }) => label ?? formatX(at));
  const countOf = (/** @type {number} */ point) => points[point]?.value ?? 0;

  const draw = (/** @type {Size} */ size) => {
    const scale = countScale(Math.max(...points.map(({ value }) => value)), size);
    const area = plotArea(size, scale.ticks, 0.5 * size.em);
    const band = (area.right - area.left) / points.length;
    const y = (/** @type {number} */ count) =>
      area.bottom - (count / scale.top) * (area.bottom - area.top);
    const thickness = Math.min(band * 0.8, 4 * size.em);
    const xs = points.map((_, point) => area.left + (point + 0.5) * band);
    const column = (/** @type {string} */ kind, /** @type {number} */ point) =>
      svg("rect", {
        class: kind,
        x: round((xs[point] ?? 0) - thickness / 2),
        y: round(y(countOf(point))),
        width: round(thickness),
        height: round(area.bottom - y(countOf(point))),
      });
    return {
      content: [
        ...countAxis(area, scale, y, size),
        text("chart-tick", unit, area.left, size.em),
        ...points.map((_, point) => column("chart-column", point)),
        ...timeAxis(points, names, xs, area, size),
      ],
      nearest: (/** @type {number} */ x) => nearestOf(xs, x),
      mark: (/** @type {Cursor} */ { point }) => {
        const x = round(xs[point] ?? 0);
        const marks = [
          svg("line", { class: "chart-cursor", x1: x, x2: x, y1: area.top, y2: area.bottom }),
          column("chart-column chart-chosen", point),
        ];
        return { x, marks };
      },
    };
  };
  const read = (/** @type {Cursor} */ { point }) => ({
    heading: names[point] ?? "",
    lines: [{ label: unit, value: number(countOf(point)) }],
  });
  const table = tableOf(
    chart.title,
    ["Time", unit],
    points.map(({ at, value, href }, point) => [
      leading(href, time(at, names[point] ?? "")),
      value,
    ]),
  );
  const extent = { points: points.length, series: 0, downwards: false };
  const leads = (/** @type {Cursor} */ { point }) => points[point];
  return figure(chart, ...explorable(chart, extent, drawnUpon(draw), read, leads), table);
}

/**
 * How often each of a few things happened, one below the other.
 * @param {Bars} chart
 * @returns {HTMLElement}
 */
export function bars(chart) {
  const { rows, unit } = chart;
  const most = Math.max(0, ...rows.map(({ value }) => value));
  if (most === 0) {
    return figure(chart, paragraph("chart-empty", chart.empty));
  }
  const items = rows.map(({ label, value }) =>
    h(
      "div",
      { class: "chart-row" },
      h("span", { class: "chart-row-label" }, label),
      h("span", { class: "chart-row-value" }, number(value)),
      svg(
        "svg",
        { class: "chart-bar" },
        svg("rect", { class: "chart-track", width: "100%", height: "100%" }),
        svg("rect", {
          class: "chart-column",
          width: `${round((value / most) * 100)}%`,
          height: "100%",
        }),
      ),
    ),
  );
  const element = h("div", { class: "chart-rows", "aria-hidden": "true" }, ...items);
  /** @type {Surface} */
  const surface = {
    element,
    nearest: (_, y) =>
      nearestOf(
        items.map((item) => item.offsetTop + item.offsetHeight / 2),
        y,
      ),
    mark: (cursor) => {
      for (const [point, item] of items.entries()) {
        item.classList.toggle("chart-chosen", point === cursor?.point);
      }
      const item = cursor ? items[cursor.point] : undefined;
      return { x: 0, y: item ? item.offsetTop + item.offsetHeight : 0 };
    },
  };
  const read = (/** @type {Cursor} */ { point }) => {
    const row = rows[point];
    return {
      heading: row?.label ?? "",
      lines: [
        { label: unit, value: number(row?.value ?? 0) },
        ...(row?.detail ? [{ label: "", value: row.detail }] : []),
      ],
    };
  };
  const detailed = rows.some(({ detail }) => detail);
  const table = tableOf(
    chart.title,
    ["Name", unit, ...(detailed ? ["Detail"] : [])],
    rows.map(({ label, value, detail, href }) => [
      leading(href, label),
      value,
      ...(detailed ? [detail ?? ""] : []),
    ]),
  );
  const extent = { points: rows.length, series: 0, downwards: true };
  const leads = (/** @type {Cursor} */ { point }) => rows[point];
  return figure(chart, ...explorable(chart, extent, surface, read, leads), table);
}

/**
 * A chart's frame: its caption, then its parts.
 * @param {Described} chart
 * @param {...Element} parts
 */
function figure({ title, description }, ...parts) {
  const caption = h(
    "figcaption",
    {},
    h("span", { class: "chart-title" }, title),
    h("span", { class: "chart-description" }, description),
  );
  return h("figure", { class: "chart" }, caption, ...parts);
}

/**
 * Let somebody walk from value to value, with the pointer or the keyboard.
 * @param {Described} chart
 * @param {Extent} extent
 * @param {Surface} surface
 * @param {(cursor: Cursor) => Reading} read
 * @param {Leads} leads
 * @returns {HTMLElement[]}
 */
function explorable({ title }, extent, surface, read, leads) {
  const tooltip = h("div", { class: "chart-tooltip", "aria-hidden": "true", hidden: true });
  const spoken = h("p", { class: "chart-spoken", "aria-live": "polite" });
  const plot = plotOf(title, extent, mayLead(extent, leads), surface.element, tooltip);
  /** @type {Walk} */
  const walk = {
    plot,
    extent,
    surface,
    cursor: { point: 0, series: ALL },
    isShown: () => !tooltip.hidden,
    show() {
      const { x, y } = surface.mark(walk.cursor);
      const led = leads(walk.cursor);
      plot.classList.toggle("chart-leading", Boolean(led?.href));
      tooltip.replaceChildren(...told(read(walk.cursor)), hint(led));
      tooltip.hidden = false;
      putBeside(tooltip, plot, x, y);
    },
    hide() {
      tooltip.hidden = true;
      surface.mark(null);
    },
    speak() {
      const { heading, lines } = read(walk.cursor);
      const said = lines.map(({ label, value }) => (label ? `${label}: ${value}` : value));
      spoken.textContent = `${heading}. ${said.join(", ")}`;
    },
    follow: (event, at = walk.cursor) => follow(event, leads(at)?.href),
  };
  byPointer(walk);
  byKeyboard(walk);
  new ResizeObserver(() => {
    surface.fit?.();
    if (walk.isShown()) {
      walk.show();
    }
  }).observe(plot);
  return [plot, spoken];
}

/**
 * How far one can walk; downwards if the points stand one below the other.
 * @typedef {{points: number, series: number, downwards: boolean}} Extent
 *
 * Somebody's walk through a chart: where they are, and what that shows and leads to.
 * @typedef {object} Walk
 * @property {HTMLElement} plot
 * @property {Extent} extent
 * @property {Surface} surface
 * @property {Cursor} cursor
 * @property {() => boolean} isShown
 * @property {() => void} show
 * @property {() => void} hide
 * @property {() => void} speak
 * @property {(event: MouseEvent | KeyboardEvent, at?: Cursor) => void} follow
 */

/**
 * @param {string} title
 * @param {Extent} extent
 * @param {boolean} isLeading
 * @param {...Element} parts
 */
function plotOf(title, { series, downwards }, isLeading, ...parts) {
  const [back, forth] = downwards ? ["Up", "down"] : ["Left", "right"];
  const ofOne = series ? ", up and down those of one series" : "";
  const onEnter = isLeading ? " Enter leads to a list where there is one." : "";
  return h(
    "div",
    {
      class: "chart-plot",
      "data-key": title, // who reads it goes on with it when it is drawn anew
      tabindex: "0",
      role: "application", // the arrow keys are the chart's own, with a screen reader too
      "aria-roledescription": "chart",
      "aria-label": `${title}. ${back} and ${forth} arrow keys read the values${ofOne}.${onEnter}`,
    },
    ...parts,
  );
}

/** @param {Reading} reading */
function told({ heading, lines }) {
  return [
    h("strong", {}, heading),
    ...lines.map(({ label, value, swatch }) =>
      h("span", {}, ...(swatch ? [swatch] : []), label ? `${label}: ${value}` : value),
    ),
  ];
}

/**
 * Puts a tooltip beside what it tells of, within the plot.
 * @param {HTMLElement} tooltip
 * @param {HTMLElement} plot
 * @param {number} x
 * @param {number} y
 */
function putBeside(tooltip, plot, x, y) {
  tooltip.style.left = "0"; // measured where nothing squeezes it
  const gap = parseFloat(getComputedStyle(plot).fontSize);
  const left = x > plot.clientWidth / 2 ? x - gap - tooltip.offsetWidth : x + gap;
  const most = plot.clientWidth - tooltip.offsetWidth;
  tooltip.style.left = `${Math.max(0, Math.min(left, most))}px`;
  tooltip.style.top = `${y}px`;
}

/**
 * Goes to a list, if there is one: in another tab where a link would.
 * @param {MouseEvent | KeyboardEvent} event
 * @param {string | undefined} href
 */
function follow(event, href) {
  if (!href) {
    return;
  }
  event.preventDefault();
  if (event.ctrlKey || event.metaKey) {
    open(href, "_blank", "noopener");
  } else {
    location.assign(href);
  }
}

/** @param {Walk} walk */
function byPointer(walk) {
  const { plot, surface } = walk;
  let isRead = true; // a finger that touches reads at first, and leads when it touches the same again

  const point = (/** @type {PointerEvent} */ event) => {
    const box = plot.getBoundingClientRect();
    const nearest = surface.nearest(event.clientX - box.left, event.clientY - box.top);
    walk.cursor = { point: nearest, series: ALL };
    walk.show();
  };
  plot.addEventListener("pointerdown", (event) => {
    const [{ point: before }, wasShown] = [walk.cursor, walk.isShown()];
    point(event);
    isRead = event.pointerType !== "touch" || (wasShown && before === walk.cursor.point);
  });
  plot.addEventListener("click", (event) => {
    if (isRead) {
      walk.follow(event, { ...walk.cursor, series: surface.seriesAt?.(event.target) ?? ALL });
    }
  });
  plot.addEventListener("pointermove", point);
  plot.addEventListener("pointerleave", () => {
    // Who is in the chart stays there: by the keyboard, or by a tap or a click, which give it focus.
    if (document.activeElement !== plot) {
      walk.hide();
    }
  });
}

/** @param {Walk} walk */
function byKeyboard(walk) {
  const { plot, extent } = walk;
  plot.addEventListener("focus", () => {
    walk.show();
    walk.speak();
  });
  plot.addEventListener("blur", walk.hide);
  plot.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.altKey && !event.shiftKey) {
      walk.follow(event);
      return;
    }
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) {
      return; // the browser's: Alt and an arrow key goes back a page
    }
    if (event.key === "Escape") {
      walk.hide();
      return;
    }
    const moved = step(event.key, walk.cursor, extent);
    if (moved) {
      event.preventDefault();
      walk.cursor = moved;
      walk.show();
      walk.speak();
    }
  });
}

/**
 * Whether anything in a chart leads to a list.
 * @param {Extent} extent
 * @param {Leads} leads
 */
function mayLead({ points, series }, leads) {
  return Array.from({ length: points }, (_, point) =>
    Array.from({ length: series + 1 }, (_, one) => leads({ point, series: one - 1 })?.href),
  ).some((found) => found.some(Boolean));
}

/**
 * That something leads to a list, if it does.
 * @param {Led | undefined} led
 */
function hint({ href, listed = "them" } = {}) {
  return href ? h("span", { class: "chart-hint" }, `Enter or a click lists ${listed}.`) : "";
}

/**
 * What leads to a list, if it has one.
 * @param {string | undefined} href
 * @param {...(Node | string)} content
 */
function leading(href, ...content) {
  return href ? h("a", { href }, ...content) : h("span", {}, ...content);
}

/**
 * Where a key moves to; nowhere if it is none of the chart's.
 * @param {string} key
 * @param {Cursor} cursor
 * @param {Extent} extent
 * @returns {Cursor | undefined}
 */
function step(key, { point, series }, extent) {
  const [back, forth] = extent.downwards ? ["ArrowUp", "ArrowDown"] : ["ArrowLeft", "ArrowRight"];
  switch (key) {
    case back:
      return { point: Math.max(point - 1, 0), series };
    case forth:
      return { point: Math.min(point + 1, extent.points - 1), series };
    case "Home":
      return { point: 0, series };
    case "End":
      return { point: extent.points - 1, series };
    case "ArrowUp":
      return extent.series ? { point, series: Math.min(series + 1, extent.series - 1) } : undefined;
    case "ArrowDown":
      return extent.series ? { point, series: Math.max(series - 1, ALL) } : undefined;
    default:
      return undefined;
  }
}

/**
 * A surface of SVG that is drawn anew for each size: letters stay as large as the page's are.
 * @param {(size: Size) => Drawing} draw
 * @returns {Surface}
 */
function drawnUpon(draw) {
  const marked = svg("g", { class: "chart-marks" });
  const element = svg("svg", { class: "chart-drawing", "aria-hidden": "true", focusable: "false" });
  /** @type {Drawing | undefined} */
  let drawing;
  return {
    element,
    seriesAt: (drawn) => {
      const layer = drawn instanceof Element ? drawn.closest("[data-series]") : null;
      return layer ? Number(layer.getAttribute("data-series")) : ALL;
    },
    nearest: (x) => drawing?.nearest(x) ?? 0,
    mark: (cursor) => {
      const { x, marks } = (cursor && drawing?.mark(cursor)) || { x: 0, marks: [] };
      marked.replaceChildren(...marks);
      return { x, y: 0 };
    },
    fit: () => {
      const { width, height } = element.getBoundingClientRect();
      if (width > 0) {
        element.setAttribute("viewBox", `0 0 ${round(width)} ${round(height)}`);
        const em = parseFloat(getComputedStyle(element).fontSize);
        drawing = draw({ width, height, em });
        element.replaceChildren(...drawing.content, marked);
      }
    },
  };
}

/**
 * A scale from zero past `most`, with ticks at steps of 1, 2 or 5 times a power of ten.
 * @param {number} most
 * @param {Size} size
 */
function countScale(most, { height, em }) {
  const rough = Math.max(most / Math.max(2, Math.floor(height / (4 * em))), 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const times = [1, 2, 5, 10].find((one) => one * power >= rough * 0.999) ?? 10;
  const stride = times * power;
  const steps = Math.ceil(most / stride);
  return {
    top: steps * stride,
    ticks: Array.from({ length: steps + 1 }, (_, one) => one * stride),
  };
}

/**
 * Where the values are drawn, beside and above their axes.
 * @param {Size} size
 * @param {number[]} ticks
 * @param {number} right how much is left free there
 * @returns {Area}
 */
function plotArea({ width, height, em }, ticks, right) {
  const longest = Math.max(...ticks.map((tick) => number(tick).length));
  return {
    left: (longest * CHARACTER + 0.75) * em,
    right: width - right,
    top: 1.75 * em,
    bottom: height - 2 * em,
  };
}

/**
 * @param {Area} area
 * @param {ReturnType<typeof countScale>} scale
 * @param {(count: number) => number} y
 * @param {Size} size
 */
function countAxis(area, { ticks }, y, { em }) {
  return ticks.flatMap((tick) => {
    const at = round(y(tick));
    return [
      svg("line", { class: "chart-grid", x1: area.left, x2: area.right, y1: at, y2: at }),
      text("chart-tick chart-count", number(tick), area.left - em / 2, at + em / 3, "end"),
    ];
  });
}

/**
 * As many names of points as there is room for, in steps that suit hours or days.
 * @param {{at: Date}[]} points
 * @param {string[]} names
 * @param {number[]} xs
 * @param {Area} area
 * @param {Size} size
 */
function timeAxis(points, names, xs, area, { em }) {
  const first = points[0]?.at.getTime() ?? 0;
  const hourly = points.length > 1 && (points[1]?.at.getTime() ?? 0) - first < DAY;
  const room = (Math.max(...names.map((name) => name.length)) * CHARACTER + 1) * em;
  const fitting = Math.max(1, Math.floor((area.right - area.left) / room));
  const steps = hourly ? [1, 2, 3, 6, 12, 24, 48, 96] : [1, 2, 7, 14, 28, 56];
  const needed = points.length / fitting;
  const stride = steps.find((one) => one >= needed) ?? points.length;
  /** @type {SVGElement[]} */
  const labels = [];
  let free = -Infinity; // where the last label ends
  for (let point = 0; point < points.length; point += stride) {
    const name = names[point] ?? "";
    const half = (name.length * CHARACTER * em) / 2;
    const middle = Math.max(half, Math.min(xs[point] ?? 0, area.right - half));
    if (middle - half >= free) {
      labels.push(text("chart-tick", name, middle, area.bottom + 1.5 * em, "middle"));
      free = middle + half + em / 2;
    }
  }
  return labels;
}

/**
 * @param {string} id
 * @param {number} one
 */
function pattern(id, one) {
  return svg(
    "pattern",
    { id, class: "chart-pattern", width: 8, height: 8, patternUnits: "userSpaceOnUse" },
    svg("path", { d: PATTERNS[one % PATTERNS.length] ?? "" }),
  );
}

/**
 * A series' colour and pattern, as a legend shows it.
 * @param {Series[]} series
 * @param {number} one
 * @param {string} id
 */
function swatch(series, one, id) {
  const shape = { width: 16, height: 16, rx: 2 };
  return svg(
    "svg",
    { class: "chart-swatch", viewBox: "0 0 16 16", "aria-hidden": "true" },
    svg(
      "g",
      { class: series[one]?.className ?? "" },
      svg("rect", { class: `chart-area chart-pattern-${one % PATTERNS.length}`, ...shape }),
      svg("rect", { fill: `url(#${id}-${one})`, ...shape }),
    ),
  );
}

/**
 * The same numbers as a table, folded away.
 * @param {string} title
 * @param {(string | Node)[]} heads
 * @param {[Node | string, ...(string | number)[]][]} rows each led by its name
 */
function tableOf(title, heads, rows) {
  const cell = (/** @type {string | number} */ content) =>
    typeof content === "number"
      ? h("td", { class: "chart-number" }, number(content))
      : h("td", {}, content);
  const table = h(
    "table",
    {},
    h("caption", {}, title),
    h("thead", {}, h("tr", {}, ...heads.map((head) => h("th", { scope: "col" }, head)))),
    h(
      "tbody",
      {},
      ...rows.map(([name, ...cells]) =>
        h("tr", {}, h("th", { scope: "row" }, name), ...cells.map(cell)),
      ),
    ),
  );
  const scrolled = { class: "chart-table", tabindex: "0", role: "group", "aria-label": title };
  return h("details", {}, h("summary", {}, "Show as a table"), h("div", scrolled, table));
}

/**
 * @param {Date} at
 * @param {string} name
 */
function time(at, name) {
  return h("time", { datetime: at.toISOString() }, name);
}

/**
 * @param {string} kind
 * @param {string} content
 */
function paragraph(kind, content) {
  return h("p", { class: kind }, content);
}

/**
 * @param {string} kind
 * @param {string} content
 * @param {number} x
 * @param {number} y
 * @param {"start" | "middle" | "end"} anchor
 */
function text(kind, content, x, y, anchor = "start") {
  return svg("text", { class: kind, x: round(x), y: round(y), "text-anchor": anchor }, content);
}

/**
 * @param {number[]} places
 * @param {number} place
 */
function nearestOf(places, place) {
  const distances = places.map((one) => Math.abs(one - place));
  return Math.max(0, distances.indexOf(Math.min(...distances)));
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 100) / 100;
}
