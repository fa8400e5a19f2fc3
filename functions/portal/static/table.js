// Tables, which are lists of cards where there is no room for columns.

import { h } from "./dom.js";
import { change } from "./router.js";

/** @typedef {import("./dom.js").Child} Child */

/**
 * A column: `cell` is null where there is nothing to tell. On a card, the cell of a `state` stands
 * beside the row's name, and a `plain` one is understood without its title.
 *
 * @template Row
 * @typedef {object} Column
 * @property {string} title
 * @property {string} [sort] by which the list is then ordered
 * @property {boolean} [state]
 * @property {boolean} [plain]
 * @property {(row: Row) => Child | Child[]} cell
 */

/**
 * A table that is a list of cards where there is no room for columns. `sort` is its order; where that
 * is null, the columns' heads change none.
 *
 * @template Row
 * @param {{ caption: string, columns: Column<Row>[], rows: Row[], sort?: string | null }} table
 */
export function table({ caption, columns, rows, sort = "" }) {
  // Roles are spelled out: styles that make cards of rows take them away.
  return h(
    "table",
    { role: "table" },
    h("caption", {}, caption),
    h(
      "thead",
      { role: "rowgroup" },
      h(
        "tr",
        { role: "row" },
        columns.map((column) => heading(column, sort)),
      ),
    ),
    h(
      "tbody",
      { role: "rowgroup" },
      rows.map((row) =>
        h(
          "tr",
          { role: "row" },
          columns.map((column, position) => cellOf(column, position === 0, column.cell(row))),
        ),
      ),
    ),
  );
}

/**
 * @param {{ title: string, state?: boolean, plain?: boolean }} column
 * @param {boolean} isFirst
 * @param {Child | Child[]} content
 */
function cellOf({ title, state, plain }, isFirst, content) {
  if (isFirst) {
    return h("th", { role: "rowheader", scope: "row" }, content);
  }
  const isNothing = content === null;
  return h(
    "td",
    {
      role: "cell",
      class: isNothing ? "none" : state && "state",
      "data-title": !(state || plain) && title,
    },
    isNothing ? "–" : content,
  );
}

/**
 * @param {{ title: string, sort?: string }} column
 * @param {string | null} sort
 */
function heading({ title, sort: name }, sort) {
  const props = { role: "columnheader", scope: "col" };
  if (!name || sort === null) {
    return h("th", props, title);
  }
  const direction = sort === name ? "ascending" : sort === `-${name}` ? "descending" : undefined;
  return h(
    "th",
    { ...props, "aria-sort": direction },
    h(
      "button",
      {
        type: "button",
        class: "sort",
        "data-key": `sort-${name}`,
        onclick: () =>
          change(
            { sort: direction === "ascending" ? `-${name}` : name, cursor: null, page: null },
            { replace: true },
          ),
      },
      title,
    ),
  );
}
