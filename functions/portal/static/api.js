// The public API, with the signed-in person's token: the only way in which this page does anything.
//
// A read that is told to wait (429, 503) is repeated a few times; a change is not repeated behind
// anybody's back. Where a change has no answer, it is not known whether it was done: that is said, and
// whether doing it again is safe. A token that is refused is renewed once.

import { fetchJson, Unreachable } from "./fetching.js";
import { learnName } from "./names.js";
import * as session from "./session.js";

/** @typedef {import("../contract.d.ts").AdministeredLicense} License */
/** @typedef {import("../contract.d.ts").TemporaryLicense} TemporaryLicense */
/** @typedef {import("../contract.d.ts").Organization} Organization */
/** @typedef {Record<string, string | number | null | undefined>} Values */
/**
 * What an operation takes in its query.
 *
 * @template {keyof import("../contract.d.ts").Queries} Operation
 * @typedef {Partial<Record<import("../contract.d.ts").Queries[Operation], string | number | null>>} Query
 */

const READS = 3;
const LONGEST_PAUSE_S = 5;

/** The service refused; `code` says why in a word, `errors` which fields. */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {any} body
   */
  constructor(status, body) {
    super(body.detail ?? body.message ?? `The service answered with ${status}.`);
    this.status = status;
    this.code = /** @type {string} */ (body.code ?? "");
    this.errors = /** @type {import("../contract.d.ts").ProblemError[]} */ (body.errors ?? []);
  }
}

/** A change was sent, and `cause` says why it is not known whether it was done. */
export class Uncertain extends Error {
  /**
   * @param {unknown} cause
   * @param {boolean} isRepeatable whether doing it again does nothing that is done already
   */
  constructor(cause, isRepeatable) {
    super(
      isRepeatable
        ? "It is not known whether this was done. Doing it again is safe: nothing is done twice."
        : "It is not known whether this was done. Look at the history before you do it again.",
      { cause },
    );
    this.isRepeatable = isRepeatable;
  }
}

/** @param {AbortSignal} [signal] */
export async function me(signal) {
  return /** @type {import("../contract.d.ts").CurrentUserReply} */ (
    (await get("/v1/me", {}, signal)).body
  );
}

/**
 * @param {Query<"listOrganizations">} query
 * @param {AbortSignal} [signal]
 */
export async function organizations(query, signal) {
  const { body } = await get("/v1/organizations", query, signal);
  const found = /** @type {import("../contract.d.ts").OrganizationsReply} */ (body);
  found.organizations?.forEach(learnName);
  return found;
}

/**
 * All organizations, counted.
 *
 * @param {AbortSignal} [signal]
 */
export async function summary(signal) {
  return /** @type {import("../contract.d.ts").SummaryReply} */ (
    (await get("/v1/summary", {}, signal)).body
  );
}

/**
 * An organization's agents, counted.
 *
 * @param {string} id
 * @param {AbortSignal} [signal]
 */
export async function organizationSummary(id, signal) {
  const { body } = await get(path`/v1/organizations/${id}/summary`, {}, signal);
  return /** @type {import("../contract.d.ts").OrganizationSummaryReply} */ (body);
}

/**
 * An organization, with the ETag that a change of it needs.
 *
 * @param {string} id
 * @param {AbortSignal} [signal]
 */
export async function organization(id, signal) {
  const { response, body } = await get(path`/v1/organizations/${id}`, {}, signal);
  const etag = response.headers.get("etag") ?? "";
  return { organization: named(body.organization), etag };
}

/**
 * A new organization; one that is there already is refused with 412, and never changed.
 *
 * @param {string} id
 * @param {import("./consequences.js").Terms} terms
 */
export async function createOrganization(id, terms) {
  const { body } = await send("PUT", path`/v1/organizations/${id}`, terms, {
    "If-None-Match": "*",
  });
  return named(body.organization);
}

/**
 * Changes an organization in what is named, and in nothing else.
 *
 * @param {string} id
 * @param {import("../contract.d.ts").UpdateOrganizationRequest} wanted
 * @param {string} [etag] of the only version to change; another one is refused with 412
 */
export async function updateOrganization(id, wanted, etag) {
  const address = path`/v1/organizations/${id}`;
  const { body } = await send("PATCH", address, wanted, { ...(etag && { "If-Match": etag }) });
  return named(body.organization);
}

