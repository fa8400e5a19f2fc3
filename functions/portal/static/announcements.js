// What is said when something has been done or found: to be seen for a while, or to be heard.

import { h } from "./dom.js";

const SAID_MS = 8000;

/**
 * Says what has been done: to be seen for a while, and heard by those who do not see it.
 *
 * @param {string} text
 */
export function announce(text) {
  say(text, "done");
}

/**
 * Says what everybody else sees: how many were found.
 *
 * @param {string} text
 */
export function whisper(text) {
  say(text, "heard");
}

/**
 * @param {string} text
 * @param {"done" | "heard"} kind
 */
function say(text, kind) {
  const message = h("p", { class: kind }, text);
  document.getElementById("announcements")?.replaceChildren(message);
  setTimeout(() => message.remove(), SAID_MS);
}
