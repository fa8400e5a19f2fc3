// What a change of an organization's terms does to its agents, in words, before it is saved.
//
// Pure: the time is handed in.

import { counted, fromNow, instant, number } from "./labels.js";

/** Who stops more agents than this types the organization's name before. */
const MANY_AGENTS = 25;

/**
 * What can be changed of an organization by itself.
 *
 * @typedef {object} Terms
 * @property {string} name
 * @property {string} valid_until
 * @property {import("../contract.d.ts").SubscriptionStatus} status
 * @property {number | null} max_agents null sets no limit
 */

/**
 * The name that has to be typed before so many agents are stopped; null if none.
 *
 * @param {{ name: string, seats: number }} organization
 */
export function nameToType({ name, seats }) {
  return seats > MANY_AGENTS ? name : null;
}

/**
 * What another end means, if it is another one: `Ends in 5 days instead of in 300 days.`
 *
 * @param {Terms} before
 * @param {Terms} after
 * @param {number} [now] epoch milliseconds
 */
export function endTold(before, after, now = Date.now()) {
  const [was, will] = [Date.parse(before.valid_until), Date.parse(after.valid_until)];
  if (was === will) {
    return "";
  }
  if (will <= now) {
    return was <= now
      ? `Has ended ${told(will, was, now)}.`
      : `Ends at once instead of ${fromNow(before.valid_until, now)}.`;
  }
  return was <= now
    ? `Ends ${fromNow(after.valid_until, now)}. It has ended ${fromNow(before.valid_until, now)}.`
    : `Ends ${told(will, was, now)}.`;
}

/**
 * A year after an end that is to come, or else after now: what a renewal makes of it.
 *
 * @param {Date} end
 * @param {number} [now] epoch milliseconds
 */
export function yearLater(end, now = Date.now()) {
  const later = new Date(Math.max(end.getTime() || 0, now));
  later.setFullYear(later.getFullYear() + 1);
  return later;
}

/**
 * What a renewal does for the agents that do not count now, in a sentence; "" if nothing.
 *
 * @param {Terms} before
 * @param {Terms} after
 * @param {number | null} stopped how many agents have a license that is expired or suspended, if known
 * @param {number} [now] epoch milliseconds
 */
export function renewalTold(before, after, stopped, now = Date.now()) {
  const [was, will] = [before, after].map(
    ({ status, valid_until }) => status === "active" && Date.parse(valid_until) > now,
  );
  const isLonger = Date.parse(after.valid_until) > Date.parse(before.valid_until);
  if (!was && will) {
    return stopped === null
      ? "Its agents work again, with the keys that they have."
      : `${counted(stopped, "stopped agent")} work${s(stopped)} again, with ${stopped === 1 ? "the key that it has" : "the keys that they have"}.`;
  }
  return isLonger && after.status !== "active"
    ? `It stays ${after.status}: agents are refused until it is active.`
    : "";
}

/**
 * What will stop or hinder agents, each in a sentence; empty if nothing will.
 *
 * @param {Terms & { seats: number }} before
 * @param {Terms} after
 * @param {number} [now] epoch milliseconds
 */
export function harm(before, after, now = Date.now()) {
  const { seats } = before;
  const [was, will] = [Date.parse(before.valid_until), Date.parse(after.valid_until)];
  const agents = `${counted(seats, "agent")} with a seat`;
  const limit = after.max_agents;
  const isCurrent = before.status === "active" && was > now;
  const harms = [];
  if (seats > 0 && isCurrent && after.status !== "active") {
    harms.push(
      `The subscription is ${after.status}: ${agents} stop${s(seats)} at the next validation.`,
    );
  }
  if (seats > 0 && isCurrent && will < was) {
    const then = will > now ? "then, unless it is renewed before" : "at the next validation";
    harms.push(`${endTold(before, after, now)} ${agents} stop${s(seats)} ${then}.`);
  }
  if (limit !== null && limit < seats && limit < (before.max_agents ?? Number.POSITIVE_INFINITY)) {
    harms.push(
      `${counted(limit, "seat")} for ${counted(seats, "agent")}: those that are there go on, but ` +
        `nobody can add one, or bind one anew, before ${number(seats - limit + 1)} are revoked or dissociated.`,
    );
  }
  return harms;
}

/**
 * @param {number} will
 * @param {number} was
 * @param {number} now
 */
function told(will, was, now) {
  const [after, before] = [will, was].map((at) => fromNow(new Date(at), now));
  return after === before
    ? `on ${instant(new Date(will))} instead of ${instant(new Date(was))}`
    : `${after} instead of ${before}`;
}

/** @param {number} count */
function s(count) {
  return count === 1 ? "s" : "";
}
