// One agent: what it is, what has happened to it, and what can be done about it.

import { announce } from "./announcements.js";
import * as api from "./api.js";
import { asking, pose } from "./dialogs.js";
import { fill, h } from "./dom.js";
import { entries } from "./event-list.js";
import { badge, exactly, fact, person, statusBadge, thumbprint } from "./facts.js";
import { failure } from "./failure.js";
import { field, markWrong } from "./fields.js";
import * as drafts from "./form-drafts.js";
import { ACTIONS, isToCome, leaseNote, nameOf, RESET_DEVICE_KEY } from "./labels.js";
import { loaded, working } from "./loading.js";
import { goingOn, overtaken, saveUnlessOvertaken } from "./overtaken.js";
import { pager } from "./pager.js";
import { ofAgent, subjectIs } from "./subject.js";

/** @typedef {import("../contract.d.ts").AdministeredLicense} License */
/** @typedef {import("./labels.js").Action} Action */

const SIZE = 25;
const RESET = "reset-device-key";

/** @type {import("./main.js").MakePage} */
export function agent({ params, query: first, isSuperAdmin }) {
  const licenseId = params.license ?? "";
  const organizationId = params.organization ?? "";
  let query = first;
  /** @type {License | null} */
  let present = null;

  const facts = loaded(
    "the agent",
    (signal) => api.license(licenseId, signal),
    ({ license, etag }) => {
      present = license;
      subjectIs(element, ofAgent(license, isSuperAdmin));
      ask();
      return card(license, etag);
    },
  );
  const history = loaded(
    "its history",
    (signal) =>
      api.events(
        { organizationId, licenseId },
        { cursor: query.get("cursor"), limit: SIZE },
        signal,
      ),
    (page) => [
      entries(page.events, { withLicense: false, isSuperAdmin }),
      pager({ shown: page.events.length, size: SIZE, next: page.next_cursor }),
    ],
  );
  const element = h(
    "div",
    {},
    facts.element,
    h("section", {}, h("h2", {}, "History"), history.element),
  );
  const ask = asking((name) => {
    const action = /** @type {Action | typeof RESET} */ (name);
    if (present === null) {
      return undefined;
    }
    const isOpen =
      action === RESET ? present.device_key !== null : present.actions.includes(action);
    return isOpen ? question(action, present) : null;
  });
  facts.reload();
  history.reload();

  /**
   * @param {Action | typeof RESET} action
   * @param {License} license
   * @returns {import("./dialogs.js").Question}
   */
  function question(action, license) {
    const { title, effects, verb, done, grave } =
      action === RESET ? RESET_DEVICE_KEY : ACTIONS[action];
    const name = nameOf(license);
    const note = action === "attach" || action === RESET ? null : leaseNote(license);
    return {
      title: title(name),
      text: [
        h(
          "ul",
          {},
          effects.map((effect) => h("li", {}, effect)),
        ),
        note && h("p", { class: "help" }, note),
      ],
      verb,
      grave,
      careful: action !== "attach",
      draft: `${action}.${license.id}`,
      async act(reason) {
        try {
          await api.act(license.id, action, reason);
        } catch (error) {
          if (error instanceof api.Problem && error.status === 409) {
            // Somebody else has been here first: show how it is now, behind the dialog.
            facts.reload();
            history.reload();
          }
          throw error;
        }
        announce(`${name} ${done}.`);
        facts.reload();
        history.reload();
      },
    };
  }

  /**
   * @param {License} license
   * @param {string} etag
   */
  function card(license, etag) {
    return [
      h(
        "div",
        { class: "card" },
        h(
          "dl",
          {},
          fact("Status", statusBadge(license.status)),
          fact("Primary", license.primary ? badge("primary", "Primary") : "no"),
          fact("Computer name", license.computer_name ?? "unknown"),
          fact("Environment", license.environment),
          fact(
            "Agent version",
            license.last_seen?.agent_version ?? license.agent_version ?? "unknown",
          ),
          fact("Last seen", license.last_seen ? exactly(license.last_seen.at) : "never"),
          fact("Seen from", license.last_seen?.source_address ?? "–"),
          fact("Valid until", license.valid_until ? exactly(license.valid_until) : "not in force"),
          leased(license),
          fact(
            "Device key",
            license.device_key ? ["proved ", thumbprint(license.device_key)] : "none",
          ),
          license.pending_device_key && pending(license.pending_device_key),
          fact("Issued", exactly(license.issued_at)),
          fact("Issued by", person(license.issued_by, license.issued_by_name)),
          fact("License id", h("code", {}, license.id)),
        ),
        actions(license),
      ),
      editor(license, etag),
    ];
  }

  /** @param {License} license */
  function leased({ leased_until }) {
    return (
      isToCome(leased_until) &&
      fact("Lease ends", [
        exactly(leased_until),
        ". Until then, the agent or a copy of it can go on without asking the service.",
      ])
    );
  }

  /** @param {import("../contract.d.ts").PendingDeviceKey} key */
  function pending({ thumbprint: whole, since, replaces_at }) {
    return fact("Another device key", [
      thumbprint(whole),
      ` logged in ${exactly(since)}. Unless the present one is proved before, it is bound from `,
      `${exactly(replaces_at)} on.`,
    ]);
  }

  /** @param {License} license */
  function actions(license) {
    if (license.actions.length === 0) {
      return h("p", { class: "help" }, "Nothing can be done to it any more.");
    }
    const reset = h(
      "button",
      { type: "button", "data-key": RESET, onclick: () => pose(RESET) },
      `${RESET_DEVICE_KEY.verb}…`,
    );
    return h(
      "p",
      { class: "buttons" },
      license.device_key !== null && reset,
      license.actions.map((action) =>
        h(
          "button",
          {
            type: "button",
            class: ACTIONS[action].grave ? "grave" : null,
            "data-key": action === "attach" ? "detach" : action, // what undoes it takes its place
            onclick: () => pose(action),
          },
          `${ACTIONS[action].verb}…`,
        ),
      ),
    );
  }

  /**
   * @param {License} license
   * @param {string} etag
   */
  function editor(license, etag) {
    const draft = `edit.${license.id}`;
    const label = h("input", {
      name: "label",
      maxlength: 100,
      autocomplete: "off",
      "data-key": "label",
      value: license.label ?? "",
    });
    const primary = h("input", { name: "primary", type: "checkbox", checked: license.primary });
    primary.id = `primary-${license.id}`;
    // With the draft, which is of what was read then, even if there is a newer version by now.
    const read = h("input", {
      name: "read",
      type: "hidden",
      value: JSON.stringify(asRead(license, etag)),
    });
    const save = h("button", { type: "submit", "data-key": "save" }, "Save");
    const trouble = h("div");
    const form = h(
      "form",
      { class: "card", onsubmit: submit },
      h("h2", {}, "Mark it"),
      field("Label", label, "A name of your own, shown instead of the computer's; empty for none"),
      h("p", { class: "check" }, primary, h("label", { for: primary.id }, "Primary agent")),
      read,
      trouble,
      h("p", { class: "buttons" }, save),
    );
    drafts.keep(form, draft);

    /** @param {Event} event */
    async function submit(event) {
      event.preventDefault();
      await working(save, edit);
    }

    async function edit() {
      fill(trouble);
      /** @type {ReturnType<typeof asRead>} */
      const before = JSON.parse(read.value);
      const typed = label.value.trim();
      // Not what was left as it was: somebody else may have changed that meanwhile.
      const wanted = {
        ...(typed !== before.label && { label: typed }),
        ...(primary.checked !== before.primary && { primary: primary.checked }),
      };
      try {
        const other = await saveUnlessOvertaken(
          before.etag,
          (version) => api.updateLicense(license.id, wanted, version),
          () => api.license(license.id),
          ({ license: { label: theirs } }) =>
            wanted.label !== undefined && ![before.label, typed].includes(theirs ?? ""),
        );
        if (other !== null) {
          show(asRead(other.license, other.etag), before.label, "primary" in wanted);
          return;
        }
        drafts.forget(draft);
        announce("Saved.");
        facts.reload();
        history.reload();
      } catch (error) {
        if (!(error instanceof api.Problem && markWrong(form, error.errors))) {
          fill(
            trouble,
            failure(error, () => form.requestSubmit()),
          );
        }
      }
    }

    /**
     * @param {ReturnType<typeof asRead>} theirs
     * @param {string} before
     * @param {boolean} isMarked whether the mark is the reader's own, too
     */
    function show(theirs, before, isMarked) {
      const shown = { name: "Label", before: before || "none", theirs: theirs.label || "none" };
      fill(trouble, overtaken([{ ...shown, mine: label.value || "none" }], goOn, keepTheirs));
      trouble.querySelector("button")?.focus();

      function goOn() {
        read.value = JSON.stringify(theirs);
        primary.checked = isMarked ? primary.checked : theirs.primary;
        drafts.put(draft, drafts.values(form));
        const note = goingOn();
        fill(trouble, note);
        note.focus();
      }

      function keepTheirs() {
        drafts.forget(draft);
        facts.reload();
      }
    }
    return form;
  }

  return {
    title: "Agent",
    element,
    parts: [facts, history],
    update(changed) {
      const hasTurned = changed.get("cursor") !== query.get("cursor");
      query = changed;
      ask();
      if (hasTurned) {
        history.reload();
      }
    },
    stop() {
      facts.stop();
      history.stop();
    },
  };
}

/**
 * What a change of an agent's marks is made on.
 *
 * @param {License} license
 * @param {string} etag
 */
function asRead({ label, primary }, etag) {
  return { etag, label: label ?? "", primary };
}
