// How old what a page shows is, and how it becomes new: by a button, and by itself when the reader
// comes back after a while and edits nothing.

import { whisper } from "./announcements.js";
import { isAsking } from "./dialogs.js";
import { fill, h } from "./dom.js";
import * as drafts from "./form-drafts.js";
import { asOf } from "./labels.js";
import { working } from "./loading.js";

/** @typedef {ReturnType<typeof import("./loading.js").loaded>} Part */

const AWAY_MS = 5 * 60_000;

/**
 * Says since when what these parts of a page show has been so, with a button that loads them anew.
 * Place, filters and focus stay; where that does not work, so does what is there.
 *
 * @param {Part[]} parts
 * @param {HTMLElement} page which they are in
 */
export function freshness(parts, page) {
  const told = h("span");
  const button = h("button", { type: "button", onclick: press }, "Refresh");
  const bar = h("p", { class: "freshness", hidden: true }, told, button);
  page.addEventListener("loaded", tell);
  tell();

  function tell() {
    const times = parts.flatMap(({ at }) => at() ?? []);
    bar.hidden = times.length === 0;
    fill(told, times.length > 0 && `As of ${asOf(Math.min(...times))}`);
  }

  function press() {
    return working(button, async () => {
      await refresh(parts);
      whisper(told.textContent ?? "");
    });
  }
  return bar;
}

/** @param {Part[]} parts */
function refresh(parts) {
  return Promise.all(parts.map((part) => part.refresh()));
}

/**
 * Loads what is shown anew when the reader comes back to the tab, not sooner than after five minutes,
 * and not behind a question or a form with something in it that is not saved.
 *
 * @param {() => { parts: Part[], element: HTMLElement } | null} shown
 */
export function refreshWhenBack(shown) {
  let leftAt = Number.POSITIVE_INFINITY;
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") {
      leftAt = Date.now();
      return;
    }
    const page = shown();
    if (Date.now() - leftAt > AWAY_MS && page && !isAsking() && !drafts.isEdited(page.element)) {
      void refresh(page.parts);
    }
  });
}
