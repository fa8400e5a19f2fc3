// What is found again by who comes back to a list: what it was narrowed to, which this page keeps in
// memory alone; how far down they were and what they left by, which the history's entry keeps.

import { here } from "./router.js";

const STILL_MS = 200;

/** @type {Map<string, URLSearchParams>} */
const narrowed = new Map();

/**
 * Keeps what the list at the present place is narrowed to and ordered by.
 *
 * @param {URLSearchParams} query
 */
export function remember(query) {
  const kept = new URLSearchParams(query);
  kept.delete("cursor");
  kept.delete("page");
  narrowed.set(here().path, kept);
}

/**
 * What the list at a place was narrowed to when the reader was last there.
 *
 * @param {string[]} parts of the path
 * @returns {Record<string, string>}
 */
export function remembered(parts) {
  const path = parts.map((part) => `/${encodeURIComponent(part)}`).join("");
  return Object.fromEntries(narrowed.get(path) ?? []);
}

/**
 * Has the entries of the history keep where in a list the reader is, while the list is shown.
 *
 * What stands around the list may come after its rows. Its room is kept free until then, so that the
 * rows stay where they are.
 *
 * @param {HTMLElement} list
 * @param {HTMLElement} [above] a part of the page that stands above the list
 */
export function wayBack(list, above) {
  let isArriving = true;
  let timer = 0;
  addEventListener("scroll", scrolled, { passive: true });
  document.addEventListener("click", clicked, { capture: true });

  function scrolled() {
    clearTimeout(timer);
    timer = setTimeout(keep, STILL_MS);
  }

  /** @param {Event} event */
  function clicked(event) {
    const by = event.target instanceof Element ? event.target.closest("a[data-key]") : null;
    keep(by?.getAttribute("data-key"));
  }

  /** @param {string | null} [key] of what they leave by; while they stay where they came, it is what they left by */
  function keep(key) {
    const before = history.state?.left;
    const same = before?.y === scrollY ? before.key : null;
    if (!isArriving && list.isConnected) {
      const left = { y: scrollY, key: key ?? same, top: top() };
      history.replaceState({ ...history.state, left }, "");
    }
  }

  /** Where in the page the list begins. */
  function top() {
    return list.getBoundingClientRect().top + scrollY;
  }

  /** Once the rows are there: to where the reader was, if they have been here. */
  function arrived() {
    const left = history.state?.left;
    if (isArriving && left) {
      const link = left.key ? list.querySelector(`a[data-key="${CSS.escape(left.key)}"]`) : null;
      if (link instanceof HTMLElement && !list.contains(document.activeElement)) {
        link.focus({ preventScroll: true });
      }
      hold(left);
      scrollTo(0, left.y);
    }
    isArriving = false;
  }

  /** @param {{ y: number, top: number }} left */
  function hold(left) {
    const missing = left.top - top();
    if (above?.hasAttribute("aria-busy") && missing > 0) {
      above.style.minHeight = `${above.getBoundingClientRect().height + missing}px`;
      above.addEventListener("loaded", () => above.style.removeProperty("min-height"), {
        once: true,
      });
    }
    document.body.style.minHeight = `${left.y + innerHeight}px`;
  }

  function leave() {
    isArriving = true;
    clearTimeout(timer);
    document.body.style.removeProperty("min-height");
  }

  return {
    arrived,
    leave,
    stop() {
      leave();
      removeEventListener("scroll", scrolled);
      document.removeEventListener("click", clicked, { capture: true });
    },
  };
}
