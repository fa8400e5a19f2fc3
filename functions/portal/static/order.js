// The orders that the service gives its lists, for rows that were read in another one.
//
// As there: neither case nor how an accent is composed matters; what is alike is told apart by its
// id; what lacks the value comes last, whichever way round.

/**
 * To order texts by.
 *
 * @param {string | null} text
 */
export function byText(text) {
  return text === null ? null : codePoints(folded(text));
}

/**
 * To order agent versions by: the numbers in them count as numbers, so that 4.10 comes after 4.9.
 *
 * @param {string | null} version
 */
export function byVersion(version) {
  if (version === null) {
    return null;
  }
  return codePoints(folded(version).replace(/[0-9]+/g, (digits) => digits.padStart(32, "0")));
}

/**
 * @template {{ id: string }} Row
 * @param {Row[]} rows
 * @param {(row: Row) => string | null} by
 * @param {boolean} isDescending
 */
export function ordered(rows, by, isDescending) {
  const way = isDescending ? -1 : 1;
  return rows
    .map((row) => ({ row, value: by(row) }))
    .sort((one, other) => {
      if (one.value === null || other.value === null) {
        const lacking = Number(one.value === null) - Number(other.value === null);
        return lacking || way * compared(one.row.id, other.row.id);
      }
      return way * (compared(one.value, other.value) || compared(one.row.id, other.row.id));
    })
    .map(({ row }) => row);
}

/**
 * @param {string} one
 * @param {string} other
 */
function compared(one, other) {
  return Number(one > other) - Number(one < other);
}

/**
 * A text without what people do not tell apart. There is no case folding here, but this comes to the
 * same: letters that are one in capitals become one, the dotless i is none of them, and no letter looks
 * at its neighbours.
 *
 * @param {string} text
 */
function folded(text) {
  const letters = [...text.normalize("NFD")].map((letter) =>
    letter === "ı" ? letter : letter.toLowerCase().toUpperCase().toLowerCase(),
  );
  return letters.join("").normalize("NFC");
}

/**
 * A text that is compared by its characters: as it is, halves of some come before other whole ones.
 *
 * @param {string} text
 */
function codePoints(text) {
  const points = [...text].map((letter) => letter.codePointAt(0) ?? 0);
  return points.map((point) => point.toString(16).padStart(6, "0")).join("");
}
