// What needs attention, at the beginning of both homes: numbers that say how urgent they are, each of
// which leads to the list of what it counts.

import { h } from "./dom.js";
import { counted, daysUntil, isToCome, named, number } from "./labels.js";
import { refill } from "./loading.js";
import { link } from "./router.js";
import { endUrgency, seatsUrgency } from "./urgency.js";

/** @typedef {import("../contract.d.ts").Organization} Organization */
/** @typedef {import("./urgency.js").Urgency} Urgency */

/**
 * @typedef {object} Matter
 * @property {string} key by which it is the same one when its number has changed
 * @property {string} value a number, mostly
 * @property {string} words what it counts
 * @property {Urgency} urgency
 * @property {string} href
 */

/** How many entries are counted in one request. */
const MOST_ENTRIES = 100;
/** For so many days what has happened needs attention. */
export const RECENT_DAYS = 7;
/** An end within so many days needs attention. */
export const ENDING_DAYS = 30;
const CALM = "Nothing needs attention.";

/**
 * An element that shows matters, and a way to show others.
 *
 * As long as more is to come, it is not said whether anything needs attention.
 *
 * @returns {{ element: HTMLElement, show: (matters: Matter[], isAll?: boolean) => void }}
 */
export function attention() {
  const label = "What needs attention";
  const element = h("section", { class: "attention", "aria-label": label, tabindex: -1 });
  return {
    element,
    show: (matters, isAll = true) => refill(element, [isAll && summed(matters), row(matters)]),
  };
}

/** @param {Matter[]} matters */
function summed(matters) {
  const pressing = matters.filter(({ urgency }) => urgency !== "calm").length;
  return pressing === 0
    ? h("p", { class: "calm" }, CALM)
    : h("p", {}, `${counted(pressing, "thing")} ${pressing === 1 ? "needs" : "need"} attention.`);
}

/** @param {Matter[]} matters */
function row(matters) {
  return h(
    "ul",
    {},
    matters.map(({ key, value, words, urgency, href }) =>
      h(
        "li",
        { class: `matter-${urgency}` },
        h(
          "a",
          { href, "data-key": `matter:${key}` },
          h("span", { class: `urgency urgency-${urgency}` }, value),
          h("span", { class: "words" }, words),
        ),
      ),
    ),
  );
}

/**
 * The first day of those on which what has happened is recent, as the feed takes it, and its start.
 *
 * @param {number} [now] epoch milliseconds
 */
export function recently(now = Date.now()) {
  const start = new Date(now);
  start.setHours(0, 0, 0, 0);
  start.setDate(start.getDate() - RECENT_DAYS);
  return { day: localDay(start), at: start.toISOString() };
}

/**
 * The day of a moment where the reader is, as the feed takes it.
 *
 * @param {Date} at
 */
export function localDay(at) {
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}

/**
 * What has happened in recent days that needs attention: suspected clones and refusals.
 *
 * @param {(query: { type: import("../contract.d.ts").AcrossType, from: string, limit: number }) => Promise<import("../contract.d.ts").EventsReply>} entriesOf
 */
export async function recentEntries(entriesOf) {
  const query = { from: recently().at, limit: MOST_ENTRIES };
  const [clones, refusals] = await Promise.all([
    entriesOf({ ...query, type: "CloneSuspected" }),
    entriesOf({ ...query, type: "AccessRefused" }),
  ]);
  return { clones, refusals };
}

/**
 * How many entries there are, `100+` if not all were counted.
 *
 * @param {import("../contract.d.ts").EventsReply} found
 */
function entriesCounted({ events, next_cursor: next }) {
  return `${number(events.length)}${next === null ? "" : "+"}`;
}

/**
 * @param {number} count
 * @param {string} one
 */
function several(count, one) {
  return count === 1 ? one : `${one}s`;
}

/**
 * Clones and refusals, in one organization or in all of them.
 *
 * @param {{ clones: import("../contract.d.ts").EventsReply, refusals: import("../contract.d.ts").EventsReply }} found
 * @param {(type: string) => string} listOf the entries of a type
 * @returns {Matter[]}
 */
export function recentMatters({ clones, refusals }, listOf) {
  return [
    {
      key: "clones",
      value: entriesCounted(clones),
      words: `suspected ${several(clones.events.length, "clone")} in ${RECENT_DAYS} days`,
      urgency: clones.events.length ? "urgent" : "calm",
      href: listOf("CloneSuspected"),
    },
    {
      key: "refusals",
      value: entriesCounted(refusals),
      words: `${several(refusals.events.length, "refusal")} in ${RECENT_DAYS} days`,
      urgency: refusals.events.length ? "soon" : "calm",
      href: listOf("AccessRefused"),
    },
  ];
}

