// A list as a file for spreadsheets: RFC 4180 in UTF-8, with a byte order mark. None of its cells is
// run as a formula, wherever a spreadsheet thinks that a cell begins.

const BYTE_ORDER_MARK = "\ufeff";

// What a formula begins with, also where a spreadsheet ends cells at other characters than this file
// does, or takes no notice of quotation marks. What cannot be seen before it is passed over, too.
const FORMULA = /((?:^|[,;|\t\r\n"])[\s\p{C}]*)(?=[=+\-@＝＋－＠])/gu;
const ODD_BEGINNING = /^(?=[\t\r\n])/;

/**
 * What stands in a cell: numbers alone are numbers, all else is text; nothing for null.
 *
 * @typedef {string | number | null | undefined} Cell
 */

/**
 * @param {string[]} titles
 * @param {Cell[][]} rows
 */
export function csv(titles, rows) {
  const lines = [titles, ...rows].map((cells) => `${cells.map(cell).join(",")}\r\n`);
  return BYTE_ORDER_MARK + lines.join("");
}

/** @param {Cell} value */
function cell(value) {
  if (typeof value === "number") {
    return String(value);
  }
  const text = (value ?? "").replace(FORMULA, "$1'").replace(ODD_BEGINNING, "'");
  return `"${text.replaceAll('"', '""')}"`;
}

/**
 * A file's name: what it is of, and the reader's day.
 *
 * @param {string} what
 * @param {Date} [today]
 */
export function fileName(what, today = new Date()) {
  const parts = [today.getFullYear(), today.getMonth() + 1, today.getDate()];
  const day = parts.map((part) => String(part).padStart(2, "0")).join("-");
  return `${what.replaceAll(/[^\w.-]+/g, "-")}-${day}.csv`;
}

/**
 * Has the browser keep a file.
 *
 * @param {string} name
 * @param {string} text
 */
export function save(name, text) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  // Not at once: some browsers begin to read it after the click.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
