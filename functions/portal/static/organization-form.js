// Creates an organization, or changes its name, its subscription and its seats.
//
// Creating never changes one that is there. Of an organization that was read, only what was typed
// anew is sent: if somebody else was faster, both versions are shown, and nothing of either is lost.
// What stops agents is asked about before.

import { announce } from "./announcements.js";
import * as api from "./api.js";
import { endTold, harm, nameToType, renewalTold, yearLater } from "./consequences.js";
import { asking, pose } from "./dialogs.js";
import { fill, h } from "./dom.js";
import { failure } from "./failure.js";
import { choice, field, markWrong, wrongFields } from "./fields.js";
import * as drafts from "./form-drafts.js";
import { choices, DAY, instant, isolated, LEASE_NOTE, named, number } from "./labels.js";
import { loaded, working } from "./loading.js";
import { goingOn, isOutdated, overtaken, saveUnlessOvertaken } from "./overtaken.js";
import { go, link } from "./router.js";
import { subjectIs } from "./subject.js";
import { SUBSCRIPTION_STATUSES } from "./vocabulary.js";

/** @typedef {import("../contract.d.ts").Organization} Organization */
/** @typedef {import("./consequences.js").Terms} Terms */

const ID_FORM = "[a-z0-9][a-z0-9\\-]{1,62}";
const YEAR_DAYS = 365;
const SAVE = "save";

/** @type {[name: keyof Terms, label: string, shown: (terms: Terms) => string][]} */
const FIELDS = [
  ["name", "Name", ({ name }) => name],
  ["status", "Subscription", ({ status }) => named(status)],
  ["valid_until", "Valid until", ({ valid_until }) => instant(valid_until)],
  ["max_agents", "Seats", ({ max_agents: limit }) => (limit === null ? "no limit" : number(limit))],
];

/** @type {import("./main.js").MakePage} */
export function organizationForm({ params }) {
  const id = params.organization;
  if (id === undefined) {
    return { title: "New organization", element: newOrganization() };
  }
  let ask = () => {};
  const content = loaded(
    "the organization",
    (signal) => api.organization(id, signal),
    ({ organization, etag }) => {
      const name = `Change ${isolated(organization.name)}`;
      subjectIs(content.element, { name, state: "", told: [] });
      const form = changedOrganization(organization, etag);
      ask = form.ask;
      ask();
      return form.element;
    },
  );
  content.reload();
  return {
    title: "Change organization",
    element: content.element,
    update: () => ask(),
    stop: content.stop,
  };
}

function newOrganization() {
  const draft = "organization.";
  const id = h("input", {
    name: "organization_id",
    required: true,
    pattern: ID_FORM,
    title: "2 to 63 lower-case letters, digits and hyphens, not a hyphen first.",
    autocomplete: "off",
    autocapitalize: "none",
  });
  // What was sent and has not been answered: it may be there by now.
  const sent = h("input", { name: "sent", type: "hidden" });
  const inputs = termInputs({
    name: "",
    valid_until: inAYear(),
    status: "active",
    max_agents: null,
  });
  const create = h("button", { type: "submit", class: "first" }, "Create");
  const trouble = h("div");
  const element = h(
    "form",
    { class: "card", novalidate: true, onsubmit: submit }, // what is wrong stays beside its field
    field(
      "Organization id",
      id,
      "2 to 63 lower-case letters, digits and hyphens; it never changes",
    ),
    inputs.fields,
    sent,
    trouble,
    h("p", { class: "buttons" }, create, cancelButton(draft, ["organizations"])),
  );
  putBack(element, draft, trouble);

  /** @param {Event} [event] */
  async function submit(event) {
    event?.preventDefault();
    fill(trouble);
    if (!markWrong(element, wrongFields(element))) {
      await working(create, put);
    }
  }

  async function put() {
    const wanted = inputs.typed();
    const content = JSON.stringify([id.value.trim(), wanted]);
    const isRepeated = sent.value === content;
    remember(content);
    try {
      const made = await api.createOrganization(id.value.trim(), wanted);
      finish(draft, `${made.name} is created.`, made.id);
    } catch (error) {
      if (error instanceof api.Problem && error.status < 500) {
        remember("");
      }
      if (!isOutdated(error)) {
        tell(error);
        return;
      }
      const found = await api.organization(id.value.trim()).catch(() => null);
      if (found === null) {
        tell(error);
      } else if (isRepeated && changes(termsOf(found.organization), wanted).length === 0) {
        finish(draft, `${found.organization.name} is created.`, found.organization.id);
      } else {
        taken(found.organization);
      }
    }
  }

  /** @param {string} content */
  function remember(content) {
    sent.value = content;
    drafts.put(draft, drafts.values(element));
  }

  /** @param {unknown} error */
  function tell(error) {
    if (!(error instanceof api.Problem && markWrong(element, error.errors))) {
      fill(trouble, failure(error, submit));
    }
  }

  /** @param {Organization} theirs */
  function taken(theirs) {
    const told = FIELDS.slice(1).map(([, label, shown]) => `${label}: ${shown(termsOf(theirs))}`);
    fill(
      trouble,
      h(
        "div",
        { class: "failure", role: "alert" },
        h("p", {}, h("strong", {}, "This organization exists already"), `: ${theirs.name}.`),
        h("p", {}, told.join(" · ")),
        h("p", {}, "It has not been changed. Choose another id for the new one."),
        h(
          "a",
          { class: "button", href: link(["organizations", theirs.id]) },
          `Open ${theirs.name}`,
        ),
      ),
    );
    markWrong(element, [{ pointer: id.name, detail: `${theirs.name} has this id` }]);
  }
  return element;
}

