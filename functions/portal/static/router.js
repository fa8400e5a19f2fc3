// Where the reader is: a path and a query behind the `#`, and nothing else. A place can be kept as a
// bookmark, sent to a colleague, and come back to after signing in. It never reaches the service.

/** @typedef {{ path: string, query: URLSearchParams }} Place */

/** @returns {Place} */
export function here() {
  const [path = "", query = ""] = location.hash.slice(1).split("?", 2);
  return { path: path || "/", query: new URLSearchParams(query) };
}

/**
 * The address of a place, for a link. Parts of the path are encoded; empty values are left out.
 *
 * @param {string[]} parts
 * @param {Record<string, string | null | undefined>} [query]
 */
export function link(parts, query = {}) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value) {
      parameters.set(name, value);
    }
  }
  const path = parts.map((part) => `/${encodeURIComponent(part)}`).join("");
  return `#${path || "/"}${parameters.size ? `?${parameters}` : ""}`;
}

/** @type {() => void} */
let moved = () => {};

/**
 * Calls back whenever the place has changed, by a link, by the browser's buttons or by this module.
 *
 * @param {() => void} listener
 */
export function onMove(listener) {
  moved = listener;
  addEventListener("popstate", listener);
}

/**
 * Goes to a place. `kept` is remembered with this entry of the browser's history.
 *
 * @param {string} address
 * @param {{ replace?: boolean, kept?: unknown }} [options]
 */
export function go(address, { replace = false, kept = null } = {}) {
  if (replace) {
    history.replaceState(kept, "", address);
  } else {
    history.pushState(kept, "", address);
  }
  moved();
}

/**
 * Changes the query of the present place; an empty value takes a name out.
 *
 * @param {Record<string, string | null>} changes
 * @param {{ replace?: boolean, kept?: unknown }} [options]
 */
export function change(changes, options = {}) {
  const { path, query } = here();
  for (const [name, value] of Object.entries(changes)) {
    if (value) {
      query.set(name, value);
    } else {
      query.delete(name);
    }
  }
  go(`#${path}${query.size ? `?${query}` : ""}`, { kept: history.state, ...options });
}
