/** The page's end of the worker: one task at a time. */

/** A worker that died, or an error that is not the image's. */
export class EngineError extends Error {}

/** An error of one file; its message is one line. */
export class FileError extends Error {}

export class Engine {
  /**
   * @param {string} source of the worker
   * @param {object} parts what the worker loads: packed runtime and model, and the metadata's input
   */
  constructor(source, parts) {
    this.url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    this.parts = parts;
  }

  /** Start a worker and load the model, in place of one that runs. */
  async start() {
    this.worker?.terminate();
    this.worker = new Worker(this.url);
    await this.ask("load", this.parts);
  }

  /**
   * @param {File} file
   * @param {number | null} micronsPerPixel
   * @returns {Promise<any>}
   */
  classify(file, micronsPerPixel) {
    return this.ask("classify", { file, micronsPerPixel });
  }

  /**
   * @param {string} task
   * @param {object} message
   * @returns {Promise<any>}
   * @private
   */
  ask(task, message) {
    const worker = /** @type {Worker} */ (this.worker);
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => {
        if (data.ok) resolve(data);
        else reject(new (data.expected ? FileError : EngineError)(data.message));
      };
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new EngineError(event.message || "the browser starts no worker"));
      };
      worker.postMessage({ task, ...message });
    });
  }
}
