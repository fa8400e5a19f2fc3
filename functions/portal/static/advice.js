// What an administrator can do about what a history tells: a sentence for each reason, with the way
// there.

import { h } from "./dom.js";
import { link } from "./router.js";

/** @typedef {import("./dom.js").Child} Child */
/** @typedef {import("../contract.d.ts").AuditEvent} Entry */
/** @typedef {{ entry: Entry, isSuperAdmin: boolean }} Told */

/** Said where a license was blocked because of a clone. */
const CLONE_ADVICE =
  "Blocked until somebody has looked. If there is one agent alone (its machine is put back again and " +
  "again, say), unblock it: a new chain of leases begins. Keep its folder out of what is put back. If " +
  "two machines really are alike, dissociate or revoke the license: whoever is to go on logs in again.";

/**
 * What helps against a refusal, a sign of a second agent, an agent that has come back, or a change
 * that was not followed. Null where there is nothing to do.
 *
 * @type {Record<import("./vocabulary.js").Reason, string | ((told: Told) => Child[]) | null>}
 */
const ADVICE = {
  // -- logins that were refused
  seat_limit_reached: ({ entry, isSuperAdmin }) => [
    isSuperAdmin
      ? ofOrganization(entry, ["edit"], "Raise the seats")
      : "Ask the operator of this service for more seats",
    ", or free one: dissociate or revoke an agent that nobody uses (",
    ofOrganization(entry, ["agents"], "not seen for longest first", { sort: "last_seen" }),
    "). Then log in again.",
  ],
  member_limit_reached: ({ entry }) => [
    "Have an administrator log in there, or ",
    ofOrganization(entry, [], "change how many agents a member may add", { do: "limit-members" }),
    ". Then log in again.",
  ],
  subscription_ended: ({ entry, isSuperAdmin }) =>
    isSuperAdmin
      ? [
          ofOrganization(entry, ["edit"], "Renew or resume the subscription"),
          ", then log in again.",
        ]
      : [
          "Ask the operator of this service to renew or resume ",
          ofOrganization(entry, [], "the subscription"),
          ", then log in again.",
        ],
  proof_required: ({ entry }) =>
    entry.license_id === null
      ? [
          "Update the agent to a version that has a device key, then log in again. If it has lost ",
          "its device key, reset that on ",
          ofOrganization(entry, ["agents"], "the agent's page", { search: entry.computer_name }),
          ". If it has to work without one, ",
          ofOrganization(entry, [], "do without device keys", { do: "waive-keys" }),
          ".",
        ]
      : [
          "Log in on the agent, in a version that has a device key. If it has lost that, ",
          ofLicense(entry, "reset the device key", "reset-device-key"),
          " first.",
        ],
  machine_registered_to_other_organization: ({ entry, isSuperAdmin }) => {
    if (entry.license_id !== null) {
      return [
        "Your agent goes on. If the computer was handed over, ",
        ofLicense(entry, "dissociate this license", "dissociate"),
        ": then the other organization can log in there.",
      ];
    }
    return isSuperAdmin
      ? [
          h("a", { href: link(["machines"]) }, "Look up who holds the machine"),
          " and dissociate their license there, if the computer is this organization's. Then log in again.",
        ]
      : [
          "If the computer is yours, ask the operator of this service to find out who holds it and to ",
          "free it. Then log in again.",
        ];
  },
  license_still_bound: ({ entry }) => [
    ofLicense(entry, "Dissociate the license", "dissociate"),
    " from its present machine first. Then log in with its key again.",
  ],
  device_key: ({ entry }) => [
    "If the agent was installed anew, ",
    ofLicense(entry, "reset its device key", "reset-device-key"),
    " and log in on it again. If not, somebody else has tried to take the license over.",
  ],
  on_behalf_login_disabled: ({ entry, isSuperAdmin }) => [
    "Somebody of another organization had this license's key. To let a partner in, ",
    isSuperAdmin
      ? ofOrganization(entry, ["temporary"], "generate a temporary license")
      : "ask the operator of this service for a temporary license",
    ". If nobody should have the key, ",
    ofLicense(entry, "revoke the license", "revoke"),
    ".",
  ],
  temporary_license_not_usable: ({ entry }) => [
    "A temporary license is for one partner on one machine, and for none of the organization's own ",
    "people. For somebody else, ",
    ofOrganization(entry, ["temporary"], "generate another one"),
    ".",
  ],
  // -- validations that were refused
  organization_mismatch:
    "The agent names another organization than its license's. Correct that in its configuration, or " +
    "log in on it again.",
  revoked:
    "The license has ended for good. Who is to go on there logs in on the agent, and gets a new one.",
  dissociated:
    "To go on with this license there, log in on the agent with its key. Without the key, a login " +
    "gets another license.",
  machine_mismatch: ({ entry }) => [
    "If the agent has moved to that computer, ",
    ofLicense(entry, "dissociate the license", "dissociate"),
    " and log in there with its key. If its folder was copied there, log in there without it: that ",
    "computer gets a license of its own.",
  ],
  proof_invalid: ({ entry }) => [
    "If the agent's folder was copied or put back, log in on the agent. If it has lost its device key, ",
    ofLicense(entry, "reset that", "reset-device-key"),
    " first. If neither, something on the way changes its requests.",
  ],
  device_key_elsewhere:
    "It was refused there. If the agent has moved to that machine, log in there with the license's " +
    "key. If not, its folder was copied: delete the copy.",
  // -- signs of a second agent, and of one that has come back
  clone_suspected:
    "Both go on. Find the copy and switch it off; or delete its agent's folder, change two of its " +
    "machine id, network cards and name, and log in on it.",
  returned_often:
    "The agent goes on. If its machine is put back regularly, keep the agent's folder out of that, or " +
    "log in at each start. If several machines are started from one image, each needs an id, a name " +
    "and a license of its own.",
  device_keys_alternate:
    "Both go on. If two machines were made from one image, change two of machine id, network cards " +
    "and name on one, and log in on it. If there is one, its agent works with two folders: delete one.",
  older_lease:
    "The agent goes on. If its machine was restored, or its folder was lost, that is all. If not, " +
    "somebody else has a copy: where two go on, a clone is reported soon.",
  newer_lease: "The agent goes on. If the service's table was restored from a backup, that is all.",
  without_lease:
    "The agent goes on. If it has lost its last lease, log in on it. If it was another computer, " +
    "somebody else has the key: have it bound to a device key, or block clones.",
  device_key_came_back:
    "The agent goes on. If somebody has put back a backup or the wrong folder, that is all. If there " +
    "are two machines of one image, give one an id and a name of its own, and log in on it.",
  machine_came_back:
    "If there are two machines, one is a copy: switch it off, and log in on the right one. If there " +
    "is one alone, which was changed back, log in on it. The license follows no change before that.",
  // -- changes that were not followed
  drift_withheld:
    "The agent goes on. If its machine is like that now, log in on it: the license follows at once. " +
    "If nobody has changed it, somebody else uses the key.",
  drift_refused:
    "The agent goes on. If it is on that machine, dissociate or revoke the license that holds it " +
    "and that it does not need any more.",
  // -- of what super-admins and billing did
  read_from_outside: null,
  billing_stale: null,
  billing_contradicting: null,
};

