// What organizations are called, as far as this page has been told: their ids are in the address, and
// their names come with whatever is read of them.

/** @type {Map<string, string>} */
const names = new Map();

/** @type {(id: string, name: string) => void} */
let learned = () => {};

/**
 * An organization's name, undefined until somebody has told it.
 *
 * @param {string} id
 */
export function organizationName(id) {
  return names.get(id);
}

/**
 * Takes note of what an organization is called now.
 *
 * @param {{ id: string, name: string }} organization
 */
export function learnName({ id, name }) {
  if (name && names.get(id) !== name) {
    names.set(id, name);
    learned(id, name);
  }
}

/**
 * Calls back whenever an organization turns out to be called otherwise than was known.
 *
 * @param {(id: string, name: string) => void} listener
 */
export function onName(listener) {
  learned = listener;
}