/**
 * A change that is being typed.
 *
 * @typedef {object} Amendment
 * @property {Organization} organization as it is shown
 * @property {string} draft by which name it is kept
 * @property {HTMLInputElement} read has what was read, kept with the draft, which is of that even if there is a newer version after a reload
 * @property {ReturnType<typeof termInputs>} inputs
 * @property {HTMLElement} trouble where it is told what went wrong
 * @property {() => void} tellEnd tells what becomes of the subscription's end
 */

/**
 * @param {Organization} organization
 * @param {string} etag
 */
function changedOrganization(organization, etag) {
  const told = h("p", { class: "help", "aria-live": "polite" });
  const save = h("button", { type: "submit", class: "first", "data-key": SAVE }, "Save");
  /** @type {Amendment} */
  const amendment = {
    organization,
    draft: `organization.${organization.id}`,
    read: h("input", { name: "read", type: "hidden", value: asRead(organization, etag) }),
    inputs: termInputs(termsOf(organization)),
    trouble: h("div"),
    tellEnd,
  };
  const { draft, inputs, trouble, read } = amendment;
  const id = h("input", { name: "organization_id", value: organization.id, readonly: true });
  const element = h(
    "form",
    { class: "card", novalidate: true, onsubmit: submit, oninput: tellEnd },
    field("Organization id", id, "It never changes"),
    inputs.fields,
    told,
    read,
    trouble,
    h("p", { class: "buttons" }, save, cancelButton(draft, ["organizations", organization.id])),
  );
  putBack(element, draft, trouble);
  /** @type {number | null} agents that a renewal lets work again, once they are counted */
  let stopped = null;
  tellEnd();
  void countStopped(organization, (count) => {
    stopped = count;
    tellEnd();
  });

  function tellEnd() {
    const { terms } = base(amendment);
    const after = wrongFields(element).length ? terms : wanted(amendment);
    fill(told, `${endTold(terms, after)} ${renewalTold(terms, after, stopped)}`.trim());
  }

  const amended = () => amend(amendment, element, submit);
  const ask = asking((name) =>
    name === SAVE && wrongFields(element).length === 0 ? harmful(amendment, amended) : null,
  );

  /** @param {Event} [event] */
  async function submit(event) {
    event?.preventDefault();
    fill(trouble);
    if (markWrong(element, wrongFields(element))) {
      return;
    }
    if (harms(amendment).length) {
      pose(SAVE);
    } else {
      await working(save, async () => (await amended())());
    }
  }
  return { element, ask };
}

/**
 * Counts the agents that a renewal lets work again, if it lets any.
 *
 * @param {Organization} organization
 * @param {(count: number) => void} tell
 */
