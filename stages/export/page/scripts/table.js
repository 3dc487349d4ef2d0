/** The table: its rows, its pages, its order. */

import { isAnswered, shownRows } from "./rows.js";

/** @typedef {import("./rows.js").Row} Row */

const ROWS_A_PAGE = 100;

export class Table {
  /**
   * @param {HTMLElement} section that holds the table and what goes with it
   * @param {() => void} changed called after the shown rows have changed
   */
  constructor(section, changed) {
    this.section = section;
    this.changed = changed;
    /** @type {Row[]} */
    this.rows = [];
    /** @type {Row[]} */
    this.shown = [];
    /** @type {Map<Row, HTMLTableRowElement>} */
    this.drawn = new Map();
    this.page = 0;
    /** @type {number | undefined} */
    this.frame = undefined;
    /** @type {{kind: string, search: string, by: string | null, descending: boolean}} */
    this.view = { kind: "every", search: "", by: null, descending: false };
    this.listen();
  }

  /** @param {Row} row */
  add(row) {
    this.rows.push(row);
    this.drawSoon();
  }

  clear() {
    this.rows = [];
    this.page = 0;
    this.draw();
  }

  /** @private */
  listen() {
    for (const button of this.section.querySelectorAll("th button")) {
      button.addEventListener("click", () => this.sortBy(columnOf(button)));
    }
    const [kind, search] = [this.control("kind"), this.control("search")];
    kind.addEventListener("change", () => this.show({ kind: kind.value }));
    search.addEventListener("input", () => this.show({ search: search.value }));
    this.control("previous").addEventListener("click", () => this.turn(-1));
    this.control("next").addEventListener("click", () => this.turn(1));
  }

  /**
   * @param {string} id
   * @returns {any}
   * @private
   */
  control(id) {
    return this.section.querySelector(`#${id}`);
  }

  /**
   * Sort by a column: upwards, then downwards, then in the order of the input.
   *
   * @param {string} column
   * @private
   */
  sortBy(column) {
    const { by, descending } = this.view;
    if (by !== column) this.show({ by: column, descending: false });
    else if (!descending) this.show({ descending: true });
    else this.show({ by: null, descending: false });
  }

  /**
   * @param {Partial<Table["view"]>} change
   * @private
   */
  show(change) {
    Object.assign(this.view, change);
    this.page = 0;
    this.draw();
  }

  /**
   * @param {number} step
   * @private
   */
  turn(step) {
    this.page += step;
    this.draw();
  }

  /**
   * Draw at the next frame, once for all rows that come until then.
   *
   * @private
   */
  drawSoon() {
    this.frame ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    if (this.frame !== undefined) cancelAnimationFrame(this.frame);
    this.frame = undefined;
    this.shown = shownRows(this.rows, this.view);
    const pages = Math.max(1, Math.ceil(this.shown.length / ROWS_A_PAGE));
    this.page = Math.min(this.page, pages - 1);
    const first = this.page * ROWS_A_PAGE;
    this.drawRows(this.shown.slice(first, first + ROWS_A_PAGE));
    this.drawOrder();
    this.drawPager(first, pages);
    this.changed();
  }

  /**
   * @param {Row[]} rows
   * @private
   */
  drawRows(rows) {
    const kept = new Map(rows.map((row) => [row, this.drawn.get(row) ?? drawnRow(row)]));
    for (const [row, element] of this.drawn) {
      if (!kept.has(row)) release(element);
    }
    this.drawn = kept;
    const body = /** @type {HTMLElement} */ (this.section.querySelector("tbody"));
    const wanted = [...kept.values()];
    const present = body.children;
    if (wanted.length !== present.length || wanted.some((row, at) => row !== present[at])) {
      body.replaceChildren(...wanted);
    }
  }

  /** @private */
  drawOrder() {
    const { by, descending } = this.view;
    for (const button of this.section.querySelectorAll("th button")) {
      const order = columnOf(button) !== by ? "none" : descending ? "descending" : "ascending";
      button.closest("th")?.setAttribute("aria-sort", order);
    }
  }

  /**
   * @param {number} first
   * @param {number} pages
   * @private
   */
  drawPager(first, pages) {
    const { length } = this.shown;
    const last = Math.min(first + ROWS_A_PAGE, length);
    const range = length === 0 ? "No rows to show" : `Rows ${count(first + 1)} to ${count(last)}`;
    this.control("range").textContent = length === 0 ? range : `${range} of ${count(length)}`;
    this.control("previous").disabled = this.page === 0;
    this.control("next").disabled = this.page === pages - 1;
    this.control("previous").hidden = this.control("next").hidden = pages === 1;
  }
}

/** @param {number} number */
export function count(number) {
  return number.toLocaleString("en");
}

/** @param {Element} button */
function columnOf(button) {
  return /** @type {HTMLElement} */ (button).dataset.column ?? "";
}

/** @param {Row} row */
function drawnRow(row) {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById("row"));
  const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
  const element = /** @type {HTMLTableRowElement} */ (copy.firstElementChild);
  const fill = (/** @type {string} */ column, /** @type {string} */ text) => {
    const cell = /** @type {HTMLElement} */ (element.querySelector(`[data-column=${column}]`));
    cell.textContent = text;
    return cell;
  };
  fill("name", row.name);
  fill("note", row.note);
  if (isAnswered(row)) {
    fill("p_all", probability(row.p_all)).style.setProperty("--share", `${row.p_all}`);
    fill("p_all_calibrated", probability(row.p_all_calibrated));
    for (const column of /** @type {const} */ (["call", "call_at_operating_point"])) {
      fill(column, row[column]?.toUpperCase() ?? "").dataset.call = row[column];
    }
    drawThumbnail(element, row);
  } else {
    element.classList.add("unread");
    fill("call", "not read");
  }
  return element;
}

/**
 * @param {Element} element
 * @param {Row} row
 */
function drawThumbnail(element, row) {
  const image = /** @type {HTMLImageElement} */ (element.querySelector("img"));
  image.src = URL.createObjectURL(/** @type {Blob} */ (row.thumbnail));
  image.hidden = false;
}

/** @param {Element} element */
function release(element) {
  const image = element.querySelector("img");
  if (image?.src) URL.revokeObjectURL(image.src);
}

/**
 * Three decimals; never 0 or 1 for what is only near it.
 *
 * @param {number | undefined} value
 */
function probability(value = NaN) {
  if (value > 0 && value < 0.0005) return "< 0.001";
  if (value < 1 && value >= 0.9995) return "> 0.999";
  return value.toFixed(3);
}
