// What went wrong, in words that say what to do.

import { Problem, Uncertain } from "./api.js";
import { NotTheService, Overdue, Unreachable } from "./fetching.js";
import { SessionEnded, SignInFailed } from "./session.js";

/** Said where two people change the same thing. */
export const MEANWHILE = "Somebody else has changed it meanwhile";

/** Somebody else was faster; the message says what is there now. */
export class Overtaken extends Error {}

/** @typedef {{ title: string, detail: string, again: boolean }} Explanation */

/** @type {Partial<Record<import("./vocabulary.js").ProblemCode, [title: string, detail: string]>>} */
const BY_CODE = {
  forbidden: [
    "You may not do this",
    "Your account lacks the role for it. Ask whoever manages users.",
  ],
  not_found: [
    "There is no such thing",
    "It does not exist, or it belongs to another organization.",
  ],
  unavailable: [
    "The service is busy",
    "Nothing was done, or doing it again is safe. Try again in a few seconds.",
  ],
};

/**
 * @param {unknown} error
 * @returns {Explanation}
 */
export function explain(error) {
  if (error instanceof SessionEnded) {
    return {
      title: "Your session has ended",
      detail: "Sign in again to go on. What you have typed is kept.",
      again: false,
    };
  }
  if (error instanceof Uncertain) {
    return { title: whatHappened(error.cause), detail: error.message, again: error.isRepeatable };
  }
  if (error instanceof Unreachable) {
    return { title: whatHappened(error), detail: error.message, again: true };
  }
  if (error instanceof SignInFailed) {
    return { title: "Signing in did not work", detail: error.message, again: true };
  }
  if (error instanceof Overtaken) {
    return { title: MEANWHILE, detail: error.message, again: false };
  }
  if (error instanceof Problem) {
    if (error.status === 429) {
      return { title: "Too many requests", detail: "Wait a moment, then try again.", again: true };
    }
    const known = BY_CODE[/** @type {import("./vocabulary.js").ProblemCode} */ (error.code)];
    const again = error.status >= 500;
    if (known) {
      return { title: known[0], detail: known[1], again };
    }
    return again
      ? { title: whatHappened(error), detail: "Try again in a while.", again }
      : { title: "That was refused", detail: error.message, again };
  }
  reportError(error); // a defect of this page: let the console tell where
  return {
    title: "This page has failed",
    detail: "It is the page's fault. Load it anew: what you have typed is kept.",
    again: true,
  };
}

/**
 * Why there is no good answer, whatever was asked for.
 *
 * @param {unknown} error
 */
function whatHappened(error) {
  if (error instanceof Overdue) {
    return "No answer";
  }
  if (error instanceof NotTheService) {
    return "This was not the service";
  }
  return error instanceof Unreachable ? "No connection" : "The service has failed";
}
