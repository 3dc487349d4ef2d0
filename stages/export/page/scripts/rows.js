/** The rows of the table: their calls, their order, which are shown, and their CSV. */

/**
 * A row that was answered, or that could not be read.
 *
 * @typedef {object} Row
 * @property {number} place in the order of the input, from 0
 * @property {string} name path of the file as it was chosen
 * @property {number} [p_all]
 * @property {number} [p_all_calibrated]
 * @property {string} [call] at 0.5
 * @property {string} [call_at_operating_point]
 * @property {string} note texts of the notes that hold, or why the file could not be read
 * @property {Blob} [thumbnail]
 */

/**
 * @typedef {object} Metadata of the model
 * @property {string[]} class_names
 * @property {{name: string, value: number | null}[]} thresholds on p(ALL)
 * @property {{name: string, text: string}[]} notes
 */

/** The columns of `python -m stages.predict`. */
export const COLUMNS = /** @type {const} */ ([
  "name",
  "p_all",
  "p_all_calibrated",
  "call",
  "call_at_operating_point",
  "note",
]);

/** What the table can be narrowed to. @type {Record<string, (row: Row) => boolean>} */
export const KINDS = {
  every: () => true,
  all: (row) => row.call === "all",
  hem: (row) => row.call === "hem",
  all_at_operating_point: (row) => row.call_at_operating_point === "all",
  noted: (row) => isAnswered(row) && row.note !== "",
  unread: (row) => !isAnswered(row),
};

/** Of p(ALL), as in stages/predict: thresholds were chosen among values of these decimals. */
const DECIMALS = 8;

/** @param {number} value */
function rounded(value) {
  return Number(value.toFixed(DECIMALS));
}

/** @param {Row} row */
export function isAnswered(row) {
  return row.p_all !== undefined;
}

/**
 * @param {{place: number, name: string}} file
 * @param {import("./classifier.js").Answer & {thumbnail: Blob}} answer
 * @param {Metadata} metadata
 * @returns {Row}
 */
export function answeredRow({ place, name }, answer, metadata) {
  const [hem, all] = metadata.class_names;
  const pAll = rounded(answer.pAll);
  const called = (/** @type {string} */ threshold) => {
    const value = metadata.thresholds.find((one) => one.name === threshold)?.value ?? null;
    if (value === null) return "";
    return pAll >= value ? all : hem;
  };
  return {
    place,
    name,
    p_all: pAll,
    p_all_calibrated: rounded(answer.pAllCalibrated),
    call: called("default"),
    call_at_operating_point: called("operating_point"),
    note: metadata.notes
      .filter((_, at) => answer.notes[at])
      .map((note) => note.text)
      .join("; "),
    thumbnail: answer.thumbnail,
  };
}

/**
 * Return the rows that are shown, in order. Rows without a value come last, either way.
 *
 * @param {Row[]} rows
 * @param {{kind: string, search: string, by: string | null, descending: boolean}} view
 */
export function shownRows(rows, { kind, search, by, descending }) {
  const wanted = search.trim().toLowerCase();
  const shown = rows.filter((row) => KINDS[kind](row) && row.name.toLowerCase().includes(wanted));
  shown.sort((one, other) => one.place - other.place);
  return by === null ? shown : shown.sort(comparison(by, descending));
}

const NATURAL = new Intl.Collator("en", { numeric: true });

/**
 * @param {string} by a column
 * @param {boolean} descending
 * @returns {(one: any, other: any) => number}
 */
function comparison(by, descending) {
  return ({ [by]: one }, { [by]: other }) => {
    const missing = (/** @type {any} */ value) => value === undefined || value === "";
    if (missing(one) || missing(other)) return Number(missing(one)) - Number(missing(other));
    const order = typeof one === "number" ? one - other : NATURAL.compare(one, other);
    return descending ? -order : order;
  };
}

/**
 * Return answered rows as `python -m stages.predict` writes them.
 *
 * @param {Row[]} rows
 */
export function csv(rows) {
  const lines = rows.filter(isAnswered).map((row) => COLUMNS.map((name) => field(row[name])));
  return [COLUMNS, ...lines].map((fields) => `${fields.join(",")}\n`).join("");
}

/** @param {string | number | undefined} value */
function field(value) {
  const text = typeof value === "number" ? value.toFixed(DECIMALS) : String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
