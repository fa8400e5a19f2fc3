// Two people change the same thing: what the first one saved is not lost to the second, nor what the
// second has typed.
//
// A change is sent with the version that was read. If that is not the present one any more, but is the
// same in what matters to the change, it is sent again for the present one; else both are shown.

import { Problem } from "./api.js";
import { h } from "./dom.js";
import { MEANWHILE } from "./errors.js";
import { table } from "./table.js";

const TRIES = 5;

/**
 * Saves a change that was made on what was read. What is there now instead, if that is something else
 * in a way that matters: then nothing is saved. Raises Problem when others keep coming first.
 *
 * @template {{ etag: string }} Found
 * @param {string} etag of what was read
 * @param {(etag: string) => Promise<unknown>} send
 * @param {() => Promise<Found>} read
 * @param {(found: Found) => boolean} isOther
 * @returns {Promise<Found | null>}
 */
export async function saveUnlessOvertaken(etag, send, read, isOther) {
  let version = etag;
  for (let left = TRIES - 1; ; left -= 1) {
    try {
      await send(version);
      return null;
    } catch (error) {
      if (!isOutdated(error) || left === 0) {
        throw error;
      }
    }
    const found = await read();
    if (isOther(found)) {
      return found;
    }
    version = found.etag;
  }
}

/**
 * Whether the service refused because there is another version.
 *
 * @param {unknown} error
 */
export function isOutdated(error) {
  return error instanceof Problem && error.status === 412;
}

/**
 * What somebody else has made of it and what the reader wants, field by field, and two ways on. The
 * first of them loses nothing of either.
 *
 * @param {{ name: string, before: string, theirs: string, mine: string | null }[]} fields that somebody else has changed; `mine` is null where the reader has not
 * @param {() => void} goOn
 * @param {() => void} keepTheirs
 */
export function overtaken(fields, goOn, keepTheirs) {
  const disputed = fields.filter(({ mine }) => mine !== null).map(({ name }) => name.toLowerCase());
  return h(
    "div",
    { class: "failure", role: "alert" },
    h(
      "p",
      {},
      h("strong", {}, MEANWHILE),
      ". Nothing of yours has been saved, and what you have typed is kept.",
    ),
    table({
      caption: "Changed by somebody else",
      rows: fields,
      columns: [
        { title: "What", cell: ({ name }) => name },
        { title: "Before", cell: ({ before }) => before },
        { title: "Now", cell: ({ theirs }) => theirs },
        { title: "Yours", cell: ({ mine }) => mine ?? "not changed" },
      ],
    }),
    h(
      "p",
      {},
      disputed.length
        ? `If you go on and save, yours takes the place of theirs: ${disputed.join(", ")}.`
        : "If you go on and save, that stays as it is now.",
    ),
    h(
      "p",
      { class: "buttons" },
      h("button", { type: "button", onclick: goOn }, "Go on editing"),
      h("button", { type: "button", onclick: keepTheirs }, "Keep theirs"),
    ),
  );
}

/** Said when the reader goes on: the focus is here, where no key saves anything. */
export function goingOn() {
  return h(
    "p",
    { class: "note", tabindex: -1 },
    "What somebody else has changed is in the form now. Look at it, then save.",
  );
}
