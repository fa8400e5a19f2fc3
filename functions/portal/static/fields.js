// The fields of forms, with what is wrong with them beside them.

import { h, uniqueId } from "./dom.js";

/** @typedef {import("./dom.js").Child} Child */

/**
 * A field with its label, its help and, once it is known, what is wrong with it.
 *
 * @template {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Input
 * @param {Child | Child[]} label
 * @param {Input} input
 * @param {string} [help]
 */
export function field(label, input, help) {
  input.id ||= uniqueId("field");
  const helpId = help ? `${input.id}-help` : "";
  if (help) {
    input.setAttribute("aria-describedby", helpId);
  }
  return h(
    "p",
    { class: "field" },
    h("label", { for: input.id }, label),
    help && h("span", { class: "help", id: helpId }, help),
    input,
  );
}

/**
 * A choice with its label.
 *
 * @param {string} label
 * @param {string} name
 * @param {[value: string, text: string][]} options
 * @param {string} [value]
 */
export function choice(label, name, options, value = "") {
  const choices = options.map(([each, text]) =>
    h("option", { value: each, selected: each === value }, text),
  );
  return field(label, h("select", { name }, choices));
}

/**
 * What the browser finds wrong with the fields of a form, as the service would tell it.
 *
 * @param {HTMLFormElement} form
 * @returns {import("../contract.d.ts").ProblemError[]}
 */
export function wrongFields(form) {
  return [...form.elements].flatMap((element) =>
    element instanceof HTMLInputElement && !element.validity.valid
      ? [
          {
            pointer: element.name,
            detail: element.validity.patternMismatch ? element.title : element.validationMessage,
          },
        ]
      : [],
  );
}

/**
 * Writes beside each field of a form what is wrong with it, and goes to the first; whether any is.
 *
 * @param {HTMLFormElement} form
 * @param {import("../contract.d.ts").ProblemError[]} errors whose pointers end with the fields' names
 */
export function markWrong(form, errors) {
  for (const old of form.querySelectorAll(".wrong")) {
    old.remove();
  }
  /** @type {HTMLElement | null} */
  let first = null;
  for (const element of form.querySelectorAll("[name]")) {
    const name = element.getAttribute("name") ?? "";
    const wrong = errors.find(({ pointer }) => pointer.split("/").includes(name));
    const describedBy = (element.getAttribute("aria-describedby") ?? "").split(" ");
    const others = describedBy.filter((id) => id && !id.endsWith("-wrong"));
    if (wrong) {
      const id = `${element.id}-wrong`;
      element.setAttribute("aria-invalid", "true");
      element.after(h("span", { class: "wrong", id }, wrong.detail));
      others.push(id);
      first ??= /** @type {HTMLElement} */ (element);
    } else {
      element.removeAttribute("aria-invalid");
    }
    if (others.length) {
      element.setAttribute("aria-describedby", others.join(" "));
    } else {
      element.removeAttribute("aria-describedby");
    }
  }
  first?.focus();
  return first !== null;
}
