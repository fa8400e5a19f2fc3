// What went wrong, and the way on from there.

import { fill, h } from "./dom.js";
import { explain } from "./errors.js";
import { SessionEnded, signIn } from "./session.js";

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
