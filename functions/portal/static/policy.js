// What an organization decides about its agents: how it stands, and the question before a change.

import * as api from "./api.js";
import { ask } from "./dialogs.js";
import { h } from "./dom.js";
import { DECISIONS, LEASE_NOTE } from "./labels.js";
import { change } from "./router.js";
import { announce } from "./widgets.js";

/** @typedef {import("./types.js").Organization} Organization */

/**
 * A button for each decision that would change something.
 *
 * @param {Organization} organization
 */
export function decisions(organization) {
  return Object.keys(DECISIONS).flatMap((name) => {
    const decision = openDecision(name, organization);
    return decision
      ? h(
          "button",
          {
            type: "button",
            "data-key": decision.member, // what undoes it takes its place
            onclick: () => change({ do: name }),
          },
          `${decision.verb}…`,
        )
      : [];
  });
}

/**
 * Asks before a decision of that name is taken; not if it would change nothing.
 *
 * @param {string} name
 * @param {Organization} organization
 */
export function decide(name, organization) {
  const decision = openDecision(name, organization);
  if (decision === null) {
    change({ do: null }, { replace: true }); // decided by now, by somebody else perhaps
    return;
  }
  const { member, value, verb, done, title, effects, refuses } = decision;
  ask({
    title: title(organization.name),
    text: [
      h(
        "ul",
        {},
        effects.map((effect) => h("li", {}, effect)),
      ),
      refuses && h("p", { class: "help" }, LEASE_NOTE),
    ],
    verb,
    async act() {
      await api.govern(organization.id, { [member]: value });
      announce(done);
    },
  });
}

/**
 * @param {string} name
 * @param {Organization} organization
 */
function openDecision(name, { policy }) {
  const decision = Object.hasOwn(DECISIONS, name) ? DECISIONS[name] : undefined;
  return decision && policy[decision.member] !== decision.value ? decision : null;
}