/**
 * Seats and the subscription of an organization.
 *
 * @param {Organization} organization
 * @param {boolean} isSuperAdmin
 * @returns {Matter[]}
 */
export function organizationMatters(organization, isSuperAdmin) {
  const { id, seats, max_agents: limit } = organization;
  const at = ["organizations", id];
  const left = Math.abs((limit ?? 0) - seats);
  const ofSeats =
    limit === null
      ? { value: number(seats), words: `${several(seats, "seat")} used, without a limit` }
      : {
          value: number(left),
          words: `${several(left, "seat")} ${seats > limit ? "too few" : "left"} of ${number(limit)}`,
        };
  return [
    {
      key: "seats",
      ...ofSeats,
      urgency: seatsUrgency(seats, limit),
      href: link([...at, "agents"]),
    },
    {
      key: "subscription",
      ...ofSubscription(organization),
      href: isSuperAdmin
        ? link([...at, "edit"])
        : link([...at, "feed"], { type: "SubscriptionChanged" }),
    },
  ];
}

/**
 * @param {Organization} organization
 * @returns {{ value: string, words: string, urgency: Urgency }}
 */
function ofSubscription({ standing, subscription }) {
  const { status, valid_until: end } = subscription;
  if (standing === "suspended") {
    return { value: named(status), words: "subscription: agents are refused", urgency: "urgent" };
  }
  if (!isToCome(end)) {
    return { value: "Ended", words: "subscription: agents are refused", urgency: "urgent" };
  }
  const left = daysUntil(end);
  return {
    value: number(left),
    words: `${several(left, "day")} until the subscription ends`,
    urgency: endUrgency(end),
  };
}

/**
 * Agents that are blocked, if any are, and those that have not been seen for some days.
 *
 * @param {string} organizationId
 * @param {{ blocked: number, silent: { days: number, licenses: number } | undefined }} found undefined while unknown
 * @returns {Matter[]}
 */
export function agentMatters(organizationId, { blocked, silent }) {
  const agents = ["organizations", organizationId, "agents"];
  /** @type {Matter[]} */
  const matters = [];
  if (silent) {
    matters.push({
      key: "silent",
      value: number(silent.licenses),
      words: `${several(silent.licenses, "agent")} not seen for ${counted(silent.days, "day")}`,
      urgency: silent.licenses ? "soon" : "calm",
      href: link(agents, { status: "active", unseen: String(silent.days) }),
    });
  }
  if (blocked) {
    matters.push({
      key: "blocked",
      value: number(blocked),
      words: `blocked ${several(blocked, "agent")}`,
      urgency: "soon",
      href: link(agents, { status: "detached" }),
    });
  }
  return matters;
}

/**
 * Organizations whose seats or subscriptions run out.
 *
 * @param {import("../contract.d.ts").SummaryReply} summary
 * @returns {Matter[]}
 */
export function customerMatters({ seats, ends, recently_ended: { days, organizations: ended } }) {
  const ending = ends
    .slice(0, ENDING_DAYS + 1)
    .reduce((sum, { organizations }) => sum + organizations, 0);
  const list = (/** @type {Record<string, string>} */ query) => link(["organizations"], query);
  return [
    {
      key: "ending",
      value: number(ending),
      words: `${ending === 1 ? "subscription ends" : "subscriptions end"} within ${ENDING_DAYS} days`,
      urgency: ending ? "soon" : "calm",
      href: list({ standing: "current", ends: String(ENDING_DAYS) }),
    },
    {
      key: "ended",
      value: number(ended),
      words: `${several(ended, "subscription")} ended in the last ${days} days`,
      urgency: ended ? "urgent" : "calm",
      href: list({ standing: "ended", ends: String(-days) }),
    },
    {
      key: "full",
      value: number(seats.full),
      words: `${several(seats.full, "organization")} without a free seat`,
      urgency: seats.full ? "urgent" : "calm",
      href: list({ seats: "full" }),
    },
    {
      key: "nearly",
      value: number(seats.nearly),
      words: `${several(seats.nearly, "organization")} nearly full`,
      urgency: seats.nearly ? "soon" : "calm",
      href: list({ seats: "nearly" }),
    },
  ];
}
