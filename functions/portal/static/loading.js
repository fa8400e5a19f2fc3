// Parts of a page that load, and buttons that work: every wait ends in what was asked for, or in what
// went wrong and a way on. Who waits keeps place and focus.

import { fill, h } from "./dom.js";
import { explain } from "./errors.js";
import { failure } from "./failure.js";

/** @typedef {import("./dom.js").Child} Child */

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
