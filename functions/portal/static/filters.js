// Forms that narrow and order what a page shows. The place's query is what counts: the form shows
// it, and changes it as soon as something is chosen or the typing pauses.

import { fill, h, uniqueId } from "./dom.js";
import { change } from "./router.js";

const TYPING_MS = 300;

/**
 * Where there is no room for all of them, the fields but for a search are folded behind a button
 * that says what is set there.
 *
 * @param {string} label what it narrows
 * @param {URLSearchParams} query
 * @param {HTMLElement[]} fields with inputs named like the query's parameters
 */
export function filters(label, query, fields) {
  let timer = 0;
  const searches = fields.filter((field) => field.querySelector("[type=search]"));
  const others = fields.filter((field) => !searches.includes(field));
  const id = uniqueId("filters");
  const fold = h("button", {
    type: "button",
    class: "fold",
    "aria-expanded": "false",
    "aria-controls": id,
    onclick: unfold,
  });
  const clearing = h("button", { type: "button", onclick: clear }, "Clear");
  const form = h(
    "form",
    { class: "filters", role: "search", "aria-label": label, onsubmit: submit, oninput: input },
    searches,
    others.length > 0 && fold,
    others.length > 0 && h("div", { class: "folded", id }, others, clearing),
  );

  function unfold() {
    const isOpen = fold.getAttribute("aria-expanded") === "true";
    fold.setAttribute("aria-expanded", String(!isOpen));
  }

  /** @param {Event} event */
  function submit(event) {
    event.preventDefault();
    apply();
  }

  /** @param {Event} event */
  function input(event) {
    clearTimeout(timer);
    timer = setTimeout(apply, event.target instanceof HTMLSelectElement ? 0 : TYPING_MS);
  }

  function apply() {
    clearTimeout(timer);
    if (!form.isConnected) {
      return; // the reader has gone on to another page while typing
    }
    const wanted = inputs().map(({ name, value }) => [name, value.trim()]);
    change({ ...Object.fromEntries(wanted), cursor: null, page: null }, { replace: true });
  }

  function clear() {
    clearTimeout(timer);
    const nothing = inputs().map(({ name }) => [name, null]);
    change({ ...Object.fromEntries(nothing), cursor: null, page: null }, { replace: true });
  }

  /**
   * Shows what the place says, but does not touch what is being typed.
   *
   * @param {URLSearchParams} present
   */
  function show(present) {
    for (const element of inputs()) {
      if (element !== document.activeElement) {
        put(element, present.get(element.name) ?? "");
      }
    }
    const leavesOut = inputs().filter(
      ({ name, type }) => type !== "search" && name !== "sort" && present.get(name),
    );
    fill(fold, leavesOut.length ? `Filter: ${leavesOut.map(told).join(", ")}` : "Filter");
  }

  function inputs() {
    return [...form.elements].filter(
      (element) => element instanceof HTMLInputElement || element instanceof HTMLSelectElement,
    );
  }

  show(query);
  return { form, show };
}

/**
 * @param {HTMLInputElement | HTMLSelectElement} element
 * @param {string} value
 */
function put(element, value) {
  element.value = value;
  if (element instanceof HTMLSelectElement && element.selectedIndex < 0) {
    if (element.name === "sort") {
      element.selectedIndex = 0; // the usual order has a name, too
    } else {
      element.append(h("option", { value, selected: true }, value));
    }
  }
}

/**
 * What is set in a field, as it stands there.
 *
 * @param {HTMLInputElement | HTMLSelectElement} element
 */
function told(element) {
  if (element instanceof HTMLSelectElement) {
    return element.selectedOptions[0]?.text ?? element.value;
  }
  // Not by `labels`: before its form is in the page, an element has none.
  const label = element.closest(".field")?.querySelector("label")?.textContent;
  return element.type === "date" && label ? `${label} ${element.value}` : element.value;
}

/**
 * The named parameters that the place's query has, as the API takes them.
 *
 * @param {URLSearchParams} query
 * @param {string[]} names
 */
export function given(query, names) {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = query.get(name);
      return value ? [/** @type {[string, string]} */ ([name, value])] : [];
    }),
  );
}
