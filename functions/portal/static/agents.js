// An organization's agents: found, filtered, sorted, page by page.

import * as api from "./api.js";
import { h } from "./dom.js";
import { ago, badge, empty, person, statusBadge } from "./facts.js";
import { choice, field } from "./fields.js";
import { given } from "./filters.js";
import { choices, DAY, day, HOUR, nameOf } from "./labels.js";
import { listPage } from "./list-page.js";
import { byText, byVersion, ordered } from "./order.js";
import { link } from "./router.js";
import { table } from "./table.js";
import { STATUSES } from "./vocabulary.js";

/** @typedef {import("../contract.d.ts").AdministeredLicense} License */

/** @type {import("../contract.d.ts").Queries["listLicenses"][]} */
const TAKEN = ["search", "status", "environment", "primary", "device_key"];

const NARROWING = [...TAKEN, "unseen"];

/** @type {[value: "" | import("../contract.d.ts").LicenseSort, text: string][]} */
const SORTS = [
  ["", "Computer name"],
  ["-computer_name", "Computer name, backwards"],
  ["environment", "Environment"],
  ["-environment", "Environment, backwards"],
  ["-issued_at", "Newest first"],
  ["issued_at", "Oldest first"],
  ["-agent_version", "Newest version first"],
  ["agent_version", "Oldest version first"],
  ["-last_seen", "Seen last first"],
  ["last_seen", "Not seen for longest first"],
];

/** @type {[value: string, text: string][]} */
const PRIMARY = [
  ["", "All"],
  ["true", "Primary only"],
  ["false", "Others only"],
];

/**
 * What a file tells of an agent, by the names of the API; times are in UTC.
 *
 * @type {[title: string, cell: (license: License) => import("./csv.js").Cell][]}
 */
const CELLS = [
  ["computer_name", (license) => license.computer_name],
  ["label", (license) => license.label],
  ["id", (license) => license.id],
  ["environment", (license) => license.environment],
  ["status", (license) => license.status],
  ["primary", (license) => (license.primary ? "yes" : "no")],
  ["agent_version", versionOf],
  ["last_seen_at", (license) => license.last_seen?.at],
  ["source_address", (license) => license.last_seen?.source_address],
  ["issued_at", (license) => license.issued_at],
  ["issued_by", (license) => license.issued_by],
  ["valid_until", (license) => license.valid_until],
  ["leased_until", (license) => license.leased_until],
  ["device_key", (license) => license.device_key],
];

/**
 * By what agents are ordered here as the service orders them.
 *
 * @type {Record<string, (license: License) => string | null>}
 */
const ORDERS = {
  computer_name: (license) => byText(license.computer_name),
  environment: (license) => byText(license.environment),
  issued_at: (license) => license.issued_at,
  agent_version: (license) => byVersion(versionOf(license)),
  last_seen: (license) => license.last_seen?.at ?? null,
};

/** @type {[value: string, text: string][]} */
const DEVICE_KEYS = [
  ["", "All"],
  ["true", "With one"],
  ["false", "Without one"],
];

/** @type {[value: string, text: string][]} in days */
const UNSEEN = [
  ["", "At any time"],
  ["1", "Not for a day"],
  ["7", "Not for 7 days"],
  ["30", "Not for 30 days"],
  ["90", "Not for 90 days"],
];

/** @type {import("./main.js").MakePage} */
export function agents({ params, query }) {
  const organizationId = params.organization ?? "";
  const search = h("input", {
    name: "search",
    type: "search",
    maxlength: 100,
    autocomplete: "off",
    placeholder: "Computer name, label or license id",
  });
  const environment = choice("Environment", "environment", [["", "Any"]]);
  addEnvironments(environment, organizationId);
  return listPage({
    title: "Agents",
    label: "Agents",
    what: "agents",
    noun: ["agent", "agents"],
    query,
    fields: [
      field("Search", search),
      choice("Status", "status", [["", "Any"], ...choices(STATUSES)]),
      environment,
      choice("Primary", "primary", PRIMARY),
      choice("Device key", "device_key", DEVICE_KEYS),
      choice("Last seen", "unseen", UNSEEN),
      choice("Order", "sort", SORTS),
    ],
    narrowing: NARROWING,
    skips: true,
    async load(present, page, signal) {
      const asked = { ...narrowed(present), sort: orderOf(present), ...page };
      const found = await api.licenses(organizationId, asked, signal);
      return { ...found, rows: found.licenses };
    },
    exported: {
      name: `${organizationId}-agents`,
      titles: CELLS.map(([title]) => title),
      cells: (license) => CELLS.map(([, cell]) => cell(license)),
      // Read in no order, each page costs the service what is on it, and not a look at all of them.
      read: (present) => {
        const asked = narrowed(present);
        return async (page, signal) => {
          const found = await api.licenses(organizationId, { ...asked, ...page }, signal);
          return { ...found, rows: found.licenses };
        };
      },
      inOrder: (licenses, present) => inOrder(licenses, orderOf(present)),
    },
    show: (licenses, present) => agentTable(organizationId, licenses, orderOf(present)),
    nothing,
  });
}

