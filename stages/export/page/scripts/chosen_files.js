/** Files that were chosen, dropped or pasted, with the names that the table shows. */

/**
 * @typedef {object} Chosen
 * @property {File} file
 * @property {string} name its path from the folder that was chosen
 */

/** What is hidden, or what macOS and Windows add to folders: as in stages/dataset/archive.py. */
const CLUTTER = /\/(\.|__MACOSX\/|(thumbs\.db|desktop\.ini|icon\r)$)/i;

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
  return input.webkitdirectory ? inFolder(files) : files;
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
    if (entry?.isDirectory) found.push(...inFolder(await filesBelow(entry)));
    else if (file) found.push({ file, name: file.name });
  }
  return found;
}

/**
 * Sort the files of a folder by path, without clutter.
 *
 * @param {Chosen[]} files
 */
function inFolder(files) {
  const kept = files.filter(({ name }) => !CLUTTER.test(name.slice(name.indexOf("/"))));
  return kept.sort((one, other) => (one.name < other.name ? -1 : 1));
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
