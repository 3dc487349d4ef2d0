/**
 * What an image file declares before the browser decodes it, and why it is refused.
 *
 * Browsers decode more than the model may see: 16 bits a channel become 8, CMYK becomes RGB, the
 * first frame stands for all, half a file for the whole. What stages/dataset/image_decoding.py
 * refuses is refused here in the same words.
 */

/** As in stages/dataset/image_decoding.py. */
export const MOST_PIXELS = 89_478_485;
export const MOST_BYTES = 400_000_000;

const REPLACE = "replace it with a sound copy, or leave it out";
const CONVERT = "save it with 8 bits a channel, as RGB or grey";
const SAVE = "save it as a BMP, PNG or JPEG image of 8 bits a channel";
const SAVE_OTHERWISE = "save it as PNG, or use predict, which reads it";

/** A file is no image that can be read; the message is one line. */
export class ImageError extends Error {
  /**
   * @param {string} kind what it is, as the end of a sentence that begins with "it is"
   * @param {string} remedy how to mend it, as an imperative
   */
  constructor(kind, remedy) {
    super(`it is ${kind}; ${remedy}`);
  }
}

/** @returns {ImageError} */
export function damaged() {
  return new ImageError("damaged or cut off", REPLACE);
}

/**
 * @typedef {object} Header
 * @property {string} type "image/bmp", "image/png" or "image/jpeg"
 * @property {number} width as stored, before it is turned upright
 * @property {number} height
 */

/**
 * Return what a file declares.
 *
 * @param {Uint8Array} bytes all of the file
 * @returns {Header}
 * @throws {ImageError} if it is none of the forms, cut off, too large, of several frames, or not of
 *   8 bits a channel in grey, RGB or a palette
 */
export function readHeader(bytes) {
  if (bytes.length === 0) refuse("empty", REPLACE);
  const read = READERS.find(([start, mark]) => text(bytes, start, mark.length) === mark);
  if (!read) return refuse("of no form that is read", SAVE);
  const header = declared(read[2], bytes);
  if (!(header.width > 0 && header.height > 0)) throw damaged();
  if (header.width * header.height > MOST_PIXELS) {
    const most = MOST_PIXELS.toLocaleString("en");
    refuse(`of more than ${most} pixels`, "cut the cells out of it");
  }
  return header;
}

/** @type {[number, string, (bytes: Uint8Array, view: DataView) => Header][]} */
const READERS = [
  [0, "BM", readBmp],
  [0, "\x89PNG\r\n\x1a\n", readPng],
  [0, "\xff\xd8\xff", readJpeg],
  [0, "II*\0", () => refuse("TIFF", SAVE_OTHERWISE)],
  [0, "MM\0*", () => refuse("TIFF", SAVE_OTHERWISE)],
  [8, "WEBP", () => refuse("WebP", SAVE_OTHERWISE)],
  [0, "PK\x03\x04", () => refuse("a zip archive", "unpack it, and choose the folder")],
];

/**
 * @param {(bytes: Uint8Array, view: DataView) => Header} reader
 * @param {Uint8Array} bytes
 */
function declared(reader, bytes) {
  try {
    return reader(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (error) {
    if (error instanceof RangeError) throw damaged(); // it ends before what it must declare
    throw error;
  }
}

/**
 * @param {Uint8Array} bytes
 * @param {number} start
 * @param {number} length
 */
function text(bytes, start, length) {
  return String.fromCharCode(...bytes.subarray(start, start + length));
}

/**
 * @param {Uint8Array} bytes
 * @param {DataView} view
 * @returns {Header}
 */
function readBmp(bytes, view) {
  const start = view.getUint32(10, true);
  const old = view.getUint32(14, true) === 12;
  const width = old ? view.getUint16(18, true) : view.getInt32(18, true);
  const height = Math.abs(old ? view.getUint16(20, true) : view.getInt32(22, true));
  const bits = view.getUint16(old ? 24 : 28, true);
  const packed = !old && [1, 2].includes(view.getUint32(30, true)); // run lengths
  const row = Math.ceil((width * bits) / 32) * 4;
  if (!packed && bytes.length < start + row * height) throw damaged();
  return { type: "image/bmp", width, height };
}

/**
 * @param {Uint8Array} bytes
 * @param {DataView} view
 * @returns {Header}
 */
function readPng(bytes, view) {
  const [width, height, bits] = [view.getUint32(16), view.getUint32(20), view.getUint8(24)];
  if (bits > 8) refuse(`PNG of ${bits} bits a channel`, CONVERT);
  for (let at = 8, kind = ""; kind !== "IEND"; at += 12 + view.getUint32(at)) {
    kind = text(bytes, at + 4, 4);
    if (kind === "acTL" && view.getUint32(at + 8) > 1)
      refuse("PNG of several frames", "save one image a file");
  }
  return { type: "image/png", width, height };
}

/**
 * @param {Uint8Array} bytes
 * @param {DataView} view
 * @returns {Header}
 */
function readJpeg(bytes, view) {
  for (let at = 2; ; at += 2 + view.getUint16(at + 2)) {
    while (view.getUint8(at) === 0xff && view.getUint8(at + 1) === 0xff) at += 1; // fill bytes
    const marker = view.getUint8(at + 1);
    if (view.getUint8(at) !== 0xff || marker === 0xd9 || marker === 0xda) throw damaged();
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      const channels = view.getUint8(at + 9);
      if (view.getUint8(at + 4) !== 8) throw damaged();
      if (channels === 4) refuse("JPEG (mode CMYK)", CONVERT);
      if (!hasEnd(bytes, at)) throw damaged();
      return { type: "image/jpeg", width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    }
  }
}

/**
 * Say whether an end of image stands after a place.
 *
 * @param {Uint8Array} bytes
 * @param {number} after
 */
function hasEnd(bytes, after) {
  for (let at = bytes.lastIndexOf(0xd9); at > after; at = bytes.lastIndexOf(0xd9, at - 1)) {
    if (bytes[at - 1] === 0xff) return true;
  }
  return false;
}

/**
 * @param {string} kind
 * @param {string} remedy
 * @returns {never}
 */
function refuse(kind, remedy) {
  throw new ImageError(kind, remedy);
}
