/* The page: tabs, the controls that they share, and one run at a time. */

import * as digits from "./digits-scene.js";
import * as graphs from "./graph-scene.js";
import * as queens from "./queens-scene.js";
import { Runner } from "./runner.js";
import * as sudokus from "./sudoku-scene.js";
import { Timeline } from "./timeline.js";
import { Trajectories } from "./trajectories.js";

const SCENES = { graph: graphs, sudoku: sudokus, queens, digits };
const LIMITS = { samples: [1, 64], steps: [1, 512], seed: [0, 999999] };

const find = (id) => document.getElementById(id);
const status = find("status");
const trajectories = new Trajectories(find("trajectories"));
const runner = new Runner(take, fail);
const timeline = new Timeline(find("time"), find("play"), (step) => {
  trajectories.show(step);
  find("step").textContent = `step ${step} of ${find("time").max}`;
});
const scenes = {};
let name = "", ended = new Set(), steps = 0, running = false, begun = 0;

/** Read a number of the controls; throws an Error of one sentence. */
function numberOf(id) {
  const [least, most] = LIMITS[id];
  const value = Number(find(id).value);
  if (find(id).value.trim() && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`${find(id).labels[0].firstChild.textContent.trim()}: a whole number from ${least} to ${most}.`);
}

function run() {
  try {
    const task = scenes[name].task();
    const samples = numberOf("samples");
    steps = numberOf("steps");
    const seed = numberOf("seed");
    find("controls-note").textContent = "";
    ended = new Set();
    begun = performance.now();
    trajectories.reset(task, samples);
    timeline.reset(steps);
    runner.start({ checkpoint: scenes[name].checkpoint(), problem: task.problem, samples, steps, seed });
    say("Thinking …", true);
  } catch (error) {
    find("controls-note").textContent = error.message;
  }
}

function say(sentence, busy) {
  running = busy;
  status.textContent = sentence;
  document.body.dataset.state = busy ? "running" : "done";
  find("run").textContent = busy ? "Stop" : "Run";
}

function take(frame) {
  const right = trajectories.add(frame);
  if (frame.step === steps) ended.add(frame.sample);
  else if (right && frame.searches) {
    ended.add(frame.sample); // such a network looks for one answer and is done when it stands
    runner.halt(frame.sample);
  }
  const reached = trajectories.reached(ended, steps);
  if (reached > timeline.frontier) timeline.allow(reached);
  if (running && reached === steps) {
    document.body.dataset.milliseconds = Math.round(performance.now() - begun);
    document.body.dataset.answers = JSON.stringify(trajectories.at(steps).map(({ answer }) => answer));
    say(trajectories.summary(steps), false);
  }
}

function fail(sentence) {
  runner.stop();
  timeline.pause();
  say(sentence, false);
  document.body.dataset.state = "failed";
}

function stop() {
  runner.stop();
  timeline.pause();
  say(`Stopped after ${timeline.frontier} steps.`, false);
}

/** Show a tab. */
function open(tab) {
  name = tab.getAttribute("aria-controls");
  for (const other of tabs) {
    other.ariaSelected = String(other === tab);
    other.tabIndex = other === tab ? 0 : -1;
    find(other.getAttribute("aria-controls")).hidden = other !== tab;
  }
  if (running) stop();
  find("steps").value = SCENES[name].steps;
  find("samples").value = SCENES[name].samples ?? 8;
  scenes[name] ??= SCENES[name].mount(find(name), changed);
  find("legend").textContent = SCENES[name].legend;
  find("trajectories").replaceChildren();
  trajectories.frames = [];
  timeline.clear();
  changed();
}

/** Say that what is shown belongs to another puzzle, which may want another number of steps. */
function changed(wanted) {
  if (wanted) find("steps").value = wanted;
  if (running) stop();
  else status.textContent = "Press Run.";
}

const tabs = [...document.querySelectorAll("[role=tab]")];
tabs.forEach((tab, i) => {
  tab.onclick = () => open(tab);
  tab.onkeydown = ({ key }) => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[key];
    if (!move) return;
    const next = tabs[(i + move + tabs.length) % tabs.length];
    open(next);
    next.focus();
  };
});
find("controls").onsubmit = (event) => {
  event.preventDefault();
  if (running) stop();
  else run();
};
const redraw = () => trajectories.frames.length && trajectories.show(Math.floor(timeline.place));
matchMedia("(prefers-color-scheme: dark)").onchange = redraw;
addEventListener("resize", redraw);
const wanted = tabs.find((tab) => location.hash === `#${tab.getAttribute("aria-controls")}`);
open(wanted ?? tabs[0]);
if (!wanted || wanted === tabs[0]) run();
