/** How far it is: a bar, a line of text, and now and then a word for screen readers. */

import { count } from "./table.js";

export class Progress {
  /**
   * @param {HTMLElement} section with the bar, the line and the button that stops
   * @param {HTMLElement} announcer a live region
   */
  constructor(section, announcer) {
    this.section = section;
    this.announcer = announcer;
    this.bar = /** @type {HTMLProgressElement} */ (section.querySelector("progress"));
    this.line = /** @type {HTMLElement} */ (section.querySelector("p"));
    this.stop = /** @type {HTMLButtonElement} */ (section.querySelector("button"));
    this.total = 0;
    this.done = 0;
    this.announced = 0;
    /** @type {{at: number, done: number} | null} when the first of this run was done */
    this.first = null;
  }

  reset() {
    this.total = this.done = this.announced = 0;
    this.first = null;
    this.section.hidden = true;
    this.section.dataset.state = "";
    this.announcer.textContent = "";
  }

  /** @param {number} files that were added */
  add(files) {
    this.total += files;
    if (this.section.dataset.state !== "stopped") this.change("working");
    this.show();
  }

  start() {
    this.first = null;
    this.change("working");
    this.show();
  }

  /** Count a file as done. */
  step() {
    this.done += 1;
    this.first ??= { at: performance.now(), done: this.done };
    this.show();
    if (this.done - this.announced >= this.total / 4) {
      this.announced = this.done;
      this.announcer.textContent = this.line.textContent;
    }
  }

  pause() {
    this.change("stopped");
    this.say(`Stopped: ${this.share()}`);
  }

  /** @param {string} summary */
  finish(summary) {
    if (document.activeElement === this.stop) this.line.focus();
    const pace = this.pace();
    this.change("finished");
    this.say(`${this.share()}${pace}: ${summary}`);
  }

  /** @param {string} message */
  fail(message) {
    this.change("failed");
    this.say(message);
  }

  /** @param {string} message one line, seen and heard */
  say(message) {
    this.section.hidden = false;
    this.line.textContent = this.announcer.textContent = message;
  }

  /**
   * @param {"working" | "stopped" | "finished" | "failed"} state
   * @private
   */
  change(state) {
    this.section.dataset.state = state;
    this.stop.hidden = !["working", "stopped"].includes(state);
    this.stop.textContent = state === "stopped" ? "Go on" : "Stop";
  }

  /** @private */
  show() {
    this.section.hidden = false;
    this.bar.max = Math.max(1, this.total);
    this.bar.value = this.done;
    this.line.textContent = `${this.share()}${this.pace()}`;
  }

  /** @private */
  share() {
    return `${count(this.done)} of ${count(this.total)} done`;
  }

  /** @private */
  pace() {
    if (this.first === null || this.done === this.first.done) return "";
    const spent = (performance.now() - this.first.at) / 1000;
    const each = spent / (this.done - this.first.done);
    const left = Math.ceil(each * (this.total - this.done));
    const about = left < 90 ? `${left} s` : `${Math.round(left / 60)} min`;
    return `, ${each.toFixed(2)} s a cell${left > 0 ? `, about ${about} left` : ""}`;
  }
}
