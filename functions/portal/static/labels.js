// The service's words in people's words: statuses, actions, events, refusals, times.

import { EVENTS, REASONS } from "./vocabulary.js";

/** @typedef {import("../contract.d.ts").LicenseStatus} Status */
/** @typedef {import("../contract.d.ts").AdministeredLicense["actions"][number]} Action */
/** @typedef {import("../contract.d.ts").Policy} Policy */
/** @typedef {import("../contract.d.ts").AuditEvent} Entry */
/** @typedef {import("../contract.d.ts").EventFacts} Facts */
/** @typedef {import("../contract.d.ts").TimeToLive} TimeToLive */
/** @typedef {string | number | boolean | null | undefined} Fact */

const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
const TOLD_OF_KEY = 12; // characters: enough to tell keys apart, and not to make one that is alike

/**
 * Words that people have another word for.
 *
 * @type {Record<string, string>}
 */
const OTHER_WORDS = { detached: "Blocked" };

/** @type {Record<Status, string>} */
export const STATUS_MEANINGS = {
  active: "It validates and runs.",
  suspended: "The organization's subscription is paused or cancelled.",
  expired: "The organization's subscription has ended. A renewal brings it back by itself.",
  detached:
    "An administrator has blocked it, or it was blocked as a clone. It holds its machine and its seat.",
  dissociated: "Its key waits to be bound to another machine. Machine and seat are free.",
  revoked: "It has ended for good.",
};

/**
 * What each action is called, and what it will do.
 *
 * @type {Record<Action, { verb: string, done: string, title: (name: string) => string, effects: string[], grave: boolean }>}
 */
export const ACTIONS = {
  detach: {
    verb: "Block",
    done: "is blocked",
    title: (name) => `Block ${name}?`,
    effects: [
      "The agent is told “Agent is Blocked.” at its next validation, and nobody can log in on it.",
      "It keeps its machine and its seat.",
      "You can lift the block at any time.",
    ],
    grave: false,
  },
  attach: {
    verb: "Unblock",
    done: "is not blocked any more",
    title: (name) => `Unblock ${name}?`,
    effects: [
      "The agent validates again with the key that it has, if the subscription is good. Nobody has to log in.",
    ],
    grave: false,
  },
  dissociate: {
    verb: "Dissociate",
    done: "is dissociated from its machine",
    title: (name) => `Dissociate ${name} from its machine?`,
    effects: [
      "The machine and the seat are free: another organization may take the machine.",
      "The agent has to log in again; its validation is refused from now on.",
      "The license and its key are kept. A user of this organization who logs in with the key on another machine binds it there.",
    ],
    grave: false,
  },
  revoke: {
    verb: "Revoke",
    done: "is revoked",
    title: (name) => `Revoke the license of ${name} for good?`,
    effects: [
      "The key is dead. This cannot be undone.",
      "The machine and the seat are free.",
      "A user who logs in on the machine again gets a new license.",
    ],
    grave: true,
  },
};

/**
 * What an administrator does to an agent that changes no state: of the form of an action.
 */
export const RESET_DEVICE_KEY = {
  verb: "Reset device key",
  done: "has no device key any more",
  /** @param {string} name */
  title: (name) => `Reset the device key of ${name}?`,
  effects: [
    "The next login binds the device key that the agent then proves, whoever logs in. Have somebody log in on the agent soon.",
    "A device key that waits is refused.",
    "Until then, the agent validates without a device key, unless the organization requires one.",
  ],
  grave: false,
};

/** Said where a decision refuses running agents: they may be offline. */
export const LEASE_NOTE =
  "An agent that cannot reach the service runs on until its present lease ends.";

/**
 * What a refusal does not reach at once, `null` when no lease is left to go on with. Of a license
 * from before the ends of leases were kept, it is not known until when.
 *
 * @param {{ leased_until: string | null }} license
 * @param {number} [now] epoch milliseconds
 */
export function leaseNote({ leased_until }, now = Date.now()) {
  if (leased_until === null) {
    return LEASE_NOTE;
  }
  return isToCome(leased_until, now)
    ? "The service refuses this license at once. But a computer that does not ask the service – " +
        "the agent's own while it is offline, or one with a copy of the agent – can go on until " +
        `its lease ends: at the latest ${instant(leased_until)} (${fromNow(leased_until, now)}).`
    : null;
}

