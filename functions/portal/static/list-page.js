// A page with a list: a form that narrows it, its rows page by page, and what stands there instead
// of them. The place's query says which rows.

import { whisper } from "./announcements.js";
import { fill, h } from "./dom.js";
import { filters, given } from "./filters.js";
import { counted } from "./labels.js";
import { exporter } from "./list-export.js";
import { loaded } from "./loading.js";
import { pageIn, pager } from "./pager.js";
import { remember, wayBack } from "./way-back.js";

/** @typedef {import("./dom.js").Child} Child */

const SIZE = 50;

/**
 * One page of rows, as the API gives it.
 *
 * @template Row
 * @typedef {{ rows: Row[], next_cursor: string | null, total?: number | null }} Rows
 */

/**
 * Which page of rows is asked for: by a cursor, or by the rows before it.
 *
 * @typedef {{ limit: number, cursor: string | null, skip?: number }} Asked
 */

/**
 * @template {string} Name
 * @template Row
 * @param {object} list
 * @param {string} list.title the page's
 * @param {string} list.label what the form narrows
 * @param {string} list.what is loading, for those who wait
 * @param {[one: string, many: string]} list.noun what a row is, for those who hear how many there are
 * @param {URLSearchParams} list.query
 * @param {HTMLElement[]} list.fields with inputs named like the query's parameters
 * @param {Name[]} list.narrowing those of them that leave rows out
 * @param {(query: URLSearchParams, page: Asked, signal: AbortSignal) => Promise<Rows<Row>>} list.load
 * @param {boolean} [list.skips] whether a page can be asked for by how many rows are before it
 * @param {(rows: Row[], query: URLSearchParams) => Child} list.show
 * @param {(isNarrowed: boolean) => Child} list.nothing
 * @param {HTMLElement} [list.above] a part of the page that stands above the list
 * @param {import("./list-export.js").Exported<Row>} [list.exported] what becomes of it in a file
 * @returns {import("./main.js").Page & { parts: import("./freshness.js").Part[], update: (query: URLSearchParams) => void, stop: () => void }}
 */
export function listPage({ title, label, what, noun, query: first, ...list }) {
  let query = first;
  const { form, show } = filters(label, query, list.fields);
  const count = h("p");
  /** @type {number | null} how many rows there are, where that is known */
  let known = null;
  const saving = list.exported && exporter(list.exported, noun, () => ({ query, total: known }));
  const content = loaded(
    what,
    (signal) => list.load(query, asked(), signal),
    ({ rows, next_cursor: next, total = null }) => {
      const isFirst = !query.get("cursor") && asked().skip === undefined;
      const all = total ?? (isFirst && next === null ? rows.length : null);
      whisper(
        all === null
          ? `${counted(rows.length, ...noun)} on this page`
          : `${counted(all, ...noun)} found`,
      );
      known = all;
      const isMore = isFirst && next !== null;
      fill(
        count,
        all === null
          ? isMore && `More than ${counted(rows.length, ...noun)}`
          : all > 0 && counted(all, ...noun),
      );
      const isNothing = rows.length === 0 && isFirst;
      if (saving) {
        saving.element.hidden = isNothing;
      }
      return isNothing
        ? list.nothing(Object.keys(given(query, list.narrowing)).length > 0)
        : [
            list.show(rows, query),
            pager({ shown: rows.length, size: SIZE, next, total, skips: list.skips }),
          ];
    },
  );

  /** @returns {Asked} */
  function asked() {
    const cursor = query.get("cursor");
    const before = (pageIn(query) - 1) * SIZE;
    return { limit: SIZE, cursor, ...(list.skips && !cursor && before > 0 && { skip: before }) };
  }
  const element = h(
    "div",
    { class: "list" },
    form,
    h("div", { class: "above" }, count, saving?.element),
    content.element,
  );
  /** What was so of other rows is not told of those that are asked for. */
  function clear() {
    known = null;
    fill(count);
    if (saving) {
      saving.element.hidden = true;
    }
  }
  clear();
  const way = wayBack(element, list.above);
  content.element.addEventListener("loaded", () => content.at() !== null && way.arrived());
  remember(query);
  content.reload();
  return {
    title,
    element,
    parts: [content],
    update(changed) {
      query = changed;
      remember(query);
      show(query);
      way.leave();
      clear();
      content.reload();
    },
    stop() {
      way.stop();
      saving?.stop();
      content.stop();
    },
  };
}
