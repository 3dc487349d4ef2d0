/** The worker: decodes and classifies one image after another, so that the page stays awake. */

import { Classifier } from "./classifier.js";
import { ImageError, MOST_BYTES } from "./image_header.js";
import { unpacked } from "./packed.js";
import { decode, requireTruePixels } from "./pixels.js";

/* global ort: ONNX Runtime Web stands before this script */

/** @type {Classifier} */
let classifier;
/** @type {number[]} */
let background;

/** @type {Record<string, (message: any) => Promise<object>>} */
const HANDLERS = {
  async load({ wasm, model, input }) {
    await requireTruePixels();
    background = input.background;
    const [program, weights] = await Promise.all([unpacked(wasm), unpacked(model)]);
    classifier = await Classifier.load(ort, { wasm: program, model: weights, input });
    return {};
  },

  async classify({ file, micronsPerPixel }) {
    const started = performance.now();
    const image = await decode(await bytesOf(file), background);
    const answer = await classifier.classify(image, micronsPerPixel);
    return { ...answer, thumbnail: image.thumbnail, milliseconds: performance.now() - started };
  },
};

/** @param {File} file */
async function bytesOf(file) {
  if (file.size > MOST_BYTES) {
    const most = MOST_BYTES.toLocaleString("en");
    throw new ImageError(`larger than ${most} bytes`, "cut the cells out of it");
  }
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch {
    throw new ImageError("gone, or may not be read", "choose it again");
  }
}

self.onmessage = async ({ data: { task, ...message } }) => {
  try {
    self.postMessage({ ok: true, ...(await HANDLERS[task](message)) });
  } catch (error) {
    const expected = error instanceof ImageError;
    const message = error instanceof Error ? error.message : String(error);
    self.postMessage({ ok: false, expected, message });
  }
};
