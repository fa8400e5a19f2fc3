// Creates an organization, or changes its name, its subscription and its seats.
//
// What was read is what is changed: if somebody else was faster, nothing is overwritten, both
// versions are shown, and what was typed stays.

import * as api from "./api.js";
import { fill, h } from "./dom.js";
import * as drafts from "./form-drafts.js";
import { choices, DAY, instant, named } from "./labels.js";
import { go, link } from "./router.js";
import { SUBSCRIPTION_STATUSES } from "./vocabulary.js";
import {
  announce,
  choice,
  failure,
  field,
  loaded,
  markWrong,
  working,
  wrongFields,
} from "./widgets.js";

/** @typedef {import("../contract.d.ts").Organization} Organization */

const ID_FORM = "[a-z0-9][a-z0-9\\-]{1,62}";
const YEAR_DAYS = 365;

/** @type {import("./main.js").MakePage} */
export function organizationForm({ params }) {
  const id = params.organization;
  if (id === undefined) {
    return { title: "New organization", element: form(null, null) };
  }
  const content = loaded(
    "the organization",
    (signal) => api.organization(id, signal),
    ({ organization, etag }) => form(organization, etag),
  );
  content.reload();
  return { title: "Change organization", element: content.element, stop: content.stop };
}

/**
 * @param {Organization | null} organization
 * @param {string | null} etag
 */
function form(organization, etag) {
  const draft = `organization.${organization?.id ?? ""}`;
  // With the draft, which is of this version even if there is a newer one after a reload.
  const version = h("input", { name: "etag", type: "hidden", value: etag ?? "" });
  const id = h("input", {
    name: "organization_id",
    required: true,
    pattern: ID_FORM,
    title: "2 to 63 lower-case letters, digits and hyphens, not a hyphen first.",
    autocomplete: "off",
    autocapitalize: "none",
    value: organization?.id ?? "",
    readonly: organization !== null,
  });
  const name = h("input", {
    name: "name",
    required: true,
    maxlength: 200,
    autocomplete: "off",
    value: organization?.name ?? "",
  });
  const end = h("input", {
    name: "valid_until",
    type: "datetime-local",
    step: 1, // an end need not be on a full minute
    required: true,
    value: localTime(organization ? new Date(organization.subscription.valid_until) : inAYear()),
  });
  const status = choice(
    "Subscription",
    "status",
    choices(SUBSCRIPTION_STATUSES),
    organization?.subscription.status ?? "active",
  );
  const seats = h("input", {
    name: "max_agents",
    type: "number",
    min: 0,
    max: 1_000_000_000,
    value: organization?.max_agents ?? "",
  });
  const save = h("button", { type: "submit", class: "first" }, organization ? "Save" : "Create");
  const trouble = h("div");
  const element = h(
    "form",
    { class: "card", novalidate: true, onsubmit: submit }, // what is wrong stays beside its field
    field(
      "Organization id",
      id,
      "2 to 63 lower-case letters, digits and hyphens; it never changes",
    ),
    field("Name", name, "It is named to others whose machine it has registered"),
    status,
    field("Valid until", end, `In your time zone (${zone()})`),
    field("Seats", seats, "How many agents at most; empty for no limit"),
    version,
    trouble,
    h("p", { class: "buttons" }, save, h("button", { type: "button", onclick: cancel }, "Cancel")),
  );
  if (drafts.keep(element, draft)) {
    fill(trouble, h("p", { class: "note" }, "This is what you had typed and not saved."));
  }

  /** @param {Event} [event] */
  async function submit(event) {
    event?.preventDefault();
    fill(trouble);
    if (markWrong(element, wrongFields(element))) {
      return;
    }
    await working(save, put);
  }

  async function put() {
    const typed = drafts.values(element);
    try {
      const saved = await api.createOrUpdateOrganization(
        typed.organization_id ?? "",
        {
          name: typed.name ?? "",
          valid_until: instantOf(typed.valid_until ?? ""),
          status: /** @type {Organization["subscription"]["status"]} */ (typed.status),
          max_agents: typed.max_agents ? Number(typed.max_agents) : null,
        },
        version.value || null,
      );
      drafts.forget(draft);
      announce(organization ? "Saved." : `${saved.name} is created.`);
      go(link(["organizations", saved.id]));
    } catch (error) {
      await refused(error, typed.organization_id ?? "");
    }
  }

  /**
   * The end as it was, unless another one was typed: when the clocks are put back, an hour comes
   * twice, and its local time does not say which.
   *
   * @param {string} typed
   */
  function instantOf(typed) {
    const before = organization?.subscription.valid_until;
    return before && typed === localTime(new Date(before)) ? before : new Date(typed).toISOString();
  }

  /**
   * @param {unknown} error
   * @param {string} organizationId
   */
  async function refused(error, organizationId) {
    if (error instanceof api.Problem && markWrong(element, error.errors)) {
      return;
    }
    if (!(error instanceof api.Problem && error.status === 412)) {
      fill(trouble, failure(error, submit));
      return;
    }
    const found = await api.organization(organizationId).catch(() => null);
    if (found === null) {
      fill(trouble, failure(error, submit));
    } else {
      fill(trouble, overtaken(found.organization, found.etag));
      trouble.querySelector("button")?.focus();
    }
  }

  /**
   * What somebody else has made of it, and two ways on.
   *
   * @param {Organization} theirs
   * @param {string} theirEtag
   */
  function overtaken(theirs, theirEtag) {
    const { subscription, max_agents: limit } = theirs;
    return h(
      "div",
      { class: "failure", role: "alert" },
      h(
        "p",
        {},
        h(
          "strong",
          {},
          organization
            ? "Somebody else has changed it meanwhile"
            : "This organization exists already",
        ),
        `: ${theirs.name}, ${named(subscription.status).toLowerCase()}, valid until `,
        `${instant(subscription.valid_until)}, ${limit === null ? "no seat limit" : `${limit} seats`}. `,
        "Nothing of yours has been saved.",
      ),
      h(
        "p",
        { class: "buttons" },
        h(
          "button",
          {
            type: "button",
            onclick: () => {
              version.value = theirEtag;
              element.requestSubmit();
            },
          },
          "Save mine over it",
        ),
        h(
          "button",
          {
            type: "button",
            onclick: () => {
              drafts.forget(draft);
              go(link(["organizations", theirs.id]));
            },
          },
          "Keep theirs",
        ),
      ),
    );
  }

  function cancel() {
    drafts.forget(draft);
    go(organization ? link(["organizations", organization.id]) : link(["organizations"]));
  }
  return element;
}

function inAYear() {
  return new Date(new Date().setSeconds(0, 0) + YEAR_DAYS * DAY);
}

/**
 * A time as an input of this type wants it: the reader's own, to the second.
 *
 * @param {Date} at
 */
function localTime(at) {
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, at.getSeconds() ? 19 : 16);
}

function zone() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