async function countStopped({ id, standing }, tell) {
  if (standing === "current") {
    return;
  }
  try {
    const { licenses } = await api.organizationSummary(id);
    tell(licenses.expired + licenses.suspended);
  } catch {
    // What a renewal does is told without their number.
  }
}

/**
 * @param {Organization} organization
 * @param {string} etag
 */
function asRead(organization, etag) {
  return JSON.stringify({ etag, terms: termsOf(organization) });
}

/**
 * What the change is made on.
 *
 * @param {Amendment} amendment
 * @returns {{ etag: string, terms: Terms }}
 */
function base({ read }) {
  return JSON.parse(read.value);
}

/** @param {Amendment} amendment */
function wanted(amendment) {
  return amendment.inputs.typed(base(amendment).terms);
}

/** @param {Amendment} amendment */
function harms(amendment) {
  const { seats } = amendment.organization;
  return harm({ ...base(amendment).terms, seats }, wanted(amendment));
}

/**
 * The question before a change that stops agents; null where none does.
 *
 * @param {Amendment} amendment
 * @param {() => Promise<() => void>} act
 */
function harmful(amendment, act) {
  const harmed = harms(amendment);
  if (harmed.length === 0) {
    return null;
  }
  const list = harmed.map((each) => h("li", {}, each));
  return {
    title: `Save this for ${amendment.organization.name}?`,
    text: [h("ul", {}, list), h("p", { class: "help" }, LEASE_NOTE)],
    verb: "Save it",
    careful: true,
    name: nameToType(amendment.organization),
    act,
  };
}

/**
 * Saves it. What is to be done then, in the page.
 *
 * @param {Amendment} amendment
 * @param {HTMLFormElement} form
 * @param {() => unknown} again
 * @returns {Promise<() => void>}
 */
async function amend(amendment, form, again) {
  const { organization, draft, trouble } = amendment;
  const { etag: seen, terms: before } = base(amendment);
  const terms = wanted(amendment);
  const mine = changes(before, terms);
  if (mine.length === 0) {
    return () => finish(draft, "Nothing was changed.", organization.id);
  }
  try {
    const other = await saveUnlessOvertaken(
      seen,
      (version) => api.updateOrganization(organization.id, picked(terms, mine), version),
      () => api.organization(organization.id),
      (found) => theirs(before, termsOf(found.organization), terms).length > 0,
    );
    return other === null
      ? () => finish(draft, "Saved.", organization.id)
      : () => showOther(amendment, form, other, mine);
  } catch (error) {
    return () => {
      if (!(error instanceof api.Problem && markWrong(form, error.errors))) {
        fill(trouble, failure(error, again));
      }
    };
  }
}

/**
 * Shows what somebody else has made of it meanwhile.
 *
 * @param {Amendment} amendment
 * @param {HTMLFormElement} form
 * @param {{ organization: Organization, etag: string }} other
 * @param {(keyof Terms)[]} mine
 */
function showOther(amendment, form, other, mine) {
  const { organization, draft, read, inputs, trouble, tellEnd } = amendment;
  const { terms: before } = base(amendment);
  const [now, typed] = [termsOf(other.organization), wanted(amendment)];
  const changed = theirs(before, now, typed);
  const fields = FIELDS.filter(([name]) => changed.includes(name)).map(([name, label, shown]) => ({
    name: label,
    before: shown(before),
    theirs: shown(now),
    mine: mine.includes(name) ? shown(typed) : null,
  }));
  fill(trouble, overtaken(fields, goOn, keepTheirs));
  trouble.querySelector("button")?.focus();

  function goOn() {
    read.value = asRead(other.organization, other.etag);
    inputs.take(now, mine);
    drafts.put(draft, drafts.values(form));
    tellEnd();
    const note = goingOn();
    fill(trouble, note);
    note.focus();
  }

  function keepTheirs() {
    drafts.forget(draft);
    go(link(["organizations", organization.id]));
  }
}

/**
 * Fields for the terms of an organization, what is typed into them, and a way to fill them anew.
 *
 * @param {Terms} terms
 */
