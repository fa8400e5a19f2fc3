// Who holds a machine: the way out for somebody whose machine another organization has registered.

import { agentTable } from "./agents.js";
import * as api from "./api.js";
import { fill, h } from "./dom.js";
import * as drafts from "./form-drafts.js";
import { counted } from "./labels.js";
import { link } from "./router.js";
import { empty, failure, field, markWrong, whisper, working } from "./widgets.js";

const DRAFT = "machine";

/** @type {import("./main.js").MakePage} */
export function machines() {
  const result = h("div");
  const machineId = h("input", { name: "machine_id", autocomplete: "off" });
  const macs = h("textarea", { name: "mac_addresses", rows: 3, autocomplete: "off" });
  const computer = h("input", { name: "computer_name", autocomplete: "off" });
  const find = h("button", { type: "submit", class: "first" }, "Find");
  const form = h(
    "form",
    { class: "card", onsubmit: submit },
    h("p", {}, "Two of the three are enough. The service keeps and logs nothing of them."),
    field("Computer name", computer),
    field("Machine id", machineId, "SMBIOS UUID, MachineGuid, or what /etc/machine-id says"),
    field("MAC addresses", macs, "One on each line"),
    h("p", { class: "buttons" }, find, h("button", { type: "button", onclick: clear }, "Clear")),
  );
  drafts.keep(form, DRAFT);

  /** @param {Event} [event] */
  async function submit(event) {
    event?.preventDefault();
    await working(find, lookUp);
  }

  async function lookUp() {
    fill(result, h("p", { class: "loading", role: "status" }, "Looking…"));
    const typed = drafts.values(form);
    try {
      const holders = await api.lookUp({
        mac_addresses: (typed.mac_addresses ?? "").split(/[\s,;]+/).filter(Boolean),
        ...(typed.machine_id && { machine_id: typed.machine_id }),
        ...(typed.computer_name && { computer_name: typed.computer_name }),
      });
      markWrong(form, []);
      whisper(`${counted(holders.length, "organization")} found`);
      fill(result, holders.length ? holders.map(holder) : free());
    } catch (error) {
      fill(result);
      if (!(error instanceof api.Problem && markWrong(form, atFields(error.errors)))) {
        fill(result, failure(error, submit));
      }
    }
  }

  /**
   * What is wrong with the machine as a whole is told at what is missing of it, or else at all.
   *
   * @param {import("../contract.d.ts").ProblemError[]} errors
   */
  function atFields(errors) {
    const components = [computer, machineId, macs];
    const missing = components.filter(({ value }) => !value.trim());
    return errors.flatMap((error) =>
      error.pointer.endsWith("/machine")
        ? (missing.length ? missing : components).map(({ name }) => ({ ...error, pointer: name }))
        : [error],
    );
  }

  function clear() {
    drafts.forget(DRAFT);
    form.reset();
    markWrong(form, []);
    fill(result);
  }
  return { title: "Who holds a machine?", element: h("div", {}, form, result) };
}

/** @param {import("../contract.d.ts").MachineHolder} found */
function holder({ organization_id: id, name, licenses }) {
  return h(
    "section",
    {},
    h("h2", {}, h("a", { href: link(["organizations", id]) }, name)),
    agentTable(id, licenses),
    h(
      "p",
      { class: "help" },
      "To free the machine, dissociate or revoke each of these licenses on its agent's page.",
    ),
  );
}

function free() {
  return empty("Nobody holds it.", "The next organization whose user logs in on it has it.");
}
