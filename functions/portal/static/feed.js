// What happened in an organization; for super-admins, the complete audit trail.

import * as api from "./api.js";
import { h } from "./dom.js";
import { entries } from "./event-list.js";
import { empty } from "./facts.js";
import { choice, field } from "./fields.js";
import { changesOf, eventOf } from "./labels.js";
import { listPage } from "./list-page.js";
import { EVENTS } from "./vocabulary.js";

/**
 * What a file tells of an entry; times are in UTC.
 *
 * @type {[title: string, cell: (event: import("../contract.d.ts").AuditEvent) => import("./csv.js").Cell][]}
 */
const CELLS = [
  ["at", (event) => event.at],
  ["last_at", (event) => event.last_at],
  ["type", (event) => event.type],
  ["what", eventOf],
  ["reason", (event) => event.reason],
  ["times", (event) => event.times],
  ["changes", (event) => changesOf(event).join("\n")],
  ["license_id", (event) => event.license_id],
  ["label", (event) => event.after?.label],
  ["license_computer_name", (event) => event.license_computer_name],
  ["computer_name", (event) => event.computer_name],
  ["actor_kind", (event) => event.actor.kind],
  ["actor_subject", (event) => event.actor.subject],
  ["actor_name", (event) => event.actor.name],
  ["roles", (event) => event.actor.roles.join(" ")],
  ["source_address", (event) => event.source_address],
  ["other_address", (event) => event.other_address],
  ["agent_version", (event) => event.agent_version],
  ["readings", (event) => event.readings.join(" ")],
  ["id", (event) => event.id],
];

/** @type {import("./main.js").MakePage} */
export function feed({ params, query, isSuperAdmin }) {
  const organizationId = params.organization ?? "";
  const read =
    (/** @type {URLSearchParams} */ present) =>
    async (
      /** @type {import("./list-page.js").Asked} */ page,
      /** @type {AbortSignal} */ signal,
    ) => {
      const asked = {
        type: present.get("type"),
        from: startOf(present.get("from"), 0),
        before: startOf(present.get("until"), 1),
        ...page,
      };
      const found = await api.events({ organizationId }, asked, signal);
      return { ...found, rows: found.events };
    };
  return listPage({
    title: isSuperAdmin ? "Audit trail" : "Feed",
    label: "Feed",
    what: "the feed",
    noun: ["entry", "entries"],
    query,
    fields: [
      choice("What", "type", [["", "Everything"], ...typesFor(isSuperAdmin)]),
      field("From", h("input", { name: "from", type: "date" })),
      field("Until", h("input", { name: "until", type: "date" })),
    ],
    narrowing: ["type", "from", "until"],
    load: (present, page, signal) => read(present)(page, signal),
    exported: {
      name: `${organizationId}-${isSuperAdmin ? "audit-trail" : "feed"}`,
      titles: CELLS.map(([title]) => title),
      cells: (event) => CELLS.map(([, cell]) => cell(event)),
      read,
    },
    show: (events) => entries(events, { withLicense: true, isSuperAdmin }),
    nothing,
  });
}

/**
 * The types of events that somebody may see, with their names.
 *
 * @param {boolean} isSuperAdmin
 */
function typesFor(isSuperAdmin) {
  return Object.entries(EVENTS).filter(
    ([type]) =>
      isSuperAdmin || !(type.startsWith("TemporaryLicense") || type === "OrganizationRead"),
  );
}

/** @param {boolean} isNarrowed */
function nothing(isNarrowed) {
  return isNarrowed
    ? empty("Nothing like this has happened.", "Choose a longer time, or clear the filters.")
    : empty(
        "Nothing has happened here.",
        "Logins, blocks, renewals and refused uses of a license appear here as they happen.",
      );
}

/**
 * The start of a day in the reader's time, or of one so many days later; null for no day.
 *
 * @param {string | null} day like 2027-01-31
 * @param {number} later in days, of which not each has 24 hours
 */
export function startOf(day, later) {
  const start = new Date(`${day}T00:00`);
  start.setDate(start.getDate() + later);
  return Number.isNaN(start.getTime()) ? null : start.toISOString();
}