function termInputs(terms) {
  const inputs = {
    name: h("input", { name: "name", required: true, maxlength: 200, autocomplete: "off" }),
    valid_until: h("input", {
      name: "valid_until",
      type: "datetime-local",
      step: 1, // an end need not be on a full minute
      required: true,
    }),
    max_agents: h("input", { name: "max_agents", type: "number", min: 0, max: 1_000_000_000 }),
  };
  const subscription = choice("Subscription", "status", choices(SUBSCRIPTION_STATUSES));
  const status = /** @type {HTMLSelectElement} */ (subscription.querySelector("select"));
  take(terms, []);

  /**
   * Fills the fields, but for those in `kept`.
   *
   * @param {Terms} shown
   * @param {(keyof Terms)[]} kept
   */
  function take(shown, kept) {
    const values = {
      name: shown.name,
      status: shown.status,
      valid_until: localTime(new Date(shown.valid_until)),
      max_agents: shown.max_agents === null ? "" : String(shown.max_agents),
    };
    for (const [name, input] of Object.entries({ ...inputs, status })) {
      if (!kept.includes(/** @type {keyof Terms} */ (name))) {
        input.value = values[/** @type {keyof Terms} */ (name)];
      }
    }
  }

  /**
   * The end is as it was, unless another one was typed: when the clocks are put back, an hour comes
   * twice, and its local time does not say which.
   *
   * @param {Terms} [before]
   * @returns {Terms}
   */
  function typed(before) {
    const end = inputs.valid_until.value;
    const isOld = before && end === localTime(new Date(before.valid_until));
    const limit = inputs.max_agents.value;
    return {
      name: inputs.name.value.trim(),
      valid_until: isOld ? before.valid_until : new Date(end).toISOString(),
      status: /** @type {Terms["status"]} */ (status.value),
      max_agents: limit === "" ? null : Number(limit),
    };
  }

  function renew() {
    inputs.valid_until.value = localTime(yearLater(new Date(inputs.valid_until.value)));
    inputs.valid_until.dispatchEvent(new Event("input", { bubbles: true })); // as if it were typed
  }

  const fields = [
    field("Name", inputs.name, "It is named to others whose machine it has registered"),
    subscription,
    field("Valid until", inputs.valid_until, `In your time zone (${zone()})`),
    h("p", { class: "renewal" }, h("button", { type: "button", onclick: renew }, "+1 year")),
    field("Seats", inputs.max_agents, "How many agents at most; empty for no limit"),
  ];
  return { fields, take, typed };
}

/**
 * @param {HTMLFormElement} form
 * @param {string} draft
 * @param {HTMLElement} trouble
 */
function putBack(form, draft, trouble) {
  if (drafts.keep(form, draft)) {
    fill(trouble, h("p", { class: "note" }, "This is what you had typed and not saved."));
  }
}

/**
 * @param {string} draft
 * @param {string[]} back
 */
function cancelButton(draft, back) {
  const onclick = () => {
    drafts.forget(draft);
    go(link(back));
  };
  return h("button", { type: "button", onclick }, "Cancel");
}

/**
 * @param {string} draft
 * @param {string} said
 * @param {string} id
 */
function finish(draft, said, id) {
  drafts.forget(draft);
  announce(said);
  go(link(["organizations", id]));
}

/** @param {Organization} organization @returns {Terms} */
function termsOf({ name, subscription, max_agents }) {
  const { valid_until, status } = subscription;
  return { name, valid_until, status, max_agents };
}

/**
 * Which terms are others.
 *
 * @param {Terms} before
 * @param {Terms} after
 */
function changes(before, after) {
  return FIELDS.map(([name]) => name).filter((name) =>
    name === "valid_until"
      ? Date.parse(before.valid_until) !== Date.parse(after.valid_until)
      : before[name] !== after[name],
  );
}

/**
 * Which terms somebody else has made others, but not what the reader wants, too.
 *
 * @param {Terms} before
 * @param {Terms} now
 * @param {Terms} wanted
 */
function theirs(before, now, wanted) {
  const other = changes(wanted, now);
  return changes(before, now).filter((name) => other.includes(name));
}

/**
 * @param {Terms} terms
 * @param {(keyof Terms)[]} names
 * @returns {Partial<Terms>}
 */
function picked(terms, names) {
  return Object.fromEntries(names.map((name) => [name, terms[name]]));
}

function inAYear() {
  return new Date(new Date().setSeconds(0, 0) + YEAR_DAYS * DAY).toISOString();
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
