// An organization at a glance: its subscription, its seats, and how its agents are doing.

import * as api from "./api.js";
import { bars, columns, stackedArea } from "./charts.js";
import { asking } from "./dialogs.js";
import { h } from "./dom.js";
import { filters } from "./filters.js";
import { counted, instant, named, number, reasonOf, utcDay } from "./labels.js";
import { decisions, question } from "./policy.js";
import { link } from "./router.js";
import {
  seatsLeft,
  seatsMeter,
  seatsUrgency,
  standingBadge,
  urgencyOf,
  urgent,
} from "./urgency.js";
import { STATUSES } from "./vocabulary.js";
import { choice, daysLeft, exactly, fact, loaded } from "./widgets.js";

/** @typedef {import("../contract.d.ts").Organization} Organization */

/** @type {[value: string, text: string][]} */
const DAYS = [
  ["", "30 days"],
  ["7", "7 days"],
  ["90", "90 days"],
];
const DEFAULT_DAYS = "30";

/** @type {Intl.DateTimeFormatOptions} */
const HOUR_FORM = { weekday: "short", hour: "2-digit", minute: "2-digit" };

/** @type {import("./main.js").MakePage} */
export function overview({ params, query: first, isSuperAdmin }) {
  const organizationId = params.organization ?? "";
  const at = ["organizations", organizationId];
  let query = first;
  const hours = new Intl.DateTimeFormat("en-GB", HOUR_FORM);
  /** @type {{ organization: Organization, etag: string } | null} */
  let present = null;

  const facts = loaded(
    "the organization",
    (signal) => api.organization(organizationId, signal),
    (found) => {
      present = found;
      ask();
      return card(found.organization, isSuperAdmin);
    },
  );
  const ask = asking((name) =>
    present === null ? undefined : question(name, present.organization, present.etag),
  );
  const statistics = loaded(
    "its history",
    (signal) => api.statistics(organizationId, Number(daysOf(query)), signal),
    (found) => [
      stackedArea({
        title: "Licenses by status",
        description: `How many licenses were in which status when each day began (in UTC), and now.${missing(found)}`,
        series: STATUSES.map((key) => ({
          key,
          label: named(key),
          className: `status-${key}`,
          href: link([...at, "agents"], { status: key }),
        })),
        href: link([...at, "agents"]),
        points: found.licenses.map(({ at: day, ...values }) => ({ at: new Date(day), values })),
        formatX: (day) => (day.getTime() < Date.parse(found.until) ? utcDay(day) : "now"),
        empty: "No license has been issued yet. The first login on an agent issues one.",
      }),
      bars({
        title: "Refusals by reason",
        description: `How often a license of this organization was used where it does not belong, in ${counted(Number(daysOf(query)), "day")}.${missing(found)}`,
        rows: found.refusals.map(({ reason, times, licenses }) => ({
          label: reasonOf(reason),
          value: times,
          detail: counted(licenses, "license"),
          href: link([...at, "feed"], { type: typeOf(reason), from: localDay(found.from) }),
        })),
        unit: "refusals",
        empty: "No license was used where it does not belong.",
      }),
      h(
        "p",
        { class: "help" },
        "Logins that were refused for another reason, like want of a seat, are in ",
        h("a", { href: link([...at, "feed"], { type: "AccessRefused" }) }, "the feed of refusals"),
        ", with what to do.",
      ),
    ],
  );
  const activity = loaded(
    "its activity",
    (signal) => wholeActivity(organizationId, signal),
    (found) =>
      columns({
        title: "Validations per hour",
        description:
          "How many agents logged in or validated in each hour of the last week, each counted once.",
        points: found.hours.map(({ at: hour, licenses }) => ({
          at: new Date(hour),
          value: licenses,
          href: licenses > 0 ? link([...at, "agents"], { sort: "-last_seen" }) : undefined,
        })),
        formatX: (hour) => hours.format(hour),
        unit: "agents",
        empty: "No agent has validated within the last week.",
      }),
  );
  for (const part of [facts, statistics, activity]) {
    part.reload();
  }

  const { form, show } = filters("Period", query, [choice("Period", "days", DAYS)]);
  return {
    title: "Overview",
    element: h(
      "div",
      {},
      facts.element,
      h(
        "section",
        { class: "charts" },
        h("h2", {}, "Agents"),
        activity.element,
        form,
        statistics.element,
      ),
    ),
    parts: [facts, statistics, activity],
    update(changed) {
      const hasOtherDays = daysOf(changed) !== daysOf(query);
      const hasAsked = query.get("do") !== null;
      query = changed;
      show(query);
      ask();
      if (hasOtherDays) {
        statistics.reload();
      }
      if (hasAsked) {
        facts.reload(); // also if the reader thought better of it: an answer may have been lost
      }
    },
    stop() {
      for (const part of [facts, statistics, activity]) {
        part.stop();
      }
    },
  };
}

