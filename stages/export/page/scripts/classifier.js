/** The model in ONNX Runtime Web: pixels in, answers out. */

import { ImageError } from "./image_header.js";

/**
 * @typedef {object} Answer
 * @property {number} pAll
 * @property {number} pAllCalibrated
 * @property {boolean[]} notes which of the metadata's notes hold
 */

export class Classifier {
  /**
   * @param {any} runtime ONNX Runtime Web
   * @param {any} session
   * @param {any} input of the metadata: what the model expects of an image
   */
  constructor(runtime, session, input) {
    this.runtime = runtime;
    this.session = session;
    this.input = input;
  }

  /**
   * Load the model, on one thread: more need headers of a server.
   *
   * @param {any} runtime ONNX Runtime Web
   * @param {{wasm: Uint8Array, model: Uint8Array, input: object}} parts
   */
  static async load(runtime, { wasm, model, input }) {
    runtime.env.wasm.numThreads = 1;
    runtime.env.wasm.wasmBinary = wasm.buffer;
    runtime.env.logLevel = "error";
    const session = await runtime.InferenceSession.create(model, { executionProviders: ["wasm"] });
    return new Classifier(runtime, session, input);
  }

  /**
   * @param {import("./pixels.js").Decoded} image
   * @param {number | null} micronsPerPixel of this image
   * @returns {Promise<Answer>}
   */
  async classify({ pixels, width, height }, micronsPerPixel) {
    requireFit(this.input, width, height);
    const { Tensor } = this.runtime;
    /** @type {Record<string, any>} */
    const feeds = { image: new Tensor("uint8", pixels, [1, height, width, 3]) };
    if (this.session.inputNames.includes("microns_per_pixel")) {
      if (micronsPerPixel === null) {
        throw new ImageError("of unknown scale", "fill in the microns a pixel above");
      }
      feeds.microns_per_pixel = new Tensor("float64", [micronsPerPixel], [1]);
    }
    const given = await this.session.run(feeds);
    return {
      pAll: given.p_all.data[0],
      pAllCalibrated: given.p_all_calibrated.data[0],
      notes: Array.from(given.notes.data, Boolean),
    };
  }
}

/**
 * @param {{fit: string, crop_size: number | null}} input
 * @param {number} width
 * @param {number} height
 */
function requireFit({ fit, crop_size: crop }, width, height) {
  if (fit !== "exact") return;
  if (width !== height) {
    throw new ImageError(
      `${width}×${height}, expected a square where \`preprocess.fit\` is exact`,
      "cut it to a square",
    );
  }
  if (width < (crop ?? 0)) {
    throw new ImageError(
      `${width}×${height}, and \`preprocess.crop_size\` is ${crop}`,
      "expected an image no smaller than that, in the scale of the training images",
    );
  }
}
