/** The page: takes files, asks the worker for each, and fills the table. */

import { chosenFiles, transferredFiles } from "./chosen_files.js";
import { Engine, FileError } from "./engine.js";
import { Progress } from "./progress.js";
import { answeredRow, csv, isAnswered } from "./rows.js";
import { Table, count } from "./table.js";

/** @typedef {import("./chosen_files.js").Chosen & {place: number}} Waiting */

/**
 * @param {string} id
 * @returns {any}
 */
function byId(id) {
  return document.getElementById(id);
}

const metadata = JSON.parse(byId("metadata").textContent);
const engine = new Engine(byId("worker").textContent, {
  wasm: byId("wasm").textContent,
  model: byId("model").textContent,
  input: metadata.input,
});
const table = new Table(byId("results"), showCounts);
const progress = new Progress(byId("progress"), byId("announcer"));

/** @type {Waiting[]} */
let waiting = [];
let taken = 0;
let leftOut = 0;
let running = false;
let stopped = false;
/** @type {Promise<void> | undefined} */
let loaded;

/** @param {import("./chosen_files.js").Choice} choice */
function take(choice) {
  leftOut += choice.leftOut;
  if (choice.files.length === 0) {
    progress.say("No image was found there: BMP, PNG and JPEG are read");
    return;
  }
  waiting.push(...choice.files.map((one) => ({ ...one, place: taken++ })));
  byId("results").hidden = false;
  progress.add(choice.files.length);
  if (!stopped) run();
}

/** @param {DataTransfer} transfer */
async function takeTransferred(transfer) {
  try {
    take(await transferredFiles(transfer));
  } catch (error) {
    const { message } = /** @type {Error} */ (error);
    progress.say(`What was dropped cannot be read (${message}): choose it with a button above`);
  }
}

async function run() {
  if (running) return;
  running = true;
  try {
    await load();
    await classifyWaiting();
    if (stopped) progress.pause();
    else progress.finish(summary());
  } catch (error) {
    progress.fail(
      `The model does not run in this browser: ${/** @type {Error} */ (error).message}`,
    );
  } finally {
    running = false;
    table.draw();
  }
}

async function classifyWaiting() {
  progress.start();
  while (!stopped) {
    const next = waiting.shift();
    if (next === undefined) return;
    table.add(await rowOf(next));
    progress.step();
  }
}

/** Load the model at the first file. */
function load() {
  if (loaded === undefined) {
    progress.say("Loading the model…");
    loaded = engine.start();
    loaded.catch(() => {
      loaded = undefined;
    });
  }
  return loaded;
}

/**
 * @param {Waiting} next
 * @returns {Promise<import("./rows.js").Row>}
 */
async function rowOf(next) {
  try {
    return answeredRow(next, await engine.classify(next.file, micronsPerPixel()), metadata);
  } catch (error) {
    const { message } = /** @type {Error} */ (error);
    const row = { place: next.place, name: next.name };
    if (error instanceof FileError) return { ...row, note: message };
    await engine.start(); // what has failed once may answer nothing more
    return { ...row, note: `the browser cannot take it in (${message}); cut the cells out of it` };
  }
}

/** @returns {number | null} */
function micronsPerPixel() {
  const value = byId("microns")?.valueAsNumber;
  return value > 0 ? value : null;
}

function summary() {
  const called = (/** @type {string} */ call) =>
    count(table.rows.filter((row) => row.call === call).length);
  const noted = table.rows.filter((row) => isAnswered(row) && row.note !== "").length;
  const unread = table.rows.filter((row) => !isAnswered(row)).length;
  return [
    `${called("all")} called ALL, ${called("hem")} called HEM`,
    ...(noted ? [`${count(noted)} with a note`] : []),
    ...(unread ? [`${count(unread)} could not be read`] : []),
    ...(leftOut ? [`${count(leftOut)} left out, for no images by their names`] : []),
  ].join("; ");
}

function showCounts() {
  const answered = table.shown.filter(isAnswered).length;
  byId("save").disabled = answered === 0;
  byId("save").textContent = `Save ${count(answered)} ${answered === 1 ? "row" : "rows"} as CSV`;
  byId("clear").disabled = running || table.rows.length === 0;
}

function save() {
  const link = document.createElement("a");
  const url = URL.createObjectURL(new Blob([csv(table.shown)], { type: "text/csv" }));
  link.href = url;
  link.download = metadata.data.synthetic ? "synthetic-predictions.csv" : "predictions.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function stopOrGoOn() {
  stopped = !stopped;
  if (!stopped) run();
}

function clear() {
  waiting = [];
  leftOut = 0;
  stopped = false;
  table.clear();
  progress.reset();
  byId("results").hidden = true;
  byId("files").focus();
}

for (const id of ["files", "folder"]) {
  byId(id).addEventListener("change", (/** @type {any} */ { target }) => {
    take(chosenFiles(target));
    target.value = ""; // else the same choice again is no change
  });
}
byId("stop").addEventListener("click", stopOrGoOn);
byId("save").addEventListener("click", save);
byId("clear").addEventListener("click", clear);

document.addEventListener("dragover", (event) => {
  event.preventDefault();
  byId("drop").classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) byId("drop").classList.remove("over");
});
document.addEventListener("drop", async (event) => {
  event.preventDefault();
  byId("drop").classList.remove("over");
  if (event.dataTransfer) await takeTransferred(event.dataTransfer);
});
document.addEventListener("paste", async ({ clipboardData }) => {
  if (clipboardData?.files.length) await takeTransferred(clipboardData);
});
