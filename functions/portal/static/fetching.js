// One request over the network, and nothing about what it is for. It comes to an end: who waits for
// it is told something.

const LIMIT_S = 20;

/** The service, or the way to it, is down: nothing is known to have been done. */
export class Unreachable extends Error {}

/** Nobody has answered within the limit: nothing is known to have been done. */
export class Overdue extends Unreachable {}

/** Something on the way answered in the service's place. */
export class NotTheService extends Unreachable {}

/**
 * The answer with its body as JSON, `{}` if it has none. Raises Unreachable, and what the signal does.
 *
 * @param {string} url
 * @param {RequestInit} [options]
 * @returns {Promise<{ response: Response, body: any }>}
 */
export async function fetchJson(url, options = {}) {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), LIMIT_S * 1000);
  const signals = options.signal ? [options.signal, limit.signal] : [limit.signal];
  try {
    const signal = AbortSignal.any(signals);
    const response = await fetch(url, { cache: "no-store", ...options, signal });
    return { response, body: parsed(await response.text(), response.ok) };
  } catch (error) {
    if (options.signal?.aborted || error instanceof Unreachable) {
      throw error;
    }
    throw limit.signal.aborted
      ? new Overdue(
          `Nothing has come for ${LIMIT_S} seconds. Check the connection, then try again.`,
          { cause: error },
        )
      : new Unreachable("The service cannot be reached. Check the connection, then try again.", {
          cause: error,
        });
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {string} text
 * @param {boolean} isGood whether the answer says that all went well
 */
function parsed(text, isGood) {
  try {
    return JSON.parse(text || "{}");
  } catch (error) {
    if (isGood) {
      throw new NotTheService(
        "Something on the way answered in its place: your network may want you to sign in. Open " +
          "another site in a new tab to see, then try again.",
        { cause: error },
      );
    }
    return {}; // a proxy's page, say: the status alone then tells what happened
  }
}