/** @param {Organization} organization */
function named(organization) {
  learnName(organization);
  return organization;
}

/**
 * @param {string} organizationId
 * @param {Query<"listLicenses">} query
 * @param {AbortSignal} [signal]
 */
export async function licenses(organizationId, query, signal) {
  const { body } = await get(path`/v1/organizations/${organizationId}/licenses`, query, signal);
  return /** @type {import("../contract.d.ts").LicensesReply} */ (body);
}

/**
 * A license, with the ETag that a change of it needs.
 *
 * @param {string} id
 * @param {AbortSignal} [signal]
 */
export async function license(id, signal) {
  const { response, body } = await get(path`/v1/licenses/${id}`, {}, signal);
  const etag = response.headers.get("etag") ?? "";
  return { license: /** @type {License} */ (body.license), etag };
}

/**
 * @param {string} id
 * @param {import("../contract.d.ts").UpdateLicenseRequest} changes
 * @param {string} etag of the only version to change; another one is refused with 412
 */
export async function updateLicense(id, changes, etag) {
  const { body } = await send("PATCH", path`/v1/licenses/${id}`, changes, { "If-Match": etag });
  return /** @type {License} */ (body.license);
}

/**
 * @param {string} id
 * @param {import("./labels.js").Action | "reset-device-key"} action
 * @param {string} reason may be empty
 */
export async function act(id, action, reason) {
  const address = path`/v1/licenses/${id}/${action}`;
  // What is bound between a reset and its repetition would be reset, too.
  const isRepeatable = action !== "reset-device-key";
  const { body } = await send("POST", address, given(reason), {}, isRepeatable);
  return /** @type {License} */ (body.license);
}

/**
 * What happened, newest first: to a licence, or else in an organization.
 *
 * @param {{ organizationId: string, licenseId?: string }} about
 * @param {Query<"listOrganizationEvents">} query
 * @param {AbortSignal} [signal]
 */
export async function events({ organizationId, licenseId }, query, signal) {
  const address = licenseId
    ? path`/v1/licenses/${licenseId}/events`
    : path`/v1/organizations/${organizationId}/events`;
  const { body } = await get(address, query, signal);
  return /** @type {import("../contract.d.ts").EventsReply} */ (body);
}

/**
 * What happened in all organizations, newest first.
 *
 * @param {Query<"listEvents">} query
 * @param {AbortSignal} [signal]
 */
export async function allEvents(query, signal) {
  return /** @type {import("../contract.d.ts").EventsReply} */ (
    (await get("/v1/events", query, signal)).body
  );
}

/**
 * @param {string} organizationId
 * @param {Query<"listTemporaryLicenses">} query
 * @param {AbortSignal} [signal]
 */
export async function temporaryLicenses(organizationId, query, signal) {
  const address = path`/v1/organizations/${organizationId}/temporary-licenses`;
  const { body } = await get(address, query, signal);
  return /** @type {import("../contract.d.ts").TemporaryLicensesReply} */ (body);
}

/**
 * @param {string} organizationId
 * @param {import("../contract.d.ts").GenerateTemporaryLicenseRequest} asked
 * @param {string} idempotencyKey the same one when this is tried again
 */
export async function generateTemporary(organizationId, asked, idempotencyKey) {
  const address = path`/v1/organizations/${organizationId}/temporary-licenses`;
  const { body } = await send("POST", address, asked, { "Idempotency-Key": idempotencyKey });
  return /** @type {import("../contract.d.ts").GeneratedTemporaryLicenseReply} */ (body);
}

/**
 * @param {string} id
 * @param {string} reason may be empty
 */
export async function revokeTemporary(id, reason) {
  const { body } = await send("POST", path`/v1/temporary-licenses/${id}/revoke`, given(reason));
  return /** @type {TemporaryLicense} */ (body.license);
}

/**
 * @param {import("../contract.d.ts").MachineCredentials} machine
 * @param {AbortSignal} [signal]
 */
export async function lookUp(machine, signal) {
  return /** @type {import("../contract.d.ts").MachineLookupReply} */ (
    await asked("/v1/machines/lookup", { machine }, signal)
  );
}

/**
 * Licenses of all organizations.
 *
 * @param {import("../contract.d.ts").SearchRequest} wanted
 * @param {AbortSignal} [signal]
 */
export async function searchLicenses(wanted, signal) {
  return /** @type {import("../contract.d.ts").SearchReply} */ (
    await asked("/v1/licenses/search", wanted, signal)
  );
}

