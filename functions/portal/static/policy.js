// What an organization decides about its agents: how it stands, and the question before a change.

import { announce } from "./announcements.js";
import * as api from "./api.js";
import { nameToType } from "./consequences.js";
import { pose } from "./dialogs.js";
import { h } from "./dom.js";
import { Overtaken } from "./errors.js";
import { field } from "./fields.js";
import { counted, DECISIONS, FIXED, LEASE_NOTE, LIMIT, number } from "./labels.js";
import { saveUnlessOvertaken } from "./overtaken.js";
import { link } from "./router.js";

/** @typedef {import("../contract.d.ts").Organization} Organization */
/** @typedef {import("../contract.d.ts").DeviceKeyCounts} DeviceKeys */

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
        onclick: () => pose(name),
      },
      `${verb}…`,
    ),
  );
}

/**
 * What is asked before a decision of that name is taken; null if it would change nothing.
 *
 * @param {string} name
 * @param {Organization} organization
 * @param {string} etag
 * @param {DeviceKeys | null | undefined} keys of its agents: null if they cannot be counted, undefined until they are
 * @returns {import("./dialogs.js").Question | null | undefined}
 */
export function question(name, organization, etag, keys) {
  if (name === LIMIT.name) {
    return limitMembers(organization, etag);
  }
  const decision = openDecision(name, organization);
  if (decision === null || isFixed(decision, organization)) {
    return null;
  }
  const { member, value, verb, done, title, effects, refuses } = decision;
  const stops = member === "require_device_key" && value;
  if (stops && keys === undefined) {
    return undefined;
  }
  return {
    title: title(organization.name),
    text: [
      stops && stopped(organization, keys ?? null),
      list(effects),
      refuses && h("p", { class: "help" }, LEASE_NOTE),
    ],
    verb,
    careful: refuses,
    name: stops
      ? nameToType({ name: organization.name, seats: keys ? keys.none : organization.seats })
      : null,
    async act() {
      await api.updateOrganization(organization.id, { [member]: value });
      announce(done);
    },
  };
}

/**
 * How many agents required device keys stop.
 *
 * @param {Organization} organization
 * @param {DeviceKeys | null} keys
 */
function stopped({ id, seats }, keys) {
  if (keys === null) {
    const most = h("strong", {}, `This may stop ${counted(seats, "agent")}`);
    return seats > 0 && h("p", {}, most, ": all that have no device key.");
  }
  if (keys.none === 0) {
    return h("p", {}, "Each agent with a license has a device key: this stops none of them.");
  }
  const all = keys.none + keys.bound;
  const href = link(["organizations", id, "agents"], { device_key: "false" });
  const have = keys.none === 1 ? "it has" : "they have";
  return h(
    "p",
    {},
    h(
      "strong",
      {},
      `This stops ${number(keys.none)} of ${number(all)} ${all === 1 ? "agent" : "agents"}`,
    ),
    `: ${have} no device key. `,
    h("a", { href }, "Show them"),
    ", with dissociated and revoked ones that have none.",
  );
}

/**
 * @param {Organization} organization
 * @param {string} etag
 * @returns {import("./dialogs.js").Question}
 */
function limitMembers({ id, name, policy, policy_floor: floor }, etag) {
  let read = { etag, limit: policy.agents_per_member };
  const most = h("input", {
    name: "agents_per_member",
    type: "number",
    min: 0,
    max: floor.agents_per_member ?? 1_000_000_000,
    required: floor.agents_per_member !== null,
    value: policy.agents_per_member ?? "",
  });
  return {
    title: LIMIT.title(name),
    text: [list(LIMIT.effects), field("Agents per member", most)],
    verb: LIMIT.verb,
    careful: true,
    async act() {
      const typed = most.value === "" ? null : Number(most.value);
      const other = await saveUnlessOvertaken(
        read.etag,
        (version) => api.updateOrganization(id, { agents_per_member: typed }, version),
        () => api.organization(id),
        ({ organization }) => ![read.limit, typed].includes(organization.policy.agents_per_member),
      );
      if (other !== null) {
        const [before, { agents_per_member: limit }] = [read.limit, other.organization.policy];
        read = { etag: other.etag, limit };
        throw new Overtaken(
          `It was ${told(before)} and is ${told(limit)} now; you have typed ${told(typed)}. Nothing has been saved. ` +
            `Press ${LIMIT.verb} once more to put yours in its place.`,
        );
      }
      announce(LIMIT.done);
    },
  };
}

/** @param {number | null} limit */
function told(limit) {
  return limit === null ? "without a limit" : number(limit);
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
