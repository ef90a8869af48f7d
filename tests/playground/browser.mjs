/* The page in a real browser: `node browser.mjs URL CHROMIUM FOLDER` prints what it found as JSON.
 *
 * playwright-core is found as CommonJS modules are, so that NODE_PATH may name its place. Pictures go to FOLDER.
 */

import { createRequire } from "node:module";

const { chromium } = createRequire(import.meta.url)("playwright-core");
const [url, executablePath, folder] = process.argv.slice(2);
const found = { errors: [], notes: {} };
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
page.on("pageerror", (error) => found.errors.push(String(error)));
page.on("console", (message) => message.type() === "error" && found.errors.push(message.text()));
page.on("response", (response) => response.status() >= 400 && found.errors.push(`${response.status()} ${response.url()}`));

const ended = () => page.waitForSelector("body[data-state=done]", { timeout: 60000 });
const picture = (name) => page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
async function run() {
  await page.click("#run");
  await ended();
  const { answers, milliseconds } = await page.evaluate(() => ({ ...document.body.dataset }));
  return { answers: JSON.parse(answers), milliseconds: Number(milliseconds), status: await page.textContent("#status") };
}

// Petersen's graph at once, timed from the load, of two the shorter: other work may be going on. Then Wagner's.
found.petersen = { seconds: Infinity };
for (let load = 0; load < 2; load++) {
  const start = Date.now();
  await page.goto(url);
  await ended();
  found.petersen.seconds = Math.min(found.petersen.seconds, (Date.now() - start) / 1000);
}
found.petersen.answers = JSON.parse(await page.evaluate(() => document.body.dataset.answers));
found.petersen.edges = (await page.inputValue("#graph-text")).split("\n").map((line) => line.split(" ").map(Number));
await page.selectOption("#famous", "Wagner graph");
found.wagner = await run();
await page.waitForFunction(() => document.getElementById("time").value === "32");
await picture("graph-light");
await page.emulateMedia({ colorScheme: "dark" });
await picture("graph-dark");
await page.setViewportSize({ width: 375, height: 800 });
await picture("graph-phone");
await page.setViewportSize({ width: 1200, height: 900 });

// Back in time.
await page.locator("#time").fill("0");
found.first = await page.textContent("#step");

// A graph by hand: three vertices by the keyboard and the pointer, joined, one edge deleted.
await page.click("[data-does=clear]");
for (const [x, y] of [[0.3, 0.3], [0.7, 0.3], [0.5, 0.7]]) {
  const box = await page.locator("#editor").boundingBox();
  await page.mouse.click(box.x + x * box.width, box.y + y * box.height);
}
for (const pair of [["v0", "v1"], ["v1", "v2"]])
  for (const key of pair) {
    await page.locator(`[data-key=${key}]`).focus();
    await page.keyboard.press("Enter");
  }
found.drawn = await page.inputValue("#graph-text");
await page.locator("[data-key=e0]").focus();
await page.keyboard.press("Delete");
found.deleted = await page.inputValue("#graph-text");
await page.click("[data-does=undo]");
found.undone = await page.inputValue("#graph-text");
await page.click("[data-does=delete]"); // nothing is selected
const places = () => page.locator(".vertex circle").evaluateAll((all) => all.map((each) => Math.round(each.getAttribute("cx"))));
const before = await places();
const vertex = await page.locator("[data-key=v0] circle").boundingBox();
await page.mouse.move(vertex.x + vertex.width / 2, vertex.y + vertex.height / 2);
await page.mouse.down();
await page.mouse.move(vertex.x + 100, vertex.y, { steps: 4 });
await page.mouse.up();
await page.locator("[data-key=v1]").focus();
await page.keyboard.press("ArrowLeft");
found.moved = (await places()).map((place, i) => place - before[i]);

// What is no graph, or too large: a sentence, and nothing is lost.
const chain = Array.from({ length: 70 }, (_, i) => `${i} ${i + 1}`).join("\n");
for (const [name, text] of Object.entries({ none: "this is no graph at all", large: chain })) {
  await page.fill("#graph-text", text);
  await page.click("#graph-read");
  found.notes[name] = await page.textContent("#graph-note");
  found.kept = (found.kept ?? true) && (await page.inputValue("#graph-text")) === text && (await page.locator(".vertex").count()) === 3;
}
const dimacs = "p edge 3 2\ne 1 2\ne 2 3";
await page.fill("#graph-text", dimacs);
await page.click("#graph-read");
found.kept &&= (await page.inputValue("#graph-text")) === dimacs && (await page.locator(".edge").count()) === 2;
found.cleared = await page.textContent("#graph-note");
await page.click("[data-does=undo]");
await page.fill("#steps", "many");
await page.click("#run");
found.notes.steps = await page.textContent("#controls-note");

// A Sudoku in conflict, then the example.
await page.click("#tab-sudoku");
await page.locator("#grid input").nth(2).fill("5");
found.notes.sudoku = await page.textContent("#sudoku-note");
await page.click("#run");
found.notes.refused = await page.textContent("#controls-note");
await page.locator("#grid input").nth(2).fill("");
await page.fill("#samples", "2");
found.puzzle = await page.locator("#grid input").evaluateAll((inputs) => inputs.map((input) => Number(input.value)));
found.sudoku = await run();
await page.locator("#time").fill("20");
await picture("sudoku-dark");

await page.click("#tab-queens");
found.queens = await run();
await page.locator("#board button").nth(9).click();
found.notes.queens = await page.textContent("#queens-note");
await picture("queens-dark");

await page.click("#tab-digits");
for (const cell of [2, 3, 10, 11]) await page.locator("#pixels button").nth(cell).click();
found.digits = await run();
await page.waitForFunction(() => document.getElementById("time").value === "64");
await picture("digits-dark");

// Every tab on a phone.
await page.setViewportSize({ width: 375, height: 800 });
found.overflow = [];
for (const tab of await page.locator("[role=tab]").all()) {
  await tab.click();
  const beyond = () => Math.max(...[...document.querySelectorAll("body *")].map((each) => each.getBoundingClientRect().right)) - innerWidth;
  found.overflow.push(await page.evaluate(beyond));
}
await page.locator("#tab-digits").focus();
await page.keyboard.press("ArrowRight");
found.tab = await page.evaluate(() => document.activeElement.textContent);

await browser.close();
console.log(JSON.stringify(found));
