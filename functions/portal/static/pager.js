// The pages of a list: buttons to them, and where in the place's query they stand.

import { h } from "./dom.js";
import { number } from "./labels.js";
import { change, here } from "./router.js";

/**
 * Buttons to the pages of a list. The place holds the cursor; the history's entry, those before it.
 * In a list that `skips`, the place holds the page's number instead, as far as there are such.
 *
 * @param {{ shown: number, size: number, next: string | null, total?: number | null, skips?: boolean }} page
 */
export function pager({ shown, size, next, total, skips = false }) {
  if (skips && total && !here().query.get("cursor")) {
    return numbered({ shown, size, next, total });
  }
  const before = trail();
  // Who has come right into the middle, by a bookmark say, is told no numbers that nobody knows.
  const isCounted = before.length === 0 ? !here().query.get("cursor") : before[0] === "";
  const first = before.length * size + 1;
  const all = total ?? (next === null && isCounted ? first + shown - 1 : null);
  const place = isCounted ? `${number(first)}–${number(first + shown - 1)}` : number(shown);
  const range = shown ? place : "none";
  return h(
    "nav",
    { class: "pager", "aria-label": "Pages" },
    h("span", {}, all === null ? range : `${range} of ${number(all)}`),
    turning("First page", here().query.get("cursor") !== null && (() => turn(null, []))),
    turning(
      "Previous page",
      before.length > 0 && (() => turn(before.at(-1) ?? null, before.slice(0, -1))),
    ),
    turning(
      "Next page",
      next !== null && (() => turn(next, [...before, here().query.get("cursor") ?? ""])),
    ),
  );
}

/** How many rows the API skips at most before a page. */
const MOST_SKIPPED = 50_000;

/**
 * The page of a list that a place's query names by its number.
 *
 * @param {URLSearchParams} query
 */
export function pageIn(query) {
  const page = Number(query.get("page") ?? 1);
  return Number.isInteger(page) && page > 0 ? page : 1;
}

/**
 * Buttons to the pages of a list that is counted, and a field for any of them.
 *
 * @param {{ shown: number, size: number, next: string | null, total: number }} page
 */
function numbered({ shown, size, next, total }) {
  const present = pageIn(here().query);
  const last = Math.min(Math.ceil(total / size), MOST_SKIPPED / size + 1);
  const first = (present - 1) * size + 1;
  const range = shown ? `${number(first)}–${number(first + shown - 1)}` : "none";
  const input = h("input", {
    type: "number",
    min: 1,
    max: last,
    required: true,
    value: Math.min(present, last),
    "data-key": "page",
    onchange: jump,
  });
  return h(
    "nav",
    { class: "pager", "aria-label": "Pages" },
    h("span", {}, `${range} of ${number(total)}`),
    last > 1 &&
      h(
        "form",
        { class: "jump", onsubmit: stay },
        h("label", {}, "Page ", input),
        ` of ${number(last)}`,
      ),
    turning("First page", present > 1 && (() => turnTo(1))),
    turning("Previous page", present > 1 && (() => turnTo(Math.min(present - 1, last)))),
    turning(
      "Next page",
      next !== null && (() => (present < last ? turnTo(present + 1) : turn(next, []))),
    ),
  );

  /** @param {Event} event */
  function stay(event) {
    event.preventDefault(); // what was typed has led there by now
  }

  function jump() {
    if (input.checkValidity() && input.valueAsNumber !== present) {
      turnTo(input.valueAsNumber);
    }
  }
}

/**
 * @param {string} title
 * @param {(() => void) | false} onclick false where there is no such page
 */
function turning(title, onclick) {
  return h("button", { type: "button", disabled: !onclick, onclick }, title);
}

/** @param {number} page */
function turnTo(page) {
  change({ page: page > 1 ? String(page) : null, cursor: null }, { kept: null });
  document.getElementById("main")?.querySelector("h1")?.focus();
}

/** The cursors of the pages before this one, as far as this tab has come by them. */
function trail() {
  return /** @type {string[]} */ (here().query.get("cursor") ? (history.state?.trail ?? []) : []);
}

/**
 * @param {string | null} cursor
 * @param {string[]} before
 */
function turn(cursor, before) {
  change({ cursor, page: null }, { kept: { trail: before } });
  document.getElementById("main")?.querySelector("h1")?.focus();
}