/** @param {URLSearchParams} query */
function daysOf(query) {
  return query.get("days") || DEFAULT_DAYS;
}

/**
 * From when on everything is told, if that is not the whole time.
 *
 * @param {import("../contract.d.ts").LicenseStatisticsReply} found
 */
function missing(found) {
  return found.complete_from === found.from
    ? ""
    : ` More has happened than is counted at once: this tells of the time from ${instant(found.complete_from)} on.`;
}

/**
 * All pages of the activity, added up.
 *
 * @param {string} organizationId
 * @param {AbortSignal} signal
 */
async function wholeActivity(organizationId, signal) {
  const whole = await api.activity(organizationId, {}, signal);
  let cursor = whole.next_cursor;
  while (cursor !== null) {
    const page = await api.activity(organizationId, { cursor }, signal);
    for (const [position, hour] of page.hours.entries()) {
      const sum = whole.hours[position];
      if (sum) {
        sum.licenses += hour.licenses;
      }
    }
    cursor = page.next_cursor;
  }
  return whole;
}

/**
 * @param {Organization} organization
 * @param {boolean} isSuperAdmin
 */
function card(organization, isSuperAdmin) {
  const { id, name, subscription, standing, seats, max_agents: limit, policy } = organization;
  const { billing_version: billing } = organization;
  const perMember = policy.agents_per_member;
  return h(
    "div",
    { class: "card" },
    h("h2", {}, name),
    h(
      "dl",
      {},
      fact(
        "Subscription",
        standingBadge(organization),
        subscription.status === "active" ? null : ` (${named(subscription.status).toLowerCase()})`,
      ),
      fact("Valid until", exactly(subscription.valid_until)),
      fact("Time left", urgent(urgencyOf(organization), daysLeft(subscription.valid_until))),
      fact("Seats", ...seatsUsed(seats, limit)),
      fact("Device keys", policy.require_device_key ? "required" : "not required"),
      fact("Clones", policy.block_clones ? "blocked at once" : "reported"),
      fact("Lost device keys", policy.lock_device_keys ? "locked" : "replaced by a login"),
      fact("Agents per member", perMember === null ? "without a limit" : number(perMember)),
      fact("Organization id", h("code", {}, id)),
      billing > 0 && fact("Billing's version", number(billing)),
    ),
    standing === "ended" &&
      h(
        "p",
        { class: "note" },
        "Agents are refused until the subscription is renewed. No key is lost.",
      ),
    standing === "suspended" &&
      h(
        "p",
        { class: "note" },
        "Agents are refused while the subscription is paused or cancelled.",
      ),
    h(
      "p",
      { class: "buttons" },
      isSuperAdmin &&
        h("a", { class: "button", href: link(["organizations", id, "edit"]) }, "Change…"),
      decisions(organization),
    ),
  );
}

/**
 * The day where the reader is, as the feed takes it.
 *
 * @param {string} at
 */
function localDay(at) {
  const day = new Date(at);
  return new Date(day.getTime() - day.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}

/**
 * The type of the entries that tell of a refusal for this reason.
 *
 * @param {string} reason
 */
function typeOf(reason) {
  return reason === "clone_suspected" ? "CloneSuspected" : "AccessRefused";
}

/**
 * @param {number} seats
 * @param {number | null} limit
 */
function seatsUsed(seats, limit) {
  if (limit === null) {
    return [`${number(seats)} used, without a limit`];
  }
  const urgency = seatsUrgency(seats, limit);
  return [
    `${number(seats)} of ${number(limit)} used `,
    seatsMeter(seats, limit),
    " ",
    urgent(urgency, seatsLeft(seats, limit)),
    urgency === "urgent" &&
      h("p", { class: "note" }, "No seat is free: a new agent cannot log in."),
  ];
}
