// What happened in an organization; for super-admins, the complete audit trail.

import * as api from "./api.js";
import { h } from "./dom.js";
import { entries } from "./event-list.js";
import { filters, given } from "./filters.js";
import { EVENTS } from "./vocabulary.js";
import { choice, empty, field, loaded, pager } from "./widgets.js";

const SIZE = 50;

/** @type {import("./main.js").MakePage} */
export function feed({ params, query: first, isSuperAdmin }) {
  const organizationId = params.organization ?? "";
  let query = first;
  const { form, show } = filters("Feed", query, [
    choice("What", "type", [["", "Everything"], ...typesFor(isSuperAdmin)]),
    field("From", h("input", { name: "from", type: "date" })),
    field("Until", h("input", { name: "until", type: "date" })),
  ]);
  const list = loaded(
    "the feed",
    (signal) =>
      api.events(
        { organizationId },
        {
          type: query.get("type"),
          from: startOf(query.get("from"), 0),
          before: startOf(query.get("until"), 1),
          cursor: query.get("cursor"),
          limit: SIZE,
        },
        signal,
      ),
    (page) =>
      page.events.length === 0 && !query.get("cursor")
        ? nothing(Object.keys(given(query, ["type", "from", "until"])).length > 0)
        : [
            entries(page.events, { withLicense: true }),
            pager({ shown: page.events.length, size: SIZE, next: page.next_cursor }),
          ],
  );
  list.reload();
  return {
    title: isSuperAdmin ? "Audit trail" : "Feed",
    element: h("div", {}, form, list.element),
    update(changed) {
      query = changed;
      show(query);
      list.reload();
    },
    stop: list.stop,
  };
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
function startOf(day, later) {
  const start = new Date(`${day}T00:00`);
  start.setDate(start.getDate() + later);
  return Number.isNaN(start.getTime()) ? null : start.toISOString();
}
