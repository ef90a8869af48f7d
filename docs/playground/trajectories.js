/* Trajectories side by side, at any step that they have reached. */

import { answersOf } from "./paint.js";

export class Trajectories {
  constructor(root) {
    this.root = root;
    this.frames = [];
  }

  /** Make place for the trajectories of a task. */
  reset(task, samples) {
    this.task = task;
    this.frames = Array.from({ length: samples }, () => []);
    this.figures = this.frames.map((_, sample) => {
      const figure = document.createElement("figure");
      const canvas = document.createElement("canvas");
      canvas.role = "img";
      figure.append(canvas, document.createElement("figcaption"));
      figure.dataset.sample = sample;
      return figure;
    });
    this.root.classList.toggle("many", samples > 12);
    this.root.replaceChildren(...this.figures);
  }

  /** Keep what a trajectory believes at a step; return whether its answer is right. */
  add({ sample, step, beliefs }) {
    const answer = answersOf(beliefs, this.task.values);
    const { conflicts } = this.task.judge(answer);
    this.frames[sample][step] = { beliefs, answer, conflicts };
    return conflicts === 0;
  }

  /** The last step that all have reached, where `ended` ones count as far as need be. */
  reached(ended, steps) {
    return Math.min(...this.frames.map((frames, sample) => (ended.has(sample) ? steps : frames.length - 1)));
  }

  /** The frames at a step, or the last before it. */
  at(step) {
    return this.frames.map((frames) => frames[Math.min(step, frames.length - 1)]);
  }

  /** Draw all as they stand at a step. */
  show(step) {
    const first = new Map();
    this.at(step).forEach((frame, sample) => {
      if (!frame) return;
      const [canvas, caption] = this.figures[sample].children;
      const size = canvas.clientWidth, scale = devicePixelRatio || 1;
      if (!size) return;
      canvas.width = canvas.height = Math.round(size * scale);
      const context = canvas.getContext("2d");
      context.scale(scale, scale);
      this.task.paint(context, size, frame);
      const right = frame.conflicts === 0;
      const key = this.task.key(frame.answer);
      const twin = right && first.get(key);
      if (right && !first.has(key)) first.set(key, sample + 1);
      const fine = this.task.free ? `no. ${sample + 1}` : `✓ ${twin ? `as no. ${twin}` : "valid"}`;
      const words = right ? fine : `${frame.conflicts} conflict${frame.conflicts > 1 ? "s" : ""}`;
      caption.textContent = words;
      this.figures[sample].classList.toggle("right", right);
      canvas.ariaLabel = `trajectory ${sample + 1}, ${this.task.noun}: ${frame.answer.map((value) => value + 1).join(" ")}; ${words}`;
    });
  }

  /** Say how many are right at a step. */
  summary(step) {
    const right = this.at(step).filter((frame) => frame?.conflicts === 0);
    const different = new Set(right.map((frame) => this.task.key(frame.answer))).size;
    const count = this.frames.length;
    if (!right.length) return `None of ${count} is valid: take more steps or trajectories. That proves nothing; there may be a solution.`;
    if (this.task.free) return `${count} drawn, ${different} of them different. Nothing was given, so nothing can be wrong.`;
    const kinds = different === 1 ? "all alike" : different === right.length ? "all different" : `${different} of them different`;
    return `${right.length} of ${count} ${right.length > 1 ? `are valid, ${kinds}` : "is valid"}.`;
  }
}