/**
 * A question that changes nothing, in a body: what it is about stands in no address.
 *
 * @param {string} address
 * @param {object} question
 * @param {AbortSignal} [signal]
 */
async function asked(address, question, signal) {
  const options = { ...sending("POST", question, {}), signal };
  const { response, body } = await authorized(address, options);
  if (!response.ok) {
    throw new Problem(response.status, body);
  }
  return body;
}

/**
 * @param {string} organizationId
 * @param {number} days
 * @param {AbortSignal} [signal]
 */
export async function statistics(organizationId, days, signal) {
  const address = path`/v1/organizations/${organizationId}/statistics`;
  return /** @type {import("../contract.d.ts").LicenseStatisticsReply} */ (
    (await get(address, { days }, signal)).body
  );
}

/**
 * @param {string} organizationId
 * @param {Query<"getAgentActivity">} query
 * @param {AbortSignal} [signal]
 */
export async function activity(organizationId, query, signal) {
  const address = path`/v1/organizations/${organizationId}/activity`;
  return /** @type {import("../contract.d.ts").AgentActivityReply} */ (
    (await get(address, query, signal)).body
  );
}

/**
 * @param {string} address
 * @param {Values} query
 * @param {AbortSignal} [signal]
 */
async function get(address, query, signal) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") {
      parameters.set(name, String(value));
    }
  }
  const url = parameters.size ? `${address}?${parameters}` : address;
  for (let left = READS - 1; ; left -= 1) {
    const { response, body } = await authorized(url, { signal });
    if (response.ok) {
      return { response, body };
    }
    if (left === 0 || ![429, 503].includes(response.status)) {
      throw new Problem(response.status, body);
    }
    await pause(Number(response.headers.get("retry-after") ?? 1), signal);
  }
}

/**
 * Makes a change.
 *
 * @param {string} method
 * @param {string} address
 * @param {object | undefined} content
 * @param {Record<string, string>} [headers]
 * @param {boolean} [isRepeatable]
 */
async function send(method, address, content, headers = {}, isRepeatable = true) {
  const uncertain = (/** @type {unknown} */ cause) => new Uncertain(cause, isRepeatable);
  const options = sending(method, content, headers);
  const { response, body } = await authorized(address, options, uncertain);
  if (response.ok) {
    return { response, body };
  }
  const problem = new Problem(response.status, body);
  // The service's own word for "not now" says what was done.
  throw problem.status >= 500 && problem.code !== "unavailable" ? uncertain(problem) : problem;
}

/**
 * @param {string} method
 * @param {object | undefined} content
 * @param {Record<string, string>} headers
 * @returns {RequestInit}
 */
function sending(method, content, headers) {
  return {
    method,
    ...(content && { body: JSON.stringify(content) }),
    headers: { "Content-Type": "application/json", ...headers },
  };
}

/**
 * @param {string} url
 * @param {RequestInit} options
 * @param {(cause: unknown) => unknown} [unanswered] what is raised once it was sent and not answered
 */
async function authorized(url, options, unanswered = (cause) => cause) {
  const ask = (/** @type {string} */ token) =>
    fetchJson(url, signed(options, token)).catch((error) => {
      throw error instanceof Unreachable ? unanswered(error) : error;
    });
  const token = await session.bearer();
  const answer = await ask(token);
  if (answer.response.status !== 401) {
    return answer;
  }
  const again = await ask(await session.bearer(token));
  if (again.response.status === 401) {
    throw new session.SessionEnded();
  }
  return again;
}

/**
 * @param {RequestInit} options
 * @param {string} token
 * @returns {RequestInit}
 */
function signed(options, token) {
  return { ...options, headers: { ...options.headers, Authorization: `Bearer ${token}` } };
}

/** @param {string} reason */
function given(reason) {
  return reason ? { reason } : undefined;
}

/**
 * A path with its variable parts encoded.
 *
 * @param {TemplateStringsArray} parts
 * @param {...string} values
 */
function path(parts, ...values) {
  return String.raw({ raw: parts }, ...values.map(encodeURIComponent));
}

/**
 * @param {number} seconds
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
function pause(seconds, signal) {
  const asked = Number.isFinite(seconds) ? seconds : 1;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, Math.min(asked, LONGEST_PAUSE_S) * 1000);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
