// What pages are made of: parts that load, badges, times, fields, pagers, empty states.

import { fill, h, uniqueId } from "./dom.js";
import { explain } from "./errors.js";
import { daysUntil, fromNow, instant, isToCome, named, number, STATUS_MEANINGS } from "./labels.js";
import { change, here } from "./router.js";
import { SessionEnded, signIn } from "./session.js";

/** @typedef {import("./dom.js").Child} Child */

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

/**
 * Somebody, by name where that is known, or else by what the identity provider calls them: long, and
 * seldom read to the end.
 *
 * @param {string} subject
 * @param {string | null} [name]
 */
export function person(subject, name = null) {
  return h("span", { class: name === null ? "person" : null, title: subject }, name ?? subject);
}

/**
 * A device key by its thumbprint: of the whole one that stands there, its start is shown.
 *
 * @param {string} whole
 */
export function thumbprint(whole) {
  return h("code", { class: "thumbprint", title: whole }, whole);
}

/**
 * A part that shows that it is loading, then what was loaded, or what went wrong and what to do.
 *
 * Loaded again, it keeps what it shows until there is something else; an older answer never replaces
 * a newer one. Refreshed, it keeps that also where nothing new is to be had. It tells of each end by an
 * event, `loaded`.
 *
 * @template T
 * @param {string} what is loading, for those who wait
 * @param {(signal: AbortSignal) => Promise<T>} load
 * @param {(loaded: T) => Child | Child[]} show
 */
export function loaded(what, load, show) {
  const content = h("div", { class: "loaded", tabindex: -1 });
  /** @type {AbortController | null} */
  let running = null;
  /** @type {number | null} when what is shown was so; null for a failure */
  let shownAt = null;

  const reload = () => work(false);
  const refresh = () => work(true);

  /** @param {boolean} isSame whether what is shown answers what is asked, too */
  async function work(isSame) {
    running?.abort();
    const mine = new AbortController();
    running = mine;
    content.setAttribute("aria-busy", "true");
    if (content.childElementCount === 0) {
      fill(content, h("p", { class: "loading", role: "status" }, `Loading ${what}…`));
    }
    const asked = Date.now();
    try {
      const result = await load(mine.signal);
      if (running === mine) {
        refill(content, show(result));
        shownAt = asked;
        troubled.delete(content);
        tellTroubles();
      }
    } catch (error) {
      if (!mine.signal.aborted) {
        const isStale = isSame && shownAt !== null;
        shownAt = isStale ? shownAt : null;
        const { title, detail } = explain(error);
        const again = isStale ? refresh : reload;
        troubled.set(content, { error, cause: `${title} ${detail}`, again, isStale });
        tellTroubles(content);
      }
    } finally {
      if (running === mine) {
        content.removeAttribute("aria-busy");
        content.dispatchEvent(new Event("loaded", { bubbles: true }));
      }
    }
  }
  return { element: content, reload, refresh, at: () => shownAt, stop: () => running?.abort() };
}

/**
 * Why a part has nothing new to show; `isStale`: it shows what it had.
 *
 * @typedef {{ error: unknown, cause: string, again: () => unknown, isStale: boolean }} Trouble
 */

/** Parts of the page that could not be loaded. @type {Map<HTMLElement, Trouble>} */
const troubled = new Map();

/**
 * Has parts that fail for one cause tell it once: in the first of them, for all of them.
 *
 * @param {HTMLElement} [failed] what has just failed, perhaps once more
 */
function tellTroubles(failed) {
  /** @type {Set<string>} */
  const told = new Set();
  const parts = [...document.querySelectorAll(".loaded")];
  for (const part of troubled.keys()) {
    if (!part.isConnected) {
      troubled.delete(part); // the reader has gone on
    }
  }
  for (const part of /** @type {HTMLElement[]} */ (parts)) {
    const trouble = troubled.get(part);
    if (!trouble) {
      continue;
    }
    const box = part.querySelector(":scope > .failure");
    if (told.has(trouble.cause)) {
      tellIn(part, trouble, null);
    } else if (part === failed || box === null) {
      tellIn(
        part,
        trouble,
        failure(trouble.error, () => tryAgain(trouble.cause)),
      );
    }
    told.add(trouble.cause);
  }
}

/**
 * @param {HTMLElement} part
 * @param {Trouble} trouble
 * @param {HTMLElement | null} box what tells of it, unless another part does
 */
