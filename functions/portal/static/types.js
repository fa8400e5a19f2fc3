// The API's replies, as its contract (`/v1/openapi.json`) describes them.

/** @typedef {import("./vocabulary.js").Action} Action */
/** @typedef {import("./vocabulary.js").ActorKind} ActorKind */
/** @typedef {import("./vocabulary.js").EventType} EventType */
/** @typedef {import("./vocabulary.js").Kind} Kind */
/** @typedef {import("./vocabulary.js").Role} Role */
/** @typedef {import("./vocabulary.js").Standing} Standing */
/** @typedef {import("./vocabulary.js").Status} Status */
/** @typedef {import("./vocabulary.js").SubscriptionStatus} SubscriptionStatus */
/** @typedef {import("./vocabulary.js").TemporaryStatus} TemporaryStatus */
/** @typedef {import("./vocabulary.js").TimeToLive} TimeToLive */

/**
 * @typedef {object} Me
 * @property {string} subject
 * @property {string | null} organization_id
 * @property {Role[]} roles
 */

/**
 * @typedef {object} Policy
 * @property {boolean} require_device_key
 * @property {boolean} block_clones
 * @property {boolean} lock_device_keys
 * @property {number | null} agents_per_member null sets no limit
 */

/**
 * @typedef {object} Organization
 * @property {string} id
 * @property {string} name
 * @property {{ valid_until: string, status: SubscriptionStatus }} subscription
 * @property {Standing} standing
 * @property {number | null} max_agents
 * @property {number} seats
 * @property {Policy} policy what counts
 * @property {Policy} policy_floor the least that the vendor demands
 * @property {number} billing_version the highest version of billing's events so far; 0 before any
 * @property {number} version
 */

/**
 * @typedef {object} PendingDeviceKey
 * @property {string} thumbprint
 * @property {string} since
 * @property {string} replaces_at
 */

/**
 * @typedef {object} License
 * @property {string} id
 * @property {Kind} kind
 * @property {Status} status
 * @property {Action[]} actions
 * @property {string} organization_id
 * @property {string} environment
 * @property {boolean} primary
 * @property {string} issued_at
 * @property {string | null} valid_until
 * @property {string | null} leased_until the end of the longest lease that was granted
 * @property {string | null} computer_name
 * @property {string | null} label
 * @property {string | null} device_key
 * @property {PendingDeviceKey | null} pending_device_key
 * @property {string | null} agent_version
 * @property {string} issued_by
 * @property {{ at: string, agent_version: string | null, source_address: string | null } | null} last_seen
 */

/**
 * @typedef {object} TemporaryLicense
 * @property {string} id
 * @property {string} organization_id
 * @property {TemporaryStatus} status
 * @property {TimeToLive} ttl
 * @property {string} issued_at
 * @property {string} issued_by
 * @property {string} expires_at
 * @property {string | null} leased_until the end of the longest lease that was granted
 * @property {number} seconds_left
 * @property {string | null} holder
 * @property {string | null} computer_name
 */

/** @typedef {Record<string, string | number | boolean | null>} Facts */

/**
 * @typedef {object} Entry
 * @property {string} id
 * @property {EventType} type
 * @property {string} at
 * @property {string} organization_id
 * @property {string | null} license_id
 * @property {{ kind: ActorKind, subject: string, roles: string[] }} actor
 * @property {string | null} source_address
 * @property {string | null} agent_version
 * @property {string} request_id
 * @property {Facts | null} before
 * @property {Facts | null} after
 * @property {string | null} reason
 * @property {string[]} components
 * @property {string | null} other_address
 * @property {number | null} times
 * @property {string[]} readings what a super-admin has read
 * @property {string | null} computer_name where somebody could not log in
 * @property {string | null} last_at
 */

/**
 * @typedef {object} Statistics
 * @property {string} from
 * @property {string} until
 * @property {string} complete_from
 * @property {({ at: string } & Record<Status, number>)[]} licenses
 * @property {{ reason: string, times: number, licenses: number }[]} refusals
 */

/**
 * @typedef {object} Activity
 * @property {string} until
 * @property {{ at: string, licenses: number }[]} hours
 * @property {number} counted
 * @property {string | null} next_cursor
 */

/**
 * @typedef {object} Machine
 * @property {string} [machine_id]
 * @property {string[]} mac_addresses
 * @property {string} [computer_name]
 */

/**
 * @typedef {object} Holder
 * @property {string} organization_id
 * @property {string} name
 * @property {License[]} licenses
 */

/** @typedef {{ pointer: string, detail: string }} WrongField */

export {};
