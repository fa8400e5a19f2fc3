// What an organization decides about its agents: how it stands, and the question before a change.

import * as api from "./api.js";
import { ask } from "./dialogs.js";
import { h } from "./dom.js";
import { DECISIONS, FIXED, LEASE_NOTE, LIMIT } from "./labels.js";
import { change } from "./router.js";
import { announce, field } from "./widgets.js";

/** @typedef {import("../contract.d.ts").Organization} Organization */

/**
 * A button for each decision that would change something. One that the vendor's floor keeps from
 * counting cannot be pressed.
 *
 * @param {Organization} organization
 */
export function decisions(organization) {
  const found = Object.keys(DECISIONS).flatMap((name) => {
    const decision = openDecision(name, organization);
    return decision ? [{ ...decision, name, fixed: isFixed(decision, organization) }] : [];
  });
  const { agents_per_member: least } = organization.policy_floor;
  const limit = { ...LIMIT, member: "agents_per_member", fixed: least === 0 };
  return [...found, limit].map(({ name, member, verb, fixed }) =>
    h(
      "button",
      {
        type: "button",
        "data-key": member, // what undoes it takes its place
        disabled: fixed,
        title: fixed ? FIXED : null,
        onclick: () => change({ do: name }),
      },
      `${verb}…`,
    ),
  );
}

/**
 * Asks before a decision of that name is taken; not if it would change nothing.
 *
 * @param {string} name
 * @param {Organization} organization
 */
export function decide(name, organization) {
  if (name === LIMIT.name) {
    limitMembers(organization);
    return;
  }
  const decision = openDecision(name, organization);
  if (decision === null || isFixed(decision, organization)) {
    change({ do: null }, { replace: true }); // decided by now, by somebody else perhaps
    return;
  }
  const { member, value, verb, done, title, effects, refuses } = decision;
  ask({
    title: title(organization.name),
    text: [list(effects), refuses && h("p", { class: "help" }, LEASE_NOTE)],
    verb,
    async act() {
      await api.updateOrganization(organization.id, { [member]: value });
      announce(done);
    },
  });
}

/** @param {Organization} organization */
function limitMembers({ id, name, policy, policy_floor: floor }) {
  const most = h("input", {
    name: "agents_per_member",
    type: "number",
    min: 0,
    max: floor.agents_per_member ?? 1_000_000_000,
    required: floor.agents_per_member !== null,
    value: policy.agents_per_member ?? "",
  });
  ask({
    title: LIMIT.title(name),
    text: [list(LIMIT.effects), field("Agents per member", most)],
    verb: LIMIT.verb,
    async act() {
      await api.updateOrganization(id, {
        agents_per_member: most.value === "" ? null : Number(most.value),
      });
      announce(LIMIT.done);
    },
  });
}

/** @param {readonly string[]} effects */
function list(effects) {
  return h(
    "ul",
    {},
    effects.map((effect) => h("li", {}, effect)),
  );
}

/**
 * @param {string} name
 * @param {Organization} organization
 */
function openDecision(name, { policy }) {
  const decision = Object.hasOwn(DECISIONS, name) ? DECISIONS[name] : undefined;
  return decision && policy[decision.member] !== decision.value ? decision : null;
}

/**
 * Whether the vendor demands the contrary of all organizations.
 *
 * @param {(typeof DECISIONS)[string]} decision
 * @param {Organization} organization
 */
function isFixed({ member, value }, { policy_floor: floor }) {
  return floor[member] && !value;
}
