// Clones and refusals in all organizations: what a super-admin looks into first.

import * as api from "./api.js";
import { h } from "./dom.js";
import { entries } from "./event-list.js";
import { empty } from "./facts.js";
import { startOf } from "./feed.js";
import { choice, field } from "./fields.js";
import { listPage } from "./list-page.js";

const FIRST = "CloneSuspected";

/** @type {[value: "" | import("../contract.d.ts").AcrossType, text: string][]} */
const TYPES = [
  ["", "Suspected clones"],
  ["AccessRefused", "Refusals"],
];

/** @type {import("./main.js").MakePage} */
export function across({ query }) {
  let type = "";
  const page = listPage({
    title: "Clones and refusals",
    label: "Clones and refusals",
    what: "what has happened",
    noun: ["entry", "entries"],
    query: plain(query),
    fields: [
      choice("What", "type", TYPES),
      field("From", h("input", { name: "from", type: "date" })),
      field("Until", h("input", { name: "until", type: "date" })),
    ],
    narrowing: ["from", "until"],
    async load(present, { limit, cursor }, signal) {
      type = present.get("type") ?? "";
      const asked = {
        type: type || FIRST,
        from: startOf(present.get("from"), 0),
        before: startOf(present.get("until"), 1),
        limit,
        cursor,
      };
      const found = await api.allEvents(asked, signal);
      return { ...found, rows: found.events };
    },
    show: (events) =>
      entries(events, { withLicense: true, withOrganization: true, isSuperAdmin: true }),
    nothing: (isNarrowed) =>
      empty(
        type === "" ? "No clone is suspected." : "Nothing was refused.",
        isNarrowed
          ? "Choose a longer time, or clear the filters."
          : "What happens in any organization appears here at once.",
      ),
  });
  return { ...page, update: (changed) => page.update(plain(changed)) };
}

/**
 * A query in which what is shown anyhow is not chosen.
 *
 * @param {URLSearchParams} query
 */
function plain(query) {
  const others = [...query].filter(([name, value]) => name !== "type" || value !== FIRST);
  return new URLSearchParams(others);
}
