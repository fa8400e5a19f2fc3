// An organization at a glance: its subscription, its seats, and how its agents are doing.

import * as api from "./api.js";
import {
  agentMatters,
  attention,
  localDay,
  organizationMatters,
  RECENT_DAYS,
  recentEntries,
  recently,
  recentMatters,
} from "./attention.js";
import { bars, columns, stackedArea } from "./charts.js";
import { asking } from "./dialogs.js";
import { h } from "./dom.js";
import { daysLeft, exactly, fact } from "./facts.js";
import { choice } from "./fields.js";
import { filters } from "./filters.js";
import { counted, instant, named, number, reasonOf, utcDay } from "./labels.js";
import { loaded } from "./loading.js";
import { decisions, question } from "./policy.js";
import { link } from "./router.js";
import { ofOrganization, subjectIs } from "./subject.js";
import {
  seatsLeft,
  seatsMeter,
  seatsUrgency,
  standingBadge,
  urgencyOf,
  urgent,
} from "./urgency.js";
import { STATUSES } from "./vocabulary.js";

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
  let query = first;
  /** @type {Known} */
  const known = {};
  const matters = attention();
  const ask = asking((name) =>
    known.present === undefined
      ? undefined
      : question(name, known.present.organization, known.present.etag, known.keys),
  );

  function tell() {
    matters.show(mattersOf(organizationId, known, isSuperAdmin), isAllKnown(known));
  }

  /**
   * What is counted is known by itself: a question does not wait for entries.
   *
   * @param {AbortSignal} signal
   */
  async function count(signal) {
    try {
      const summary = await api.organizationSummary(organizationId, signal);
      signal.throwIfAborted();
      known.keys = summary.device_keys;
      known.blocked = summary.licenses.detached;
      tell();
      ask();
    } catch (error) {
      if (!signal.aborted) {
        known.keys = null;
        ask();
      }
      throw error;
    }
  }

  const recent = loaded(
    "what needs attention",
    async (signal) => {
      const [entries] = await Promise.all([
        recentEntries((query) => api.events({ organizationId }, query, signal)),
        count(signal),
      ]);
      return entries;
    },
    (found) => {
      known.recent = found;
      tell();
      return h("span", { hidden: true }); // it stands beside this, whatever cannot be read
    },
  );
  const facts = loaded(
    "the organization",
    (signal) => api.organization(organizationId, signal),
    (found) => {
      known.present = found;
      tell();
      subjectIs(facts.element, ofOrganization(found.organization, isSuperAdmin));
      ask();
      return card(found.organization, isSuperAdmin);
    },
  );
  const statistics = loaded(
    "its history",
    (signal) => api.statistics(organizationId, Number(daysOf(query)), signal),
    (found) => [
      statusChart(found, organizationId),
      ...refusalChart(found, organizationId, Number(daysOf(query))),
    ],
  );
  const activity = loaded(
    "its activity",
    (signal) => wholeActivity(organizationId, signal),
    (found) => {
      known.activity = found;
      tell();
      return activityChart(found);
    },
  );
  const parts = [recent, facts, activity, statistics];
  for (const part of parts) {
    part.reload();
  }

  const { form, show } = filters("Period", query, [choice("Period", "days", DAYS)]);
  return {
    title: "Overview",
    element: h(
      "div",
      {},
      matters.element,
      recent.element,
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
    parts,
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
      for (const part of parts) {
        part.stop();
      }
    },
  };
}

/**
 * What is known by now of an organization.
 *
 * @typedef {object} Known
 * @property {{ organization: Organization, etag: string }} [present]
 * @property {import("../contract.d.ts").DeviceKeyCounts | null} [keys] null if they cannot be counted
 * @property {number} [blocked] agents
 * @property {Recent} [recent]
 * @property {import("../contract.d.ts").AgentActivityReply} [activity]
 *
 * @typedef {object} Recent
 * @property {import("../contract.d.ts").EventsReply} clones
 * @property {import("../contract.d.ts").EventsReply} refusals
 */

/** @param {Known} known */
function isAllKnown({ present, blocked, recent, activity }) {
  return [present, blocked, recent, activity].every((found) => found !== undefined);
}

/**
 * What needs attention, as far as it is known.
 *
 * @param {string} organizationId
 * @param {Known} known
 * @param {boolean} isSuperAdmin
 */
function mattersOf(organizationId, { present, blocked = 0, recent, activity }, isSuperAdmin) {
  const from = recently().day;
  const feed = ["organizations", organizationId, "feed"];
  const silent = activity?.not_seen.find(({ days }) => days === RECENT_DAYS);
  return [
    ...(recent ? recentMatters(recent, (type) => link(feed, { type, from })) : []),
    ...(present ? organizationMatters(present.organization, isSuperAdmin) : []),
    ...agentMatters(organizationId, { blocked, silent }),
  ];
}

/**
 * @param {import("../contract.d.ts").LicenseStatisticsReply} found
 * @param {string} organizationId
 */
function statusChart(found, organizationId) {
  const agents = ["organizations", organizationId, "agents"];
  return stackedArea({
    title: "Licenses by status",
    description: `How many licenses were in which status when each day began (in UTC), and now.${missing(found)}`,
    series: STATUSES.map((key) => ({
      key,
      label: named(key),
      className: `status-${key}`,
      href: link(agents, { status: key }),
    })),
    href: link(agents),
    points: found.licenses.map(({ at, ...values }) => ({ at: new Date(at), values })),
    formatX: (at) => (at.getTime() < Date.parse(found.until) ? utcDay(at) : "now"),
    empty: "No license has been issued yet. The first login on an agent issues one.",
  });
}

/**
 * @param {import("../contract.d.ts").LicenseStatisticsReply} found
 * @param {string} organizationId
 * @param {number} days
 */
function refusalChart(found, organizationId, days) {
  const feed = ["organizations", organizationId, "feed"];
  const from = localDay(new Date(found.from));
  return [
    bars({
      title: "Refusals by reason",
      description: `How often a license of this organization was used where it does not belong, in ${counted(days, "day")}.${missing(found)}`,
      rows: found.refusals.map(({ reason, times, licenses }) => ({
        label: reasonOf(reason),
        value: times,
        detail: counted(licenses, "license"),
        href: link(feed, { type: typeOf(reason), from }),
        listed: `all ${typeOf(reason) === "CloneSuspected" ? "suspected clones" : "refusals"} of that time`,
      })),
      unit: "refusals",
      empty: "No license was used where it does not belong.",
    }),
    h(
      "p",
      { class: "help" },
      "Logins that were refused for another reason, like want of a seat, are in ",
      h("a", { href: link(feed, { type: "AccessRefused" }) }, "the feed of refusals"),
      ", with what to do.",
    ),
  ];
}

/** @param {import("../contract.d.ts").AgentActivityReply} found */
function activityChart(found) {
  const hours = new Intl.DateTimeFormat("en-GB", HOUR_FORM);
  return columns({
    title: "Validations per hour",
    description:
      "How many agents logged in or validated in each hour of the last week, each counted once.",
    points: found.hours.map(({ at, licenses }) => ({ at: new Date(at), value: licenses })),
    formatX: (at) => hours.format(at),
    unit: "agents",
    empty: "No agent has validated within the last week.",
  });
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
    for (const [position, { licenses }] of page.not_seen.entries()) {
      const sum = whole.not_seen[position];
      if (sum) {
        sum.licenses += licenses;
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
  const { id, subscription, seats, max_agents: limit, policy } = organization;
  const { billing_version: billing } = organization;
  const perMember = policy.agents_per_member;
  return h(
    "div",
    { class: "card" },
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
