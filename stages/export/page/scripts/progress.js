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
    this.reset();
  }

  reset() {
    this.total = this.done = this.timed = this.announced = 0;
    this.section.hidden = true;
    this.section.dataset.state = "waiting";
    this.stop.textContent = "Stop";
    this.announcer.textContent = "";
  }

  /** @param {number} files that were added */
  add(files) {
    this.total += files;
    this.section.hidden = false;
    this.stop.hidden = false;
    this.section.dataset.state = "working";
    this.show();
  }

  /** Count a file as done. */
  step() {
    this.done += 1;
    const now = performance.now();
    this.milliseconds = (this.milliseconds ?? 0) + (this.last === undefined ? 0 : now - this.last);
    if (this.last !== undefined) this.timed += 1;
    this.last = now;
    this.show();
    if (this.done - this.announced >= this.total / 4) {
      this.announced = this.done;
      this.announcer.textContent = `${count(this.done)} of ${count(this.total)} done`;
    }
  }

  /** @private */
  show() {
    this.bar.max = Math.max(1, this.total);
    this.bar.value = this.done;
    this.line.textContent = `${count(this.done)} of ${count(this.total)} done${this.pace()}`;
  }

  /** @private */
  pace() {
    if (!this.timed || this.milliseconds === undefined) return "";
    const seconds = this.milliseconds / this.timed / 1000;
    const left = Math.ceil(seconds * (this.total - this.done));
    const about = left < 90 ? `${left} s` : `${Math.round(left / 60)} min`;
    return ` · ${seconds.toFixed(2)} s a cell${left > 0 ? ` · about ${about} left` : ""}`;
  }

  /** @param {boolean} stopped */
  showStopped(stopped) {
    this.stop.textContent = stopped ? "Go on" : "Stop";
    if (!stopped) this.section.dataset.state = "working";
    this.last = undefined;
  }

  /** Say that it has stopped. */
  pause() {
    this.section.dataset.state = "stopped";
    this.say(`Stopped: ${count(this.done)} of ${count(this.total)} done`);
  }

  /** @param {string} summary */
  finish(summary) {
    if (document.activeElement === this.stop) this.line.focus();
    this.stop.hidden = true;
    this.section.dataset.state = "finished";
    this.last = undefined;
    this.show();
    this.say(`${this.line.textContent}: ${summary}`);
  }

  /** @param {string} message */
  fail(message) {
    this.stop.hidden = true;
    this.section.dataset.state = "failed";
    this.say(message);
  }

  /** @param {string} message one line, seen and heard */
  say(message) {
    this.section.hidden = false;
    this.line.textContent = this.announcer.textContent = message;
  }
}