/**
 * What leaves agents out, as the API takes it.
 *
 * @param {URLSearchParams} query
 */
function narrowed(query) {
  const days = UNSEEN.some(([value]) => value === query.get("unseen")) && query.get("unseen");
  // Days before the end of the present hour: so the service counts those whose number leads here.
  const until = (Math.floor(Date.now() / HOUR) + 1) * HOUR;
  const seenBefore = days && new Date(until - Number(days) * DAY).toISOString();
  return { ...given(query, TAKEN), ...(seenBefore && { seen_before: seenBefore }) };
}

/**
 * Offers the environments that there are, those of most agents first.
 *
 * @param {HTMLElement} field
 * @param {string} organizationId
 */
async function addEnvironments(field, organizationId) {
  const select = /** @type {HTMLSelectElement} */ (field.querySelector("select"));
  const { environments } = await api.organizationSummary(organizationId).catch(nothingKnown);
  const there = [...select.options].map(({ value }) => value);
  const others = environments.filter(({ name }) => !there.includes(name));
  select.append(...others.map(({ name }) => h("option", { value: name }, name)));
}

/** Where that does not work, the list says what is the matter. */
function nothingKnown() {
  return { environments: /** @type {import("../contract.d.ts").EnvironmentCount[]} */ ([]) };
}

/**
 * What the list is ordered by. It always is by something: then it is known how many there are.
 *
 * @param {URLSearchParams} query
 */
function orderOf(query) {
  return query.get("sort") || "computer_name";
}

/** @param {License} license */
function versionOf(license) {
  return license.last_seen?.agent_version ?? license.agent_version;
}

/**
 * @param {License[]} licenses
 * @param {string} sort
 */
function inOrder(licenses, sort) {
  const value = ORDERS[sort.replace("-", "")] ?? (() => null);
  return ordered(licenses, value, sort.startsWith("-"));
}

/**
 * @param {string} organizationId
 * @param {License[]} licenses
 * @param {string | null} sort the list's order, null for one that has no other
 */
export function agentTable(organizationId, licenses, sort) {
  return table({
    caption: "Agents",
    sort,
    rows: licenses,
    columns: [
      {
        title: "Computer",
        sort: "computer_name",
        cell: (license) => [
          h(
            "a",
            {
              href: link(["organizations", organizationId, "agents", license.id]),
              "data-key": license.id,
            },
            nameOf(license),
          ),
          license.label && license.computer_name && " ",
          license.label &&
            license.computer_name &&
            h("span", { class: "beside" }, license.computer_name),
        ],
      },
      { title: "Status", state: true, cell: (license) => statusBadge(license.status) },
      {
        title: "Environment",
        sort: "environment",
        plain: true,
        cell: (license) => license.environment,
      },
      {
        title: "Primary",
        plain: true,
        cell: (license) => (license.primary ? badge("primary", "Primary") : null),
      },
      {
        title: "Version",
        sort: "agent_version",
        plain: true,
        cell: versionOf,
      },
      {
        title: "Last seen",
        sort: "last_seen",
        cell: (license) => (license.last_seen ? ago(license.last_seen.at) : "never"),
      },
      { title: "Issued by", cell: (license) => person(license.issued_by, license.issued_by_name) },
      {
        title: "Valid until",
        cell: (license) => (license.valid_until ? day(license.valid_until) : null),
      },
    ],
  });
}

/** @param {boolean} isNarrowed */
function nothing(isNarrowed) {
  return isNarrowed
    ? empty("No agent is like this.", "Search for something shorter, or clear the filters.")
    : empty(
        "No agent has logged in yet.",
        "Install an agent and log in on it with a user of this organization: it appears here at ",
        "once, with its license.",
      );
}