function tellIn(part, { isStale }, box) {
  if (!isStale) {
    refill(part, box ?? []);
    return;
  }
  part.querySelector(":scope > .failure")?.remove();
  if (box) {
    part.prepend(box);
  }
}

/** @param {string} cause */
function tryAgain(cause) {
  for (const trouble of [...troubled.values()]) {
    if (trouble.cause === cause) {
      trouble.again();
    }
  }
}

/**
 * Puts other content into an element, and the focus where it was: on what has the same `data-key`,
 * or else on the element, so that the next Tab goes on from here. What was unfolded stays so.
 *
 * @param {HTMLElement} element
 * @param {Child | Child[]} content
 */
export function refill(element, content) {
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  const key = focused?.getAttribute("data-key");
  const unfolded = [...element.querySelectorAll("details")].map(({ open }) => open);
  fill(element, content);
  for (const [position, details] of element.querySelectorAll("details").entries()) {
    details.open ||= unfolded[position] ?? false;
  }
  if (focused) {
    const same = key ? element.querySelector(`[data-key="${CSS.escape(key)}"]`) : null;
    (same instanceof HTMLElement ? same : element).focus();
  }
}

/**
 * Does what a button is for. Meanwhile it cannot be pressed again, which takes the focus from it:
 * it has that again afterwards, unless the reader has gone on.
 *
 * @param {HTMLButtonElement} button
 * @param {() => Promise<void>} work
 */
export async function working(button, work) {
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try {
    await work();
  } finally {
    button.disabled = false;
    button.removeAttribute("aria-busy");
    if (document.activeElement === document.body) {
      button.focus();
    }
  }
}

/**
 * What went wrong, with a button that tries again where that may help.
 *
 * @param {unknown} error
 * @param {() => unknown} again
 */
export function failure(error, again) {
  const element = h("div", { class: "failure", role: "alert" });
  tell(error, again);

  /**
   * @param {unknown} trouble
   * @param {() => unknown} retry
   */
  function tell(trouble, retry) {
    const explained = explain(trouble);
    fill(
      element,
      h("p", {}, h("strong", {}, explained.title), ". ", explained.detail),
      explained.again && h("button", { type: "button", onclick: retry }, "Try again"),
      trouble instanceof SessionEnded &&
        h("button", { type: "button", class: "first", onclick: signInAgain }, "Sign in again"),
    );
  }

  async function signInAgain() {
    try {
      await signIn();
    } catch (trouble) {
      tell(trouble, signInAgain);
    }
  }
  return element;
}

/**
 * What stands where there is nothing: why, and what would change that.
 *
 * @param {string} title
 * @param {...Child} text
 */
export function empty(title, ...text) {
  return h("div", { class: "empty" }, h("p", {}, h("strong", {}, title)), h("p", {}, ...text));
}

/**
 * A name with what it stands for, in a list of such.
 *
 * @param {string} name
 * @param {...(Child | Child[])} value
 */
export function fact(name, ...value) {
  return h("div", {}, h("dt", {}, name), h("dd", {}, ...value));
}

/** @param {import("../contract.d.ts").LicenseStatus} status */
export function statusBadge(status) {
  return badge(status, named(status), STATUS_MEANINGS[status]);
}

/**
 * A word with a coloured mark; the word alone says it all.
 *
 * @param {string} kind
 * @param {string} word
 * @param {string} [meaning]
 */
export function badge(kind, word, meaning) {
  return h("span", { class: `badge badge-${kind}`, title: meaning }, word);
}

/**
 * When, as people say it; exactly, on a closer look.
 *
 * @param {string} at
 */
export function ago(at) {
  return h("time", { datetime: at, title: instant(at) }, fromNow(at));
}

/**
 * When exactly, and how far that is from now.
 *
 * @param {string} at
 */
export function exactly(at) {
  return h("time", { datetime: at }, `${instant(at)} (${fromNow(at)})`);
}

/**
 * How many days are left until then, in a word that fits the urgency.
 *
 * @param {string} at
 */
export function daysLeft(at) {
  if (!isToCome(at)) {
    return "ended";
  }
  const left = daysUntil(at);
  return left === 0 ? "ends within a day" : `${number(left)} ${left === 1 ? "day" : "days"} left`;
}

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
