// What a page is about: the thing's name, how it is, what that means, and what to do next. Pages tell
// it once they have loaded it; it stands in the heading and in the browser's title.

import { fill, h } from "./dom.js";
import { statusBadge } from "./facts.js";
import { DAY, fromNow, named, nameOf, STATUS_MEANINGS } from "./labels.js";
import { link } from "./router.js";
import { endUrgency, standingBadge } from "./urgency.js";

/** @typedef {import("./dom.js").Child} Child */
/** @typedef {import("../contract.d.ts").AdministeredLicense} License */
/** @typedef {import("../contract.d.ts").Organization} Organization */

/**
 * `state` is a word for the title, `told` the line under the heading.
 *
 * @typedef {{ name: string, state: string, told: Child[] }} Subject
 */

const EVENT = "subject";
const SILENT_DAYS = 30;

/**
 * A heading that says what a page of that title is about, as soon as the page tells it.
 *
 * @param {string} title
 * @param {HTMLElement} page
 * @param {(subject: Subject) => void} heard
 */
export function heading(title, page, heard) {
  const name = h("h1", { tabindex: -1 }, title);
  const told = h("p", { class: "subject", hidden: true });
  page.addEventListener(EVENT, (event) => {
    const subject = /** @type {CustomEvent<Subject>} */ (event).detail;
    fill(name, subject.name);
    fill(told, subject.told);
    told.hidden = subject.told.length === 0;
    heard(subject);
  });
  return { name, told };
}

/**
 * Tells what the page that an element is in is about.
 *
 * @param {HTMLElement} element
 * @param {Subject} subject
 */
export function subjectIs(element, subject) {
  element.dispatchEvent(new CustomEvent(EVENT, { bubbles: true, detail: subject }));
}

/**
 * @param {License} license
 * @param {boolean} isSuperAdmin
 * @returns {Subject}
 */
export function ofAgent(license, isSuperAdmin) {
  const { status, environment } = license;
  return {
    name: `${nameOf(license)} · ${environment}`,
    state: named(status),
    told: [
      statusBadge(status),
      ` ${STATUS_MEANINGS[status]} `,
      ...AGENT_NEXT[status](license, isSuperAdmin),
    ],
  };
}

/** @type {Record<License["status"], (license: License, isSuperAdmin: boolean) => Child[]>} */
const AGENT_NEXT = {
  active: (license) => {
    const at = license.last_seen?.at ?? license.issued_at;
    return Date.now() - Date.parse(at) < SILENT_DAYS * DAY
      ? []
      : [
          license.last_seen ? `It was seen ${fromNow(at)}. ` : "It has never been seen. ",
          "If nobody uses it any more, ",
          toAsk(license, "dissociate", "dissociate it"),
          ": that frees its seat.",
        ];
  },
  suspended: ({ organization_id: id }, isSuperAdmin) =>
    ofSubscription(id, isSuperAdmin, "Resume the subscription"),
  expired: ({ organization_id: id }, isSuperAdmin) =>
    ofSubscription(id, isSuperAdmin, "Renew the subscription"),
  detached: (license) => [
    toAsk(license, "attach", "Unblock it"),
    " when the cause is settled: the history says who blocked it, and why.",
  ],
  dissociated: (license) => [
    "Log in with its key on the machine that is to have it, or ",
    toAsk(license, "revoke", "revoke it"),
    ".",
  ],
  revoked: () => ["Whoever logs in on the machine again gets a new license."],
};

/**
 * @param {License} license
 * @param {string} action that is asked about
 * @param {string} text
 */
function toAsk({ organization_id: organization, id }, action, text) {
  return h(
    "a",
    { href: link(["organizations", organization, "agents", id], { do: action }) },
    text,
  );
}

/**
 * @param {Organization} organization
 * @param {boolean} isSuperAdmin
 * @returns {Subject}
 */
export function ofOrganization(organization, isSuperAdmin) {
  const { name, standing, subscription } = organization;
  const state =
    standing === "suspended" ? `${named(standing)} (${inState(subscription)})` : named(standing);
  return {
    name,
    state,
    told: [
      standingBadge(organization, state),
      " ",
      ...ORGANIZATION_NEXT[standing](organization, isSuperAdmin),
    ],
  };
}

/** @param {Organization["subscription"]} subscription */
function inState({ status }) {
  return named(status).toLowerCase();
}

/** @type {Record<Organization["standing"], (organization: Organization, isSuperAdmin: boolean) => Child[]>} */
const ORGANIZATION_NEXT = {
  current: ({ id, subscription: { valid_until: end } }, isSuperAdmin) =>
    endUrgency(end) === "calm"
      ? ["Its agents validate and run."]
      : [
          `The subscription ends ${fromNow(end)}. `,
          ...ofSubscription(id, isSuperAdmin, "Renew it"),
        ],
  suspended: ({ id, subscription }, isSuperAdmin) => [
    "Agents are refused while the subscription is paused or cancelled. ",
    ...ofSubscription(
      id,
      isSuperAdmin,
      subscription.status === "paused" ? "Resume it" : "Take it up again",
    ),
  ],
  ended: ({ id }, isSuperAdmin) => [
    "Agents are refused until the subscription is renewed. No key is lost. ",
    ...ofSubscription(id, isSuperAdmin, "Renew it"),
  ],
};

/**
 * @param {string} id of the organization
 * @param {boolean} isSuperAdmin
 * @param {string} what to do, as an order
 */
function ofSubscription(id, isSuperAdmin, what) {
  return isSuperAdmin
    ? [h("a", { href: link(["organizations", id, "edit"]) }, what), "."]
    : [`Ask the operator of this service to ${what.charAt(0).toLowerCase()}${what.slice(1)}.`];
}
