// Finds an agent of any organization by what one has of it: the beginning of its computer's name, its
// key, or its license's id. A key stands in no address and in no draft.

import { whisper } from "./announcements.js";
import * as api from "./api.js";
import { fill, h } from "./dom.js";
import { ago, badge, empty, person, statusBadge } from "./facts.js";
import { failure } from "./failure.js";
import { field, markWrong } from "./fields.js";
import { counted, isolated, named, nameOf } from "./labels.js";
import { working } from "./loading.js";
import { organizationName } from "./names.js";
import { link } from "./router.js";
import { table } from "./table.js";

/** @typedef {import("../contract.d.ts").AdministeredLicense} License */
/** @typedef {import("../contract.d.ts").SearchReply} Found */

const SIZE = 20;

/** What was found last, for who comes back from one of the agents. @type {{ text: string, found: Found } | null} */
let last = null;

export function search() {
  const result = h("div", { class: "found" });
  const trouble = h("div");
  /** @type {AbortController | null} */
  let running = null;
  const text = h("input", {
    name: "text",
    type: "search",
    maxlength: 200,
    required: true,
    autocomplete: "off",
    autocapitalize: "none",
    spellcheck: "false",
  });
  const find = h("button", { type: "submit", class: "first" }, "Search");
  const form = h(
    "form",
    {
      class: "card",
      role: "search",
      "aria-label": "Agents of all organizations",
      onsubmit: submit,
    },
    h("h2", {}, "Find an agent"),
    field("Agent", text, "How its computer's name begins, its license key, or its license id"),
    h("p", { class: "buttons" }, find),
  );
  if (last !== null) {
    text.value = last.text;
    show(last.text, last.found);
  }

  /** @param {Event} [event] */
  async function submit(event) {
    event?.preventDefault();
    await lookBy(find, text.value.trim(), null);
  }

  /**
   * @param {HTMLButtonElement} button that is for it
   * @param {string} wanted
   * @param {Found | null} before what was found so far, if this is to go on with it
   */
  async function lookBy(button, wanted, before) {
    const mine = new AbortController();
    running?.abort(); // an older answer never replaces a newer one
    running = mine;
    await working(button, async () => {
      try {
        await look(wanted, before, mine.signal);
      } catch (error) {
        if (!mine.signal.aborted) {
          tell(error, before, () => lookBy(button, wanted, before));
        }
      }
    });
  }

  /**
   * @param {string} wanted
   * @param {Found | null} before
   * @param {AbortSignal} signal
   */
  async function look(wanted, before, signal) {
    markWrong(form, []);
    fill(trouble);
    if (before === null) {
      last = null;
      fill(result, h("p", { class: "loading", role: "status" }, "Looking…"));
    }
    const cursor = before?.next_cursor ?? null;
    const found = await api.searchLicenses({ text: wanted, limit: SIZE, cursor }, signal);
    signal.throwIfAborted();
    const whole = { ...found, licenses: [...(before?.licenses ?? []), ...found.licenses] };
    if (whole.taken_for !== "license_key") {
      last = { text: wanted, found: whole };
    }
    whisper(`${counted(whole.licenses.length, "agent")} found`);
    show(wanted, whole, before?.licenses.length);
  }

  /**
   * @param {unknown} error
   * @param {Found | null} before
   * @param {() => unknown} again
   */
  function tell(error, before, again) {
    if (before === null) {
      fill(result);
    }
    if (!(error instanceof api.Problem && markWrong(form, error.errors))) {
      fill(trouble, failure(error, again));
    }
  }

  /**
   * @param {string} wanted
   * @param {Found} found
   * @param {number} [before] how many agents have been shown before, if this goes on with them
   */
  function show(wanted, found, before = 0) {
    const { licenses, temporary_license: temporary, next_cursor: next } = found;
    const more = h(
      "button",
      { type: "button", onclick: () => lookBy(more, wanted, found) },
      "More",
    );
    fill(
      result,
      licenses.length === 0 && temporary === null && nothing(found.taken_for),
      temporary && ofTemporary(temporary),
      licenses.length > 0 && [
        h("p", {}, TAKEN_FOR[found.taken_for](isolated(wanted))),
        agents(licenses),
        next !== null && h("p", { class: "buttons" }, more),
      ],
    );
    if (before > 0 && document.activeElement === document.body) {
      // The button that was pressed is gone: the reader goes on with the first that is new.
      const added = result.querySelectorAll("tbody tr")[before]?.querySelector("a");
      (added ?? (next === null ? text : more)).focus();
    }
  }
  return { element: h("section", {}, form, result, trouble), stop: () => running?.abort() };
}

/** @type {Record<Found["taken_for"], (text: string) => string>} */
const TAKEN_FOR = {
  license_key: () => "Taken for a license key: this is the agent that has it.",
  license_id: () => "Taken for a license id: this is its agent.",
  computer_name: (text) => `Taken for a computer's name: these begin with “${text}”.`,
};

/** @type {Record<Found["taken_for"], [title: string, text: string]>} */
const NOTHING = {
  license_key: [
    "No license has this key.",
    "It is well-formed, but not of this service, or of one that was restored from a backup. If it " +
      "is a computer's name, search for its first letters.",
  ],
  license_id: ["No license has this id.", "Compare it with where you have it from."],
  computer_name: [
    "No agent's computer is called like this.",
    "Names are compared from their beginning, and labels are not searched. Type fewer letters, a " +
      "whole license key or a whole license id. An agent of an earlier release that has neither " +
      "validated nor changed since the update is found by key or id alone.",
  ],
};

/** @param {Found["taken_for"]} takenFor */
function nothing(takenFor) {
  return empty(...NOTHING[takenFor]);
}

/** @param {import("../contract.d.ts").TemporaryLicense} license */
function ofTemporary({ id, organization_id: organization, status, note }) {
  return h(
    "p",
    { class: "note" },
    "A temporary license, ",
    h("code", {}, id),
    ", of ",
    h("a", { href: link(["organizations", organization, "temporary"]) }, called(organization)),
    ": ",
    badge(`temporary-${status}`, named(status)),
    note && [" “", h("bdi", {}, note), "”"],
  );
}

/** @param {License[]} licenses */
function agents(licenses) {
  return table({
    caption: "Agents found",
    rows: licenses,
    columns: [
      {
        title: "Computer",
        cell: (license) => {
          const place = ["organizations", license.organization_id, "agents", license.id];
          return h("a", { href: link(place) }, nameOf(license));
        },
      },
      {
        title: "Organization",
        cell: ({ organization_id: id }) =>
          h("a", { href: link(["organizations", id]) }, called(id)),
      },
      { title: "Environment", cell: ({ environment }) => environment },
      { title: "Status", cell: ({ status }) => statusBadge(status) },
      {
        title: "Last seen",
        cell: ({ last_seen: seen }) => (seen ? ago(seen.at) : "never"),
      },
      {
        title: "Issued by",
        cell: ({ issued_by: subject, issued_by_name: name }) => person(subject, name),
      },
    ],
  });
}

/** @param {string} organization */
function called(organization) {
  return organizationName(organization) ?? organization;
}
