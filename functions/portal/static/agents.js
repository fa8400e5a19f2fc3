// An organization's agents: found, filtered, sorted, page by page.

import * as api from "./api.js";
import { h } from "./dom.js";
import { given } from "./filters.js";
import { choices, day, nameOf } from "./labels.js";
import { listPage } from "./list-page.js";
import { link } from "./router.js";
import { STATUSES } from "./vocabulary.js";
import { ago, badge, choice, empty, field, person, statusBadge, table } from "./widgets.js";

/** @type {import("../contract.d.ts").Queries["listLicenses"][]} */
const NARROWING = ["search", "status", "environment", "primary"];

/** @type {[value: "" | import("../contract.d.ts").LicenseSort, text: string][]} */
const SORTS = [
  ["", "By status"],
  ["computer_name", "Computer name"],
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

/** @type {import("./main.js").MakePage} */
export function agents({ params, query }) {
  const organizationId = params.organization ?? "";
  const search = h("input", {
    name: "search",
    type: "search",
    maxlength: 100,
    autocomplete: "off",
  });
  const environment = h("input", { name: "environment", maxlength: 64, autocomplete: "off" });
  return listPage({
    title: "Agents",
    label: "Agents",
    what: "agents",
    noun: ["agent", "agents"],
    query,
    fields: [
      field("Search", search, "Computer name, label or license id"),
      choice("Status", "status", [["", "Any"], ...choices(STATUSES)]),
      field("Environment", environment, "The whole name"),
      choice("Primary", "primary", PRIMARY),
      choice("Order", "sort", SORTS),
    ],
    narrowing: NARROWING,
    async load(present, page, signal) {
      const asked = { ...given(present, [...NARROWING, "sort"]), ...page };
      const found = await api.licenses(organizationId, asked, signal);
      return { ...found, rows: found.licenses };
    },
    show: (licenses, present) => agentTable(organizationId, licenses, present.get("sort") ?? ""),
    nothing,
  });
}

/**
 * @param {string} organizationId
 * @param {import("../contract.d.ts").AdministeredLicense[]} licenses
 * @param {string} sort
 */
export function agentTable(organizationId, licenses, sort = "") {
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
          license.label &&
            license.computer_name &&
            h("span", { class: "beside" }, license.computer_name),
        ],
      },
      { title: "Environment", sort: "environment", cell: (license) => license.environment },
      { title: "Status", cell: (license) => statusBadge(license.status) },
      {
        title: "Primary",
        cell: (license) => (license.primary ? badge("primary", "Primary") : "–"),
      },
      {
        title: "Version",
        sort: "agent_version",
        cell: (license) => license.last_seen?.agent_version ?? license.agent_version ?? "unknown",
      },
      {
        title: "Last seen",
        sort: "last_seen",
        cell: (license) => (license.last_seen ? ago(license.last_seen.at) : "never"),
      },
      { title: "Issued by", cell: (license) => person(license.issued_by) },
      {
        title: "Valid until",
        cell: (license) => (license.valid_until ? day(license.valid_until) : "–"),
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