/**
 * What an organization can decide about its agents, and what each decision will do.
 *
 * @type {Record<string, { member: "require_device_key" | "block_clones" | "lock_device_keys", value: boolean, verb: string, done: string, title: (name: string) => string, effects: string[], refuses: boolean }>}
 */
export const DECISIONS = {
  "require-keys": {
    member: "require_device_key",
    value: true,
    verb: "Require device keys",
    done: "Device keys are required.",
    title: (name) => `Require a device key of each agent of ${isolated(name)}?`,
    effects: [
      "An agent whose license has no device key is refused at its next validation, until somebody logs in again on it, in a version that has one.",
      "Older agents have none: they stop, and nobody can log in on them.",
      "An agent that proves a device key already goes on as before.",
      "You can do without device keys again at any time.",
    ],
    refuses: true,
  },
  "waive-keys": {
    member: "require_device_key",
    value: false,
    verb: "Do without device keys",
    done: "Device keys are not required any more.",
    title: (name) => `Let agents of ${isolated(name)} do without a device key?`,
    effects: [
      "An agent whose license has no device key validates again with the license key that it has. Nobody has to log in.",
      "An agent whose license has a device key still has to prove it.",
    ],
    refuses: false,
  },
  "block-clones": {
    member: "block_clones",
    value: true,
    verb: "Block clones",
    done: "Clones are blocked at once.",
    title: (name) => `Block clones among the agents of ${isolated(name)}?`,
    effects: [
      "A license that two agents seem to use is blocked at once, and both are told “Agent is Blocked.”",
      "It stays blocked until an administrator has looked, and unblocks, dissociates or revokes it.",
      "An agent that has presented leases is refused without its last one, until somebody logs in on it.",
      "An agent that was put back from a backup once goes on. One that is put back each day is blocked on the fifth.",
    ],
    refuses: true,
  },
  "report-clones": {
    member: "block_clones",
    value: false,
    verb: "Only report clones",
    done: "Clones are reported, and not blocked any more.",
    title: (name) => `Only report clones among the agents of ${isolated(name)}?`,
    effects: [
      "Two agents that seem to use one license both go on, and so does one without its last lease. History and feed tell of them.",
      "What is blocked by now stays blocked until an administrator unblocks it.",
    ],
    refuses: false,
  },
  "lock-keys": {
    member: "lock_device_keys",
    value: true,
    verb: "Lock device keys",
    done: "Device keys are locked.",
    title: (name) => `Lock the device keys of ${isolated(name)}?`,
    effects: [
      "A member's login does not replace a license's device key any more.",
      "An agent that has lost its device key needs an administrator.",
      "An agent that proves its old key still replaces it by itself.",
    ],
    refuses: false,
  },
  "unlock-keys": {
    member: "lock_device_keys",
    value: false,
    verb: "Let logins replace keys",
    done: "Logins replace lost device keys again.",
    title: (name) => `Let logins replace the device keys of ${isolated(name)}?`,
    effects: ["A member who logs in on an agent can replace its device key."],
    refuses: false,
  },
};

/** The decision about a number, and what it will do. */
export const LIMIT = {
  name: "limit-members",
  verb: "Limit members",
  done: "The limit is saved.",
  /** @param {string} name */
  title: (name) => `How many agents may a member of ${isolated(name)} add?`,
  effects: [
    "Administrators are not limited, and agents that members have added already go on.",
    "Empty sets no limit. 0 leaves it to administrators to add agents.",
  ],
};

/** Said where the vendor's floor leaves nothing to decide. */
export const FIXED = "Fixed by the operator of this service for all organizations.";