/**
 * What can be done about an entry, null if there is nothing to say.
 *
 * @param {Entry} entry
 * @param {boolean} isSuperAdmin
 * @returns {Child[] | null}
 */
export function adviceOn(entry, isSuperAdmin) {
  if (entry.type === "CloneSuspected" && entry.after?.state === "detached") {
    return [CLONE_ADVICE];
  }
  if (entry.times === null || entry.reason === null || !Object.hasOwn(ADVICE, entry.reason)) {
    return null; // a service that is newer than this page has reasons of which this does not know
  }
  const advice = ADVICE[/** @type {import("./vocabulary.js").Reason} */ (entry.reason)];
  return typeof advice === "function"
    ? advice({ entry, isSuperAdmin })
    : advice === null
      ? null
      : [advice];
}

/**
 * @param {Entry} entry
 * @param {string[]} parts of the path, behind the organization's
 * @param {string} text
 * @param {Record<string, string | null>} [query]
 */
function ofOrganization({ organization_id: id }, parts, text, query = {}) {
  return h("a", { href: link(["organizations", id, ...parts], query) }, text);
}

/**
 * @param {Entry} entry
 * @param {string} text
 * @param {string} action that is asked about there
 */
function ofLicense({ organization_id: id, license_id: license }, text, action) {
  return h(
    "a",
    { href: link(["organizations", id, "agents", license ?? ""], { do: action }) },
    text,
  );
}
