/** Files that were chosen, dropped or pasted, with the names that the table shows. */

/**
 * @typedef {object} Chosen
 * @property {File} file
 * @property {string} name its path from the folder that was chosen
 */

/** Names of the files that are taken from a folder; a file that is chosen itself is always taken. */
const IMAGE = /\.(bmp|dib|png|jpe?g|tiff?|webp)$/i;

/**
 * Return the files of an input for files or for a folder.
 *
 * @param {HTMLInputElement} input
 * @returns {Chosen[]}
 */
export function chosenFiles(input) {
  const files = Array.from(input.files ?? [], (file) => ({
    file,
    name: file.webkitRelativePath || file.name,
  }));
  return input.webkitdirectory ? imagesOfFolder(files) : files;
}

/**
 * Return the files that were dropped or pasted, and those in dropped folders.
 *
 * @param {DataTransfer} transfer
 * @returns {Promise<Chosen[]>}
 */
export async function transferredFiles(transfer) {
  // Both lists are empty once the event is over.
  const items = Array.from(transfer.items, (item) => ({
    entry: item.webkitGetAsEntry?.(),
    file: item.getAsFile(),
  }));
  const found = [];
  for (const { entry, file } of items) {
    if (entry?.isDirectory) found.push(...imagesOfFolder(await filesBelow(entry)));
    else if (file) found.push({ file, name: file.name });
  }
  return found;
}

/** @param {Chosen[]} files */
function imagesOfFolder(files) {
  const visible = files.filter(({ name }) => IMAGE.test(name) && !/(^|\/)\./.test(name));
  return visible.sort((one, other) => (one.name < other.name ? -1 : 1));
}

/**
 * @param {any} folder a FileSystemDirectoryEntry
 * @returns {Promise<Chosen[]>}
 */
async function filesBelow(folder) {
  const found = [];
  for (const entry of await entriesOf(folder)) {
    if (entry.isDirectory) found.push(...(await filesBelow(entry)));
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