/** @type {Record<keyof Facts, string>} */
const FACTS = {
  kind: "kind",
  state: "state",
  environment: "environment",
  computer_name: "computer name",
  machine: "machine",
  exclusive: "closed to newcomers",
  primary: "primary",
  label: "label",
  device_key: "device key",
  pending_device_key: "device key that waits",
  expires_at: "expires",
  holder: "used by",
  note: "note",
  name: "name",
  valid_until: "valid until",
  status: "subscription",
  max_agents: "seats",
  billing_version: "billing's version",
  announced_days: "announced, days ahead",
  require_device_key: "device keys required",
  block_clones: "clones blocked",
  lock_device_keys: "device keys locked",
  agents_per_member: "agents per member",
};

/** @type {Record<keyof import("../contract.d.ts").MachineCredentials, string>} */
const COMPONENTS = {
  machine_id: "machine id",
  mac_addresses: "network cards",
  computer_name: "computer name",
};

/**
 * Who acts without being a person.
 *
 * @type {Record<Exclude<Entry["actor"]["kind"], "user">, string>}
 */
const ACTORS = { agent: "The agent", schedule: "The service", billing: "Billing" };

/** @type {Record<TimeToLive, string>} */
const LASTING = {
  "1h": "1 hour",
  "3h": "3 hours",
  "6h": "6 hours",
  "12h": "12 hours",
  "1d": "1 day",
  "3d": "3 days",
  "7d": "7 days",
};

/**
 * What people call a status, a standing and the like.
 *
 * @param {string} word
 */
export function named(word) {
  return OTHER_WORDS[word] ?? inWords(word);
}

/**
 * Words to choose from, with what people call them.
 *
 * @param {readonly string[]} words
 * @returns {[value: string, text: string][]}
 */
export function choices(words) {
  return words.map((word) => [word, named(word)]);
}

/**
 * Why something was refused; what this page has no words for is shown as it came.
 *
 * @param {string} reason
 */
export function reasonOf(reason) {
  return labelled(REASONS, reason) ?? inWords(reason);
}

/** @param {Entry} entry */
export function eventOf(entry) {
  return labelled(EVENTS, entry.type) ?? entry.type;
}

/**
 * Who did it; people by the name that their token told then, or else by their id.
 *
 * @param {Entry["actor"]} actor
 */
export function actorOf(actor) {
  const person =
    actor.subject === "hidden" ? "Somebody else's user" : (actor.name ?? actor.subject);
  return labelled(ACTORS, actor.kind) ?? person;
}

/**
 * What an event has changed, each in a few words; empty for a refusal.
 *
 * @param {Entry} entry
 */
export function changesOf(entry) {
  if (!entry.before || !entry.after) {
    return [];
  }
  // Events of other builds may have facts that this page knows nothing of.
  const before = /** @type {Record<string, Fact>} */ (entry.before);
  const after = /** @type {Record<string, Fact>} */ (entry.after);
  const changed = Object.keys(after).filter((name) => before[name] !== after[name]);
  const told = changed
    .filter((name) => name !== "machine") // a digest: which components have changed says more
    .map(
      (name) =>
        `${labelled(FACTS, name) ?? name}: ${isolated(fact(name, before[name]))} → ${isolated(fact(name, after[name]))}`,
    );
  const components = entry.components.map((name) => labelled(COMPONENTS, name) ?? name);
  return components.length ? [...told, `changed: ${components.join(", ")}`] : told;
}

/**
 * An agent's name for people: its label, its computer, or at least its id. It can stand in a sentence.
 *
 * @param {import("../contract.d.ts").AdministeredLicense} license
 */
export function nameOf(license) {
  return isolated(license.label || license.computer_name || license.id);
}

const FROM_RIGHT_TO_LEFT =
  /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/**
 * What somebody has written, for the middle of a sentence: where it runs from right to left, what
 * stands around it does not turn with it. Elements have `bdi` for that.
 *
 * @param {string} text
 */
export function isolated(text) {
  return FROM_RIGHT_TO_LEFT.test(text) ? `\u2068${text}\u2069` : text;
}

const instants = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const times = new Intl.DateTimeFormat("en-GB", { timeStyle: "short" });
const days = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });
const utcDays = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" });
// In numbers: 24 hours and more are a day here, but not "yesterday" or "tomorrow" on any calendar.
const relative = new Intl.RelativeTimeFormat("en", { numeric: "always" });
const numbers = new Intl.NumberFormat("en");

