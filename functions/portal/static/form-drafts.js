// What has been typed is not lost: not by a reload, not by a session that ends, not by going
// elsewhere. It is kept in this tab until it has been sent or thrown away.

const PREFIX = "draft.";

/** @typedef {Record<string, string>} Draft */

/**
 * What was typed into the form of that name, `{}` if nothing.
 *
 * @param {string} name
 * @returns {Draft}
 */
export function draft(name) {
  return JSON.parse(sessionStorage.getItem(PREFIX + name) ?? "{}");
}

/**
 * Puts back what was typed into a form, and keeps what will be.
 *
 * @param {HTMLFormElement} form
 * @param {string} name
 * @returns {boolean} whether anything was put back
 */
export function keep(form, name) {
  form.dataset.draft = name;
  const kept = draft(name);
  const isKept = Object.keys(kept).length > 0;
  for (const field of isKept ? fields(form) : []) {
    const value = kept[field.name];
    if (field instanceof HTMLInputElement && ["checkbox", "radio"].includes(field.type)) {
      field.checked = field.value === value; // a box that is not ticked is in no draft
    } else if (value !== undefined) {
      field.value = value;
    }
  }
  form.addEventListener("input", () => {
    sessionStorage.setItem(PREFIX + name, JSON.stringify(values(form)));
  });
  return isKept;
}

/**
 * Whether something has been typed into a form there that was neither sent nor thrown away.
 *
 * @param {HTMLElement} element
 */
export function isEdited(element) {
  return [...element.querySelectorAll("form")].some(
    ({ dataset }) => dataset.draft !== undefined && Object.keys(draft(dataset.draft)).length > 0,
  );
}

/**
 * Keeps something beside what is typed, like the id of an attempt.
 *
 * @param {string} name
 * @param {Draft} values
 */
export function put(name, values) {
  sessionStorage.setItem(PREFIX + name, JSON.stringify(values));
}

/** @param {string} name */
export function forget(name) {
  sessionStorage.removeItem(PREFIX + name);
}

/**
 * What stands in a form now, trimmed.
 *
 * @param {HTMLFormElement} form
 * @returns {Draft}
 */
export function values(form) {
  return Object.fromEntries(
    [...new FormData(form)].map(([name, value]) => [name, String(value).trim()]),
  );
}

/** @param {HTMLFormElement} form */
function fields(form) {
  return [...form.elements].filter(
    (element) =>
      element instanceof HTMLInputElement ||
      element instanceof HTMLSelectElement ||
      element instanceof HTMLTextAreaElement,
  );
}
