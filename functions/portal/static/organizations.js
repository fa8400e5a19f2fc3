// All organizations: what needs attention among them; found, filtered, sorted; and when they end.

import * as api from "./api.js";
import {
  attention,
  customerMatters,
  ENDING_DAYS,
  recentEntries,
  recently,
  recentMatters,
} from "./attention.js";
import { columns } from "./charts.js";
import { h } from "./dom.js";
import { daysLeft, empty } from "./facts.js";
import { choice, field } from "./fields.js";
import { given } from "./filters.js";
import { choices, DAY, day, number, utcDay } from "./labels.js";
import { listPage } from "./list-page.js";
import { loaded } from "./loading.js";
import { link } from "./router.js";
import { table } from "./table.js";
import { endUrgency, seatsLeft, seatsUrgency, standingBadge, urgent } from "./urgency.js";
import { STANDINGS } from "./vocabulary.js";

/** @type {import("../contract.d.ts").Queries["listOrganizations"][]} */
const TAKEN = ["search", "standing", "seats", "sort"];

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
  [String(-ENDING_DAYS), `In the last ${ENDING_DAYS} days`],
];

/** @type {[value: string, text: string][]} */
const SEATS = [
  ["", "Any"],
  ["nearly", "Nearly full"],
  ["full", "Full"],
];

/** @type {import("./main.js").MakePage} */
export function organizations({ query }) {
  const search = h("input", {
    name: "search",
    type: "search",
    maxlength: 100,
    autocomplete: "off",
    placeholder: "Name or id",
  });
  const ends = choice("Ends", "ends", ENDS);
  offerDay(ends, query);
  const summary = atOnce(api.summary);
  const matters = attention();
  const pressing = loaded(
    "what needs attention",
    async (signal) => {
      const [counts, entries] = await Promise.all([
        summary(),
        recentEntries((query) => api.allEvents(query, signal)),
      ]);
      const from = recently().day;
      return [
        ...recentMatters(entries, (type) => link(["events"], { type, from })),
        ...customerMatters(counts),
      ];
    },
    (found) => {
      matters.show(found);
      return matters.element;
    },
  );
  const list = listPage({
    title: "Organizations",
    label: "Organizations",
    what: "organizations",
    noun: ["organization", "organizations"],
    query,
    fields: [
      field("Search", search),
      choice("Subscription", "standing", [["", "Any"], ...choices(STANDINGS)]),
      ends,
      choice("Seats", "seats", SEATS),
      choice("Order", "sort", SORTS),
    ],
    narrowing: ["search", "standing", "ends", "seats"],
    async load(present, page, signal) {
      const asked = { ...given(present, TAKEN), ...endsAsked(present.get("ends")), ...page };
      const found = await api.organizations(asked, signal);
      return { ...found, rows: found.organizations };
    },
    show: (found, present) => organizationTable(found, present.get("sort") || "name"),
    nothing,
    above: pressing.element,
  });
  const chart = loaded("what ends", summary, endsChart);
  pressing.reload();
  chart.reload();
  const create = h("a", { class: "button", href: link(["new-organization"]) }, "New organization");
  return {
    ...list,
    parts: [pressing, ...list.parts, chart],
    element: h(
      "div",
      {},
      pressing.element,
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
      pressing.stop();
      list.stop();
      chart.stop();
    },
  };
}

/**
 * One request for all who ask while it is under way.
 *
 * @template T
 * @param {() => Promise<T>} ask
 */
function atOnce(ask) {
  /** @type {Promise<T> | null} */
  let running = null;
  return () => {
    running ??= ask().finally(() => {
      running = null;
    });
    return running;
  };
}

/** @param {import("../contract.d.ts").SummaryReply} summary */
function endsChart({ ends }) {
  return columns({
    title: "Subscriptions that end within 90 days",
    description: "How many current subscriptions end on each of the next 90 days (in UTC).",
    points: ends.map(({ date, organizations: value }) => ({
      at: new Date(date),
      value,
      href: value > 0 ? link(["organizations"], { standing: "current", ends: date }) : undefined,
    })),
    formatX: utcDay,
    unit: "subscriptions",
    empty: "No subscription ends within 90 days.",
  });
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
 * The bounds of an end on a day, or so many days from today on or, if they are negative, back to
 * there, as the API takes them. Days are those of UTC, which are counted, too.
 *
 * @param {string | null} ends
 */
function endsAsked(ends) {
  const isOne = ends !== null && isDay(ends);
  const days = !isOne && ENDS.some(([each]) => each === ends) ? Number(ends) : 0;
  if (!isOne && days === 0) {
    return {};
  }
  const day = isOne ? Date.parse(ends) : Math.floor(Date.now() / DAY) * DAY;
  return {
    ends_from: new Date(day + Math.min(days, 0) * DAY).toISOString(),
    ends_before: new Date(day + (Math.max(days, 0) + 1) * DAY).toISOString(),
  };
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
          " ",
          h("span", { class: "beside" }, id),
        ],
      },
      {
        title: "Subscription",
        state: true,
        cell: (organization) => standingBadge(organization),
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
            : h(
                "span",
                {},
                `${number(seats)} of ${number(limit)}, `,
                urgent(seatsUrgency(seats, limit), seatsLeft(seats, limit)),
              ),
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
