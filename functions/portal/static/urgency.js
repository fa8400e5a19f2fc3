// How urgent it is that a subscription ends or that seats run out, in a word, in words and in a
// colour: the only place that says so. The time is handed in.

import { h } from "./dom.js";
import { badge } from "./facts.js";
import { daysUntil, named, number } from "./labels.js";

/** @typedef {import("./dom.js").Child} Child */
/** @typedef {"calm" | "soon" | "urgent"} Urgency */

const URGENT_DAYS = 7;
const SOON_DAYS = 30;
/** Tenths of the seats: from here on they are nearly gone. */
const NEARLY_TENTHS = 9;

/**
 * Of a subscription that ends then: urgent in its last 7 days and once it has ended.
 *
 * @param {string} end
 * @param {number} [now] epoch milliseconds
 * @returns {Urgency}
 */
export function endUrgency(end, now = Date.now()) {
  const left = daysUntil(end, now);
  return left <= URGENT_DAYS ? "urgent" : left <= SOON_DAYS ? "soon" : "calm";
}

/**
 * Of an organization's subscription; one that does not count is no matter of days.
 *
 * @param {import("../contract.d.ts").Organization} organization
 * @param {number} [now] epoch milliseconds
 */
export function urgencyOf({ standing, subscription }, now = Date.now()) {
  return standing === "current" ? endUrgency(subscription.valid_until, now) : "urgent";
}

/**
 * Of seats: urgent when none is free, so that nobody can add an agent.
 *
 * @param {number} seats used
 * @param {number | null} limit null for none
 * @returns {Urgency}
 */
export function seatsUrgency(seats, limit) {
  if (limit === null) {
    return "calm";
  }
  if (seats >= limit) {
    return "urgent";
  }
  return seats * 10 >= limit * NEARLY_TENTHS ? "soon" : "calm";
}

/**
 * How many seats are left: `20 left`, `none left`, `1,970 too few`; "" without a limit.
 *
 * @param {number} seats used
 * @param {number | null} limit null for none
 */
export function seatsLeft(seats, limit) {
  if (limit === null) {
    return "";
  }
  if (seats > limit) {
    return `${number(seats - limit)} too few`;
  }
  return seats === limit ? "none left" : `${number(limit - seats)} left`;
}

/**
 * Something as urgent as it is: what is calm looks like everything else.
 *
 * @param {Urgency} urgency
 * @param {...Child} content which says it in words, too
 */
export function urgent(urgency, ...content) {
  return h("span", { class: `urgency urgency-${urgency}` }, ...content);
}

/**
 * A bar of seats used, which shows that they run out as the words do.
 *
 * @param {number} seats
 * @param {number} limit
 */
export function seatsMeter(seats, limit) {
  const nearly = (limit * NEARLY_TENTHS) / 10;
  return h("meter", {
    min: 0,
    low: nearly - 0.5,
    high: limit - 0.5,
    max: Math.max(limit, 1),
    optimum: 0,
    value: seats,
    "aria-label": "Seats used",
  });
}

/**
 * How a subscription stands, with a mark that is not that of all's well where it ends soon.
 *
 * @param {import("../contract.d.ts").Organization} organization
 * @param {string} [word]
 */
export function standingBadge(organization, word = named(organization.standing)) {
  const { standing } = organization;
  const urgency = urgencyOf(organization);
  const kind = standing === "current" && urgency !== "calm" ? `current-${urgency}` : standing;
  return badge(kind, word);
}
