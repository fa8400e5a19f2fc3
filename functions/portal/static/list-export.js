// All that a list has, as a file: read page by page, one request after the other, up to a bound.

import { announce } from "./announcements.js";
import { csv, fileName, save } from "./csv.js";
import { fill, h } from "./dom.js";
import { failure } from "./failure.js";
import { counted, number } from "./labels.js";

/** As many rows as a file has at most. */
export const LARGEST = 10_000;
const PAGE = 100; // as many as the API gives at once

/**
 * What becomes of a list's rows in a file.
 *
 * @template Row
 * @typedef {object} Exported
 * @property {string} name what the file's name begins with
 * @property {string[]} titles of the columns
 * @property {(row: Row) => import("./csv.js").Cell[]} cells
 * @property {(rows: Row[], query: URLSearchParams) => Row[]} [inOrder] where they are not read in the list's
 * @property {(query: URLSearchParams) => (page: import("./list-page.js").Asked, signal: AbortSignal) => Promise<import("./list-page.js").Rows<Row>>} read
 *   for what the list shows now, so that all pages are asked for the same
 */

/**
 * A button that saves them. Meanwhile it is said how far that is, and it can be stopped; what fails
 * goes on where it was.
 *
 * @template Row
 * @param {Exported<Row>} exported
 * @param {[one: string, many: string]} noun
 * @param {() => { query: URLSearchParams, total: number | null }} shown what the list shows now
 */
export function exporter(exported, noun, shown) {
  /** @type {AbortController | null} */
  let running = null;
  const button = h(
    "button",
    { type: "button", "data-key": "export", onclick: start },
    "Export CSV",
  );
  const stopping = h("button", { type: "button", hidden: true, onclick: stop }, "Stop");
  const progress = h("span");
  const outcome = h("div", { class: "outcome" });
  const element = h("div", { class: "export" }, progress, stopping, button, outcome);

  function start() {
    const { query, total } = shown();
    const read = exported.read(query);
    /** @type {Row[]} */
    const rows = [];
    /** @type {string | null} */
    let cursor = null;
    return goOn();

    async function goOn() {
      const mine = new AbortController();
      running = mine;
      isBusy(true); // before the button goes that tries again: it may have the focus
      fill(outcome);
      try {
        do {
          tellProgress();
          const limit = Math.min(PAGE, LARGEST - rows.length);
          const page = await read({ limit, cursor }, mine.signal);
          mine.signal.throwIfAborted();
          rows.push(...page.rows);
          cursor = page.next_cursor;
        } while (cursor !== null && rows.length < LARGEST);
        finish();
      } catch (error) {
        if (!mine.signal.aborted) {
          fill(outcome, failure(error, goOn));
        }
      } finally {
        if (running === mine) {
          running = null;
          isBusy(false);
        }
      }
    }

    function tellProgress() {
      const known = Math.min(total ?? LARGEST, LARGEST);
      const of = total === null ? "" : ` of ${number(known)}`;
      fill(progress, `${number(rows.length)}${of} read…`);
    }

    function finish() {
      const name = fileName(exported.name);
      const inOrder = exported.inOrder?.(rows, query) ?? rows;
      save(name, csv(exported.titles, inOrder.map(exported.cells)));
      announce(`${name} has ${counted(rows.length, ...noun)}.`);
      fill(outcome, cursor !== null && h("p", { class: "note", role: "status" }, bounded(total)));
    }
  }

  /** @param {number | null} total */
  function bounded(total) {
    const all = total === null ? "the first" : `of ${number(total)}, only`;
    return `A file has at most ${number(LARGEST)} ${noun[1]}: ${all} ${number(LARGEST)} are in it. Narrow the list for the others.`;
  }

  function stop() {
    running?.abort();
    running = null;
    isBusy(false);
    announce("Stopped. No file was saved.");
  }

  /** @param {boolean} isSo */
  function isBusy(isSo) {
    const isFocused = element.contains(document.activeElement);
    button.hidden = isSo;
    stopping.hidden = !isSo;
    if (!isSo) {
      fill(progress);
    }
    if (isFocused) {
      (isSo ? stopping : button).focus();
    }
  }
  return { element, stop: () => running?.abort() };
}
