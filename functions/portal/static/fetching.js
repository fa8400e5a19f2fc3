// One request over the network, and nothing about what it is for.

/** The service, or the way to it, is down: nothing is known to have been done. */
export class Unreachable extends Error {}

/**
 * The answer with its body as JSON, `{}` if it has none. Raises Unreachable, and what the signal does.
 *
 * @param {string} url
 * @param {RequestInit} [options]
 * @returns {Promise<{ response: Response, body: any }>}
 */
export async function fetchJson(url, options = {}) {
  try {
    const response = await fetch(url, { cache: "no-store", ...options });
    const text = await response.text();
    return { response, body: parsed(text) };
  } catch (error) {
    if (options.signal?.aborted) {
      throw error;
    }
    throw new Unreachable("The service cannot be reached. Check the connection, then try again.", {
      cause: error,
    });
  }
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {}; // a proxy's page, say: the status alone then tells what happened
  }
}
