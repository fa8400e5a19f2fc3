// Asks once, in plain words, before something is done.
//
// An open dialog is part of the place (`?do=revoke`): it is there again after a reload or after
// signing in once more, with what was typed into it.

import { h, uniqueId } from "./dom.js";
import * as drafts from "./form-drafts.js";
import { change } from "./router.js";
import { failure, working } from "./widgets.js";

/**
 * @typedef {object} Question
 * @property {string} title
 * @property {import("./dom.js").Child[]} text what will happen
 * @property {string} verb the button that does it
 * @property {boolean} [grave] it cannot be undone
 * @property {string} [draft] under which name the reason is kept; without one, none is asked for
 * @property {(reason: string) => Promise<void>} act
 */

/** @type {HTMLDialogElement | null} */
let open = null;

/** @type {string | null | undefined} the `data-key` of what the reader has come from */
let opener = null;

/**
 * Opens the dialog. It closes when `act` has succeeded, or when the reader thinks better of it.
 *
 * @param {Question} question
 */
export function ask(question) {
  const titleId = uniqueId("dialog");
  const reason = h("input", { name: "reason", maxlength: 500, autocomplete: "off" });
  reason.id = uniqueId("reason");
  const doIt = h(
    "button",
    { type: "submit", class: question.grave ? "first grave" : "first" },
    question.verb,
  );
  const trouble = h("div");
  const form = h(
    "form",
    { onsubmit: submit },
    h("h2", { id: titleId }, question.title),
    question.text,
    question.draft &&
      h(
        "p",
        { class: "field" },
        h("label", { for: reason.id }, "Reason (optional, for the history)"),
        reason,
      ),
    trouble,
    h("p", { class: "buttons" }, doIt, h("button", { type: "button", onclick: close }, "Cancel")),
  );
  if (question.draft) {
    drafts.keep(form, question.draft);
  }
  shut();
  opener = document.activeElement?.getAttribute("data-key");
  const dialog = h("dialog", { "aria-labelledby": titleId, oncancel: close }, form);
  open = dialog;
  document.body.append(dialog);
  dialog.showModal();

  /** @param {Event} [event] */
  async function submit(event) {
    event?.preventDefault();
    await working(doIt, async () => {
      trouble.replaceChildren();
      try {
        await question.act(reason.value.trim());
        done();
      } catch (error) {
        trouble.replaceChildren(failure(error, submit));
      }
    });
  }

  /** @param {Event} event */
  function close(event) {
    event.preventDefault();
    done();
  }

  function done() {
    if (question.draft) {
      drafts.forget(question.draft);
    }
    leave();
  }
}

/** Whether a dialog is open. */
export function isAsking() {
  return open !== null;
}

/** Takes away the dialog that is open, if any; the place has gone on without it. */
export function shut() {
  if (open === null) {
    return;
  }
  open.close();
  open.remove();
  open = null;
  if (document.activeElement === document.body) {
    // What had opened it is gone: the page has been loaded anew behind it.
    const same = opener ? document.querySelector(`[data-key="${CSS.escape(opener)}"]`) : null;
    (same instanceof HTMLElement ? same : document.querySelector("h1"))?.focus();
  }
}

function leave() {
  shut();
  change({ do: null }, { replace: true });
}