/** @param {string | Date} at */
export function instant(at) {
  return instants.format(new Date(at));
}

/** @param {string | Date} at */
export function day(at) {
  return days.format(new Date(at));
}

/**
 * A day as the service counts them: for some, it is another one.
 *
 * @param {Date} at
 */
export function utcDay(at) {
  return utcDays.format(at);
}

/**
 * When something was so: the time alone, if that was today.
 *
 * @param {number} at epoch milliseconds
 */
export function asOf(at) {
  const isToday = days.format(at) === days.format(Date.now());
  return isToday ? times.format(at) : instants.format(at);
}

/** @param {number} value */
export function number(value) {
  return numbers.format(value);
}

/**
 * `one agent`, `2,000 agents`.
 *
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export function counted(count, one, many = `${one}s`) {
  return `${count === 1 ? "one" : number(count)} ${count === 1 ? one : many}`;
}

/**
 * `3 hours ago`, `in 5 days`, and of less than a day to the minute, like what is left of it.
 *
 * @param {string | Date} at
 * @param {number} [now] epoch milliseconds
 */
export function fromNow(at, now = Date.now()) {
  const passed = new Date(at).getTime() - now;
  const toCome = daysUntil(at, now);
  if (passed >= MINUTE) {
    return toCome > 0 ? relative.format(toCome, "day") : `in ${duration(passed / 1000)}`;
  }
  for (const [unit, length] of /** @type {const} */ ([
    ["day", DAY],
    ["hour", HOUR],
    ["minute", MINUTE],
  ])) {
    if (-passed >= length) {
      return relative.format(Math.trunc(passed / length), unit);
    }
  }
  return "just now";
}

/**
 * How many full days are to come until then. A minute that has begun counts: what has just begun to
 * last a day lasts one.
 *
 * @param {string | Date} at
 * @param {number} [now] epoch milliseconds
 */
export function daysUntil(at, now = Date.now()) {
  return Math.floor((Math.ceil((new Date(at).getTime() - now) / MINUTE) * MINUTE) / DAY);
}

/**
 * Whether there is such a moment, and it has not come yet.
 *
 * @param {string | null} at
 * @param {number} [now] epoch milliseconds
 * @returns {at is string}
 */
export function isToCome(at, now = Date.now()) {
  return at !== null && Date.parse(at) > now;
}

/**
 * How long a time to live is: `1 hour`, `3 days`.
 *
 * @param {TimeToLive} ttl
 */
export function lasting(ttl) {
  return labelled(LASTING, ttl) ?? ttl;
}

/**
 * How long something still lasts: `2 d 3 h`, `3 h 5 min`, `less than a minute`. A minute that has begun
 * counts: three hours that have just begun are `3 h`.
 *
 * @param {number} seconds
 */
export function duration(seconds) {
  if (seconds < 60) {
    return "less than a minute";
  }
  const minutes = Math.ceil(seconds / 60);
  const parts = [
    [Math.floor(minutes / 1440), "d"],
    [Math.floor((minutes % 1440) / 60), "h"],
    [minutes % 60, "min"],
  ];
  const first = parts.findIndex(([count]) => count !== 0);
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count !== 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
}

/**
 * @param {string} name
 * @param {Fact} value
 */
function fact(name, value) {
  if (value === null || value === undefined || value === "") {
    return "none";
  }
  if (typeof value === "boolean") {
    return value ? "yes" : "no";
  }
  if (["expires_at", "valid_until"].includes(name)) {
    // An older version of the function counts seconds.
    return instant(typeof value === "number" ? new Date(value * 1000) : String(value));
  }
  if (["device_key", "pending_device_key"].includes(name)) {
    return `${String(value).slice(0, TOLD_OF_KEY)}…`;
  }
  return name === "state" ? named(String(value)) : String(value);
}

/**
 * A word's label. A service that is newer than this page has words that it has no label for.
 *
 * @template {string | null} Label
 * @param {Record<string, Label>} labels
 * @param {string} word
 */
function labelled(labels, word) {
  return labels[word];
}

/** @param {string} code */
function inWords(code) {
  const text = code.toLowerCase().replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
