// How facts are told: people, keys, states, times, and that there is nothing.

import { h } from "./dom.js";
import { daysUntil, fromNow, instant, isToCome, named, number, STATUS_MEANINGS } from "./labels.js";

/** @typedef {import("./dom.js").Child} Child */

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
