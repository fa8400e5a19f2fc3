// Asks once, in plain words, before something is done.
//
// An open dialog is part of the place (`?do=revoke`): it is there again after a reload or after
// signing in once more, with what was typed into it. The browser's Back closes it, and whatever else
// closes it goes back: no step of the history leads to where the reader is already.
//
// What is final or stops agents is done by a press of its button, and by nothing else: Enter in a
// field does not do it, and without a field the focus is on Cancel.

import { h, uniqueId } from "./dom.js";
import { Overtaken } from "./errors.js";
import { failure } from "./failure.js";
import { field, markWrong, wrongFields } from "./fields.js";
import * as drafts from "./form-drafts.js";
import { working } from "./loading.js";
import { change, here } from "./router.js";

/**
 * @typedef {object} Question
 * @property {string} title
 * @property {import("./dom.js").Child[]} text what will happen
 * @property {string} verb the button that does it
 * @property {boolean} [grave] it cannot be undone
 * @property {boolean} [careful] it stops agents, or takes something from them
 * @property {string | null} [name] of what it is done to, which has to be typed before
 * @property {string} [draft] under which name the reason is kept; without one, none is asked for
 * @property {(reason: string) => Promise<void | (() => void)>} act what is returned is called once the dialog is closed
 */

/** @type {HTMLDialogElement | null} */
let open = null;

/** @type {string | null | undefined} the `data-key` of what the reader has come from */
let opener = null;

/** Whether the place is still that of a dialog that has been closed. */
let isGoingBack = false;

/**
 * A page's questions. To be called whenever the place or what is known has changed: it opens the
 * dialog that the place names.
 *
 * @param {(name: string) => Question | null | undefined} questionOf null if there is nothing to ask (any more), undefined as long as that is not known
 * @returns {() => void}
 */
export function asking(questionOf) {
  return () => {
    const name = here().query.get("do");
    if (name === null || open !== null || isGoingBack) {
      return;
    }
    const question = questionOf(name);
    if (question === null) {
      leave(); // done by now, by somebody else perhaps
    } else if (question !== undefined) {
      ask(question);
    }
  };
}

/** Whether a question is open. */
export function isAsking() {
  return open !== null;
}

/**
 * Goes to where the page asks the question of that name.
 *
 * @param {string} name
 */
export function pose(name) {
  change({ do: name }, { kept: { ...history.state, hasPosed: true } });
}

/**
 * Opens the dialog. It closes when `act` has succeeded, or when the reader thinks better of it.
 *
 * @param {Question} question
 */
function ask(question) {
  const isCareful = question.grave || question.careful;
  const titleId = uniqueId("dialog");
  const reason = h("input", { name: "reason", maxlength: 500, autocomplete: "off" });
  const typed = h("input", { name: "typed_name", autocomplete: "off", spellcheck: "false" });
  const doIt = h(
    "button",
    {
      type: isCareful ? "button" : "submit",
      class: question.grave ? "first grave" : "first",
      onclick: isCareful ? act : null,
    },
    question.verb,
  );
  const trouble = h("div");
  const cancel = h("button", { type: "button", onclick: thinkBetter }, "Cancel");
  const form = h(
    "form",
    { novalidate: true, onsubmit: submit }, // what is wrong stays beside its field
    h("h2", { id: titleId }, question.title),
    question.text,
    question.name && field(["Type ", h("bdi", {}, question.name), " to go on"], typed),
    question.draft && field("Reason (optional, for the history)", reason),
    trouble,
    h("p", { class: "buttons" }, doIt, cancel),
  );
  if (question.draft) {
    drafts.keep(form, question.draft);
  }
  if (isCareful && form.querySelector("input") === null) {
    cancel.autofocus = true;
  }
  shut();
  opener = document.activeElement?.getAttribute("data-key");
  const dialog = h("dialog", { "aria-labelledby": titleId, oncancel: close }, form);
  open = dialog;
  document.body.append(dialog);
  dialog.showModal();

  /** @param {Event} event */
  async function submit(event) {
    event.preventDefault();
    if (!isCareful) {
      await act();
    }
  }

  async function act() {
    if (markWrong(form, [...wrongFields(form), ...wrongName()])) {
      return;
    }
    await working(doIt, async () => {
      trouble.replaceChildren();
      try {
        const next = await question.act(reason.value.trim());
        forget();
        if (open === dialog) {
          await leave();
        }
        next?.();
      } catch (error) {
        trouble.replaceChildren(failure(error, act));
        if (error instanceof Overtaken) {
          cancel.focus();
        }
      }
    });
  }

  function wrongName() {
    const isRight = !question.name || plain(typed.value) === plain(question.name);
    return isRight ? [] : [{ pointer: typed.name, detail: `It is called ${question.name}` }];
  }

  function thinkBetter() {
    forget();
    leave();
  }

  /** What has been typed is kept: one key loses nothing. @param {Event} event */
  function close(event) {
    event.preventDefault();
    leave();
  }

  function forget() {
    if (question.draft) {
      drafts.forget(question.draft);
    }
  }
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

/** Closes the dialog, and is done when its place is left, too. */
async function leave() {
  shut();
  if (history.state?.hasPosed) {
    isGoingBack = true;
    const isBack = new Promise((resolve) => {
      addEventListener("popstate", resolve, { capture: true, once: true });
    });
    history.back();
    await isBack;
    isGoingBack = false;
  } else {
    change({ do: null }, { replace: true });
  }
}

/**
 * A name as it is compared: without what nobody sees.
 *
 * @param {string} name
 */
function plain(name) {
  return name
    .normalize()
    .replace(/\p{Cf}/gu, "")
    .replace(/\s+/gu, " ")
    .trim();
}
