// Who holds a machine: the way out for somebody whose machine another organization has registered.

import { agentTable } from "./agents.js";
import { whisper } from "./announcements.js";
import * as api from "./api.js";
import { fill, h } from "./dom.js";
import { empty } from "./facts.js";
import { failure } from "./failure.js";
import { field, markWrong } from "./fields.js";
import * as drafts from "./form-drafts.js";
import { counted, isolated } from "./labels.js";
import { working } from "./loading.js";
import { link } from "./router.js";
import { search } from "./search.js";

const DRAFT = "machine";
const MACHINE_GUID = "reg query HKLM\\SOFTWARE\\Microsoft\\Cryptography /v MachineGuid";

/** @type {import("./main.js").MakePage} */
export function machines() {
  const finder = search();
  const result = h("div");
  /** @type {AbortController | null} */
  let running = null;
  const machineId = h("input", { name: "machine_id", autocomplete: "off" });
  const macs = h("textarea", { name: "mac_addresses", rows: 3, autocomplete: "off" });
  const computer = h("input", { name: "computer_name", autocomplete: "off" });
  const find = h("button", { type: "submit", class: "first" }, "Find");
  const form = h(
    "form",
    { class: "card", onsubmit: submit },
    h("h2", {}, "Who holds a machine?"),
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
    const typed = drafts.values(form);
    const given = [computer, machineId, macs].filter(({ value }) => value.trim());
    if (given.length === 1) {
      markWrong(form, []);
      fill(result, oneIsNotEnough(given[0] === computer ? typed.computer_name : undefined));
      return;
    }
    fill(result, h("p", { class: "loading", role: "status" }, "Looking…"));
    const mine = new AbortController();
    running = mine;
    try {
      const found = await api.lookUp(machineOf(typed), mine.signal);
      mine.signal.throwIfAborted();
      markWrong(form, []);
      whisper(`${counted(found.holders.length, "organization")} found`);
      fill(result, found.holders.length ? found.holders.map(holder) : free(), howFound(found));
    } catch (error) {
      if (mine.signal.aborted) {
        return; // the reader has gone on, or does not want to know any more
      }
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
    running?.abort();
    drafts.forget(DRAFT);
    form.reset();
    markWrong(form, []);
    fill(result);
  }
  return {
    title: "Machines",
    element: h("div", {}, finder.element, form, result),
    stop() {
      finder.stop();
      running?.abort();
    },
  };
}

/**
 * A machine as the API takes it.
 *
 * @param {Record<string, string>} typed
 * @returns {import("../contract.d.ts").MachineCredentials}
 */
function machineOf(typed) {
  return {
    mac_addresses: (typed.mac_addresses ?? "").split(/[\s,;]+/).filter(Boolean),
    ...(typed.machine_id && { machine_id: typed.machine_id }),
    ...(typed.computer_name && { computer_name: typed.computer_name }),
  };
}

/** @param {import("../contract.d.ts").MachineHolder} found */
function holder({ organization_id: id, name, licenses }) {
  return h(
    "section",
    {},
    h("h2", {}, h("a", { href: link(["organizations", id]) }, name)),
    agentTable(id, licenses, null),
    h(
      "p",
      { class: "help" },
      "To free the machine, dissociate or revoke each of these licenses on its agent's page.",
    ),
  );
}

function free() {
  return empty(
    "Nobody holds a machine with two of these in common.",
    "If they are those of one computer, the next organization whose user logs in on it has it. If ",
    "you expected somebody, compare what you have typed with the computer itself.",
  );
}

/** @type {Record<import("../contract.d.ts").MachineComparison["components"][number], string>} */
const NAMES = {
  machine_id: "machine id",
  mac_addresses: "MAC address",
  computer_name: "computer name",
};

/**
 * What was compared with what is held, and what came of it.
 *
 * @param {import("../contract.d.ts").MachineLookupReply} found
 */
function howFound({ holders, compared, not_counted: ignored }) {
  const names = new Map(holders.map(({ organization_id: id, name }) => [id, name]));
  return h(
    "section",
    {},
    h("h2", {}, "What was compared"),
    h(
      "ul",
      {},
      compared.map(({ components, organization_ids: ids }) =>
        h(
          "li",
          {},
          `${capital(components.map((name) => NAMES[name]).join(" and "))}: `,
          ids.length
            ? `an agent has both, at ${ids.map((id) => isolated(names.get(id) ?? id)).join(", ")}.`
            : "no agent has both.",
        ),
      ),
      ignored.map((name) =>
        h(
          "li",
          {},
          `${capital(NAMES[name])}: not compared where it is one that many computers have, like a `,
          "placeholder of firmware or an address of VPN software.",
        ),
      ),
    ),
    h(
      "p",
      { class: "help" },
      "An agent that agrees in one of the three alone is another computer's. Of several MAC ",
      "addresses, one is enough.",
    ),
  );
}

/**
 * What helps somebody who knows one of the three.
 *
 * @param {string | undefined} name the computer's, if that is what they know
 */
function oneIsNotEnough(name) {
  return h(
    "section",
    { class: "note", role: "status" },
    h(
      "p",
      {},
      h(
        "strong",
        {},
        name === undefined
          ? "One of the three names no machine."
          : "A name alone names no machine.",
      ),
      name === undefined
        ? " Other computers may have the same one."
        : " Other computers may be called the same.",
      " Type a second one, which the computer itself tells:",
    ),
    h(
      "ul",
      {},
      h("li", {}, "On Windows: ", h("code", {}, MACHINE_GUID), " and ", h("code", {}, "getmac")),
      h(
        "li",
        {},
        "On Linux: ",
        h("code", {}, "cat /etc/machine-id"),
        " and ",
        h("code", {}, "ip link"),
      ),
    ),
    name !== undefined &&
      h(
        "p",
        {},
        "To see whose agents are called like that, search for ",
        h("bdi", {}, name),
        " above.",
      ),
  );
}

/** @param {string} text */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
