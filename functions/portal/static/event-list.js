// What happened, as a list: newest first, each entry in a sentence with who, from where, and what.

import { adviceOn } from "./advice.js";
import { h } from "./dom.js";
import { ago } from "./facts.js";
import { actorOf, changesOf, counted, eventOf, isolated, named, reasonOf } from "./labels.js";
import { organizationName } from "./names.js";
import { link } from "./router.js";

/** @typedef {import("../contract.d.ts").AuditEvent} Entry */

/**
 * For whom a list is: whether each entry says which licence and which organization it is about, and
 * who reads it.
 *
 * @typedef {{ withLicense: boolean, withOrganization?: boolean, isSuperAdmin: boolean }} For
 */

/**
 * @param {Entry[]} events
 * @param {For} whom
 */
export function entries(events, whom) {
  return h(
    "ol",
    { class: "entries" },
    events.map((event) => h("li", {}, entry(event, whom))),
  );
}

/**
 * @param {Entry} event
 * @param {For} whom
 */
function entry(event, { withLicense, withOrganization = false, isSuperAdmin }) {
  const isRefusal = event.times !== null;
  const advice = adviceOn(event, isSuperAdmin);
  return [
    h(
      "p",
      {},
      h("strong", {}, eventOf(event)),
      isRefusal && event.reason ? `: ${reasonOf(event.reason)}` : null,
      isRefusal && (event.times ?? 1) > 1 ? ` (${counted(event.times ?? 1, "time")})` : null,
      withLicense && event.license_id ? " · " : null,
      withLicense && event.license_id ? subject(event) : null,
      withOrganization ? " · " : null,
      withOrganization ? organization(event) : null,
    ),
    event.readings.length
      ? h("p", { class: "change" }, event.readings.map((each) => named(each)).join(", "))
      : null,
    changesOf(event).map((change) => h("p", { class: "change" }, change)),
    advice ? h("p", { class: "help" }, advice) : null,
    !isRefusal && event.reason ? h("p", { class: "reason" }, `“${isolated(event.reason)}”`) : null,
    h(
      "p",
      { class: "help" },
      ago(event.last_at ?? event.at),
      " · ",
      h("span", { title: event.actor.subject }, actorOf(event.actor)),
      event.actor.roles.length ? ` (${event.actor.roles.join(", ")})` : null,
      event.computer_name ? ` · on ${isolated(event.computer_name)}` : null,
      event.source_address ? ` · from ${event.source_address}` : null,
      event.other_address ? ` · also used from ${event.other_address}` : null,
      event.agent_version ? ` · agent ${event.agent_version}` : null,
    ),
  ].flat();
}

/** @param {Entry} event */
function subject(event) {
  const id = event.license_id ?? "";
  const { label, computer_name: computer } = event.after ?? {};
  const name = label || computer || event.license_computer_name || id;
  // A temporary license has no page. Of a refusal, it is known where one alone is refused like that.
  const isTemporary =
    event.after?.kind === "temporary" || event.reason === "temporary_license_not_usable";
  return isTemporary
    ? h("code", {}, id)
    : h("a", { href: link(["organizations", event.organization_id, "agents", id]) }, String(name));
}

/** @param {Entry} event */
function organization({ organization_id: id }) {
  return h("a", { href: link(["organizations", id]) }, organizationName(id) ?? id);
}
