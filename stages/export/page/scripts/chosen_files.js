/** Files that were chosen, dropped or pasted, with the names that the table shows. */

/**
 * @typedef {object} Chosen
 * @property {File} file
 * @property {string} name its path from the folder that was chosen
 */

/**
 * @typedef {object} Choice
 * @property {Chosen[]} files to be classified
 * @property {number} leftOut how many files of folders are no images by their names
 */

/** What is taken from a folder, by its name: as in stages/predict/image_sources.py. */
const IMAGE =
  /\.(bmp|dib|png|jpg|jpeg|jpe|jfif|tif|tiff|webp|gif|jp2|heic|heif|avif|ppm|pgm|tga|svs|dcm)$/i;

/** What is hidden, or what macOS and Windows add to folders: as in stages/dataset/archive.py. */
const CLUTTER = /\/(\.|__MACOSX\/|(thumbs\.db|desktop\.ini|icon\r)$)/i;

/**
 * Return the files of an input for files or for a folder. A file that is chosen itself is taken,
 * whatever its name.
 *
 * @param {HTMLInputElement} input
 * @returns {Choice}
 */
export function chosenFiles(input) {
  const files = Array.from(input.files ?? [], (file) => ({
    file,
    name: file.webkitRelativePath || file.name,
  }));
  return input.webkitdirectory ? imagesOfFolder(files) : { files, leftOut: 0 };
}

/**
 * Return the files that were dropped or pasted, and those in dropped folders.
 *
 * @param {DataTransfer} transfer
 * @returns {Promise<Choice>}
 */
export async function transferredFiles(transfer) {
  // All is asked for at once: the list is empty when the event is over.
  const items = Array.from(transfer.items, (item) => ({
    folder: item.webkitGetAsEntry?.()?.isDirectory ? readerOf(item) : null,
    file: item.getAsFile(),
  }));
  /** @type {Choice} */
  const all = { files: [], leftOut: 0 };
  for (const { folder, file } of items) {
    if (folder !== null) {
      const { files, leftOut } = imagesOfFolder(await folder());
      all.files.push(...files);
      all.leftOut += leftOut;
    } else if (file) all.files.push({ file, name: file.name });
  }
  return all;
}

/**
 * Sort the images of a folder by path, and count what else lies there.
 *
 * @param {Chosen[]} files
 * @returns {Choice}
 */
function imagesOfFolder(files) {
  const kept = files.filter(({ name }) => !CLUTTER.test(name.slice(name.indexOf("/"))));
  const images = kept.filter(({ name }) => IMAGE.test(name));
  images.sort((one, other) => (one.name < other.name ? -1 : 1));
  return { files: images, leftOut: kept.length - images.length };
}

/**
 * Return what reads a dropped folder. In a page from disk Chromium reads handles alone; Firefox and
 * Safari have entries.
 *
 * @param {any} item a DataTransferItem
 * @returns {() => Promise<Chosen[]>}
 */
function readerOf(item) {
  const entry = item.webkitGetAsEntry();
  const handle = item.getAsFileSystemHandle?.();
  return async () => (handle ? belowHandle(await handle) : belowEntry(entry));
}

/**
 * @param {any} folder a FileSystemDirectoryHandle
 * @param {string} [path] of the folder
 * @returns {Promise<Chosen[]>}
 */
async function belowHandle(folder, path = folder.name) {
  const found = [];
  for await (const [name, inside] of folder.entries()) {
    const below = `${path}/${name}`;
    if (inside.kind === "directory") found.push(...(await belowHandle(inside, below)));
    else found.push({ file: await inside.getFile(), name: below });
  }
  return found;
}

/**
 * @param {any} folder a FileSystemDirectoryEntry
 * @returns {Promise<Chosen[]>}
 */
async function belowEntry(folder) {
  const found = [];
  for (const entry of await entriesOf(folder)) {
    if (entry.isDirectory) found.push(...(await belowEntry(entry)));
    else found.push({ file: await fileOf(entry), name: entry.fullPath.slice(1) });
  }
  return found;
}

/**
 * @param {any} folder a FileSystemDirectoryEntry
 * @returns {Promise<any[]>}
 */
async function entriesOf(folder) {
  const reader = folder.createReader();
  const all = [];
  for (;;) {
    // It gives at most a hundred at a time.
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all;
    all.push(...some);
  }
}

/**
 * @param {any} entry a FileSystemFileEntry
 * @returns {Promise<File>}
 */
function fileOf(entry) {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}
