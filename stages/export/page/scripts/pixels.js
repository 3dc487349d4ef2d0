/** From an image file to the pixels that the model sees, as Pillow decodes them. */

import { damaged, readHeader } from "./image_header.js";

const THUMBNAIL = 144; // twice as large as it is shown, for dense screens

/**
 * @typedef {object} Decoded
 * @property {Uint8Array} pixels RGB, row by row
 * @property {number} width
 * @property {number} height
 * @property {Blob} thumbnail
 */

/**
 * Decode a file: upright as its EXIF orientation says, without colour management, and on the
 * background where it is transparent.
 *
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {number[]} background red, green, blue
 * @returns {Promise<Decoded>}
 * @throws {ImageError}
 */
export async function decode(bytes, background) {
  const { type } = readHeader(bytes);
  const bitmap = await createImageBitmap(new Blob([bytes], { type }), {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  }).catch(() => {
    throw damaged();
  });
  try {
    const { width, height } = bitmap;
    const context = painted(bitmap, width, height, background);
    const pixels = withoutAlpha(context.getImageData(0, 0, width, height).data);
    return { pixels, width, height, thumbnail: await thumbnail(bitmap, background) };
  } finally {
    bitmap.close();
  }
}

/**
 * Raise an error where the browser gives other pixels than were painted, as some do against
 * fingerprinting: each answer would be a little wrong.
 */
export async function requireTruePixels() {
  const [width, height] = [64, 64];
  const image = new ImageData(width, height);
  image.data.forEach((_, at) => {
    image.data[at] = at % 4 === 3 ? 255 : (at * 37 + (at >> 8) * 101) % 256;
  });
  const bitmap = await createImageBitmap(image, { colorSpaceConversion: "none" });
  const seen = painted(bitmap, width, height, [0, 0, 0]).getImageData(0, 0, width, height).data;
  if (seen.some((value, at) => value !== image.data[at])) {
    throw new Error(
      "this browser changes the pixels of images that a page reads, against fingerprinting; " +
        "allow the page to read them, or use another browser",
    );
  }
}

/**
 * @param {ImageBitmap} bitmap
 * @param {number} width
 * @param {number} height
 * @param {number[]} background
 */
function painted(bitmap, width, height, background) {
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("this browser paints no image outside of a page");
  context.fillStyle = `rgb(${background.join(" ")})`;
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  return context;
}

/** @param {Uint8ClampedArray} rgba */
function withoutAlpha(rgba) {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    rgb[to] = rgba[from];
    rgb[to + 1] = rgba[from + 1];
    rgb[to + 2] = rgba[from + 2];
  }
  return rgb;
}

/**
 * @param {ImageBitmap} bitmap
 * @param {number[]} background
 */
function thumbnail(bitmap, background) {
  const factor = THUMBNAIL / Math.max(bitmap.width, bitmap.height);
  const [width, height] = [bitmap.width, bitmap.height].map((edge) =>
    Math.max(1, Math.round(factor * edge)),
  );
  return painted(bitmap, width, height, background).canvas.convertToBlob({ type: "image/jpeg" });
}
