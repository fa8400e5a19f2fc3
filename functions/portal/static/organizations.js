// All organizations: found, filtered, sorted; and whose subscription ends next.

import * as api from "./api.js";
import { columns } from "./charts.js";
import { h } from "./dom.js";
import { given } from "./filters.js";
import { choices, DAY, day, number, utcDay } from "./labels.js";
import { listPage } from "./list-page.js";
import { link } from "./router.js";
import { endUrgency, seatsLeft, seatsUrgency, standingBadge, urgent } from "./urgency.js";
import { STANDINGS } from "./vocabulary.js";
import { choice, daysLeft, empty, field, loaded, table } from "./widgets.js";

const AHEAD_DAYS = 90;
const LARGEST_PAGE = 100;

/** @type {import("../contract.d.ts").Queries["listOrganizations"][]} */
const TAKEN = ["search", "standing", "sort"];

/** @type {[value: "" | import("../contract.d.ts").OrganizationSort, text: string][]} */
const SORTS = [
  ["", "Name"],
  ["-name", "Name, backwards"],
  ["valid_until", "Ends first"],
  ["-valid_until", "Ends last"],
];

/** @type {[value: string, text: string][]} */
const ENDS = [
  ["", "At any time"],
  ["7", "Within 7 days"],
  ["30", "Within 30 days"],
  ["90", "Within 90 days"],
];

/** @type {import("./main.js").MakePage} */
export function organizations({ query }) {
  const search = h("input", {
    name: "search",
    type: "search",
    maxlength: 100,
    autocomplete: "off",
  });
  const ends = choice("Ends", "ends", ENDS);
  offerDay(ends, query);
  const list = listPage({
    title: "Organizations",
    label: "Organizations",
    what: "organizations",
    noun: ["organization", "organizations"],
    query,
    fields: [
      field("Search", search, "Name or id"),
      choice("Subscription", "standing", [["", "Any"], ...choices(STANDINGS)]),
      ends,
      choice("Order", "sort", SORTS),
    ],
    narrowing: ["search", "standing", "ends"],
    async load(present, page, signal) {
      const asked = { ...given(present, TAKEN), ...endsAsked(present.get("ends")), ...page };
      const found = await api.organizations(asked, signal);
      return { ...found, rows: found.organizations };
    },
    show: (found, present) => organizationTable(found, present.get("sort") || "name"),
    nothing,
  });
  const chart = loaded("what ends", endsOfDays, (points) =>
    columns({
      title: "Subscriptions that end within 90 days",
      description: "How many subscriptions end on each of the next 90 days (in UTC).",
      points: points.map(({ at, value }) => ({
        at,
        value,
        href:
          value > 0 ? link(["organizations"], { ends: at.toISOString().slice(0, 10) }) : undefined,
      })),
      formatX: utcDay,
      unit: "subscriptions",
      empty: "No subscription ends within 90 days.",
    }),
  );
  chart.reload();
  const create = h("a", { class: "button", href: link(["new-organization"]) }, "New organization");
  return {
    ...list,
    parts: [...list.parts, chart],
    element: h(
      "div",
      {},
      h("p", { class: "buttons" }, create),
      list.element,
      h("section", { class: "charts" }, h("h2", {}, "Ending soon"), chart.element),
    ),
    update(changed) {
      offerDay(ends, changed);
      list.update(changed);
      if (chart.element.contains(document.activeElement)) {
        toTop(); // where the list is that the chart has led to
      }
    },
    stop() {
      list.stop();
      chart.stop();
    },
  };
}

function toTop() {
  document.querySelector("h1")?.focus({ preventScroll: true });
  scrollTo(0, 0);
}

/**
 * Lets the form show a day that the place's query has, by a bar of the chart.
 *
 * @param {HTMLElement} ends
 * @param {URLSearchParams} query
 */
function offerDay(ends, query) {
  const day = query.get("ends") ?? "";
  const select = /** @type {HTMLSelectElement} */ (ends.querySelector("select"));
  if (isDay(day) && ![...select.options].some(({ value }) => value === day)) {
    select.append(h("option", { value: day }, `On ${utcDay(new Date(day))} (UTC)`));
  }
}

/** @param {string} text */
function isDay(text) {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
}

/**
 * The bounds of an end on a day (in UTC) or within so many days, as the API takes them.
 *
 * @param {string | null} ends
 */
function endsAsked(ends) {
  if (ends !== null && isDay(ends)) {
    const start = Date.parse(ends);
    const next = new Date(start + DAY).toISOString();
    return { ends_from: new Date(start).toISOString(), ends_before: next };
  }
  return ending(ENDS.some(([days]) => days === ends) ? Number(ends) : 0);
}

/**
 * The bounds of an end within so many days, as the API takes them; none for 0.
 *
 * A list that is turned over page by page keeps its bounds: they are those of a day.
 *
 * @param {number} days
 */
function ending(days) {
  return days > 0
    ? { ends_from: dayAhead(0).toISOString(), ends_before: dayAhead(days + 1).toISOString() }
    : {};
}

/**
 * When a day begins where the reader is, so many days from today.
 *
 * @param {number} days
 */
function dayAhead(days) {
  const start = new Date();
  start.setHours(0, 0, 0, 0);
  start.setDate(start.getDate() + days);
  return start;
}

/**
 * How many subscriptions end on each of the next days.
 *
 * @param {AbortSignal} signal
 */
async function endsOfDays(signal) {
  const today = Math.floor(Date.now() / DAY) * DAY;
  const points = Array.from({ length: AHEAD_DAYS }, (_, days) => ({
    at: new Date(today + days * DAY),
    value: 0,
  }));
  /** @type {string | null} */
  let cursor = null;
  do {
    const page = await api.organizations(
      { ...ending(AHEAD_DAYS - 1), sort: "valid_until", limit: LARGEST_PAGE, cursor },
      signal,
    );
    for (const { subscription } of page.organizations) {
      const end = new Date(subscription.valid_until);
      const point = points.findLast(({ at }) => at <= end);
      if (point) {
        point.value += 1;
      }
    }
    cursor = page.next_cursor;
  } while (cursor !== null);
  return points;
}

/**
 * @param {import("../contract.d.ts").Organization[]} organizations
 * @param {string} sort
 */
function organizationTable(organizations, sort) {
  return table({
    caption: "Organizations",
    sort,
    rows: organizations,
    columns: [
      {
        title: "Name",
        sort: "name",
        cell: ({ id, name }) => [
          h("a", { href: link(["organizations", id]), "data-key": id }, name),
          h("span", { class: "beside" }, id),
        ],
      },
      {
        title: "Subscription",
        cell: standingBadge,
      },
      {
        title: "Valid until",
        sort: "valid_until",
        cell: ({ subscription }) => day(subscription.valid_until),
      },
      {
        title: "Time left",
        cell: ({ standing, subscription }) => {
          const left = daysLeft(subscription.valid_until);
          return standing === "current" ? urgent(endUrgency(subscription.valid_until), left) : left;
        },
      },
      {
        title: "Seats",
        cell: ({ seats, max_agents: limit }) =>
          limit === null
            ? number(seats)
            : [
                `${number(seats)} of ${number(limit)}, `,
                urgent(seatsUrgency(seats, limit), seatsLeft(seats, limit)),
              ],
      },
    ],
  });
}

/** @param {boolean} isNarrowed */
function nothing(isNarrowed) {
  return isNarrowed
    ? empty("No organization is like this.", "Search for something shorter, or clear the filters.")
    : empty(
        "There is no organization yet.",
        "Create one, with its subscription: then its users can log in on their agents.",
      );
}
