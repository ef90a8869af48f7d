/* The model `gram` with a flat core that sees a memory of noisy drafts alone, as in gram_pyro/models/gram.py.
 *
 * A problem is `{length, tokens, pins}`; `tokens` has a number for each position, `pins` is as in fields.js. Positions
 * are the cells of a square, row by row.
 */

import { draw, levels, pin } from "./draft.js";
import { addLinear, rmsNorm, softmax } from "./tensors.js";

/** Return why the page cannot run such a network, "" if it can. */
export function unfit({ model }) {
  const runs = model.core === "flat" && !model.guidance && model.memory === "alone";
  return runs ? "" : "of the model gram the page runs drafts with a memory alone";
}

export class Gram {
  /** Take the configuration and the tensors of a checkpoint. */
  constructor({ model }, tensors) {
    const take = (name) => tensors[`model.${name}`].data;
    Object.assign(this, { width: model.width, heads: model.heads, hidden: model.hidden });
    Object.assign(this, { draft: model.draft, receiver: model.receiver, passes: model.refinements });
    this.initial = take("initial_high");
    this.embedding = take("embedding.weight");
    this.times = model.draft_times;
    this.draftEmbedding = take("draft_embedding.weight");
    this.decoder = take("decoder.weight");
    this.decoderBias = take("decoder.bias");
    this.values = this.decoderBias.length;
    this.blocks = Array.from({ length: model.layers }, (_, layer) => {
      const part = (name) => take(`high_network.blocks.${layer}.${name}.weight`);
      const [projectIn, projectOut] = [part("attention.project_in"), part("attention.project_out")];
      return { projectIn, projectOut, gated: part("feed_forward.project_in"), down: part("feed_forward.project_out") };
    });
  }

  /** Start one prior trajectory of `total` steps. */
  start(problem, total, noise) {
    return new Trajectory(this, problem, total, noise);
  }
}

class Trajectory {
  constructor(network, { length, tokens, pins }, total, noise) {
    const { width, values } = network;
    Object.assign(this, { network, length, pins, total, noise, values, step: 0 });
    this.embedded = new Float64Array(length * width);
    tokens.forEach((token, position) => {
      for (let i = 0; i < width; i++)
        this.embedded[position * width + i] = Math.sqrt(width) * network.embedding[token * width + i];
    });
    this.angles = anglesOf(length, width / network.heads);
    this.memory = new Float64Array(length * values);
    this.logits = this.propose();
  }

  /** Return the probability of each value at each position. */
  get beliefs() {
    return softmax(this.logits, this.length, this.values);
  }

  /** Draw a draft, add it to the memory, and look at that. */
  advance() {
    const { network, memory, pins, values } = this;
    const [a, b] = levels(network.draft, this.step++, this.total, network.times);
    const draft = pin(draw(pin(this.beliefs, pins, values), values, [a, b], network.receiver, this.noise), pins, values);
    draft.forEach((each, i) => (memory[i] += (a / b ** 2) * each));
    this.logits = this.propose();
  }

  /** Return the logits after the network saw the memory. */
  propose() {
    const { network, length, memory, values, pins } = this;
    const { width } = network;
    const here = Float64Array.from(this.embedded);
    const seen = pin(softmax(memory, length, values), pins, values);
    addLinear(seen, length, values, network.draftEmbedding, null, width, here);
    const x = new Float64Array(length * width);
    for (let position = 0; position < length; position++) x.set(network.initial, position * width);
    for (let pass = 0; pass < network.passes; pass++) {
      here.forEach((each, i) => (x[i] += each));
      for (const block of network.blocks) this.refine(block, x);
    }
    const logits = Float64Array.from(memory);
    rmsNorm(x, length, width, 1, x);
    addLinear(x, length, width, network.decoder, network.decoderBias, values, logits);
    return logits;
  }

  /** Run one block in place: attention, then a gated feed-forward layer. */
  refine({ projectIn, projectOut, gated, down }, x) {
    const { network, length } = this;
    const { width, hidden } = network;
    const rows = linear(x, length, width, projectIn, 3 * width);
    this.rotate(rows);
    addLinear(this.attend(rows), length, width, projectOut, null, width, x);
    rmsNorm(x, length, width, 1, x);
    const both = linear(x, length, width, gated, 2 * hidden);
    const open = Float64Array.from({ length: length * hidden }, (_, i) => {
      const at = 2 * hidden * Math.floor(i / hidden) + (i % hidden);
      return (both[at] / (1 + Math.exp(-both[at]))) * both[at + hidden];
    });
    addLinear(open, length, hidden, down, null, width, x);
    rmsNorm(x, length, width, 1, x);
  }

  /** Turn pairs of features of queries and keys by the angles of their position, in place. */
  rotate(rows) {
    const { network, length, angles } = this;
    const { width, heads } = network;
    const half = width / heads / 2;
    for (let position = 0; position < length; position++)
      for (let start = 0; start < 2 * width; start += 2 * half)
        for (let i = 0; i < half; i++) {
          const at = position * 3 * width + start + i;
          const [left, right, angle] = [rows[at], rows[at + half], angles[position * half + i]];
          rows[at] = left * Math.cos(angle) - right * Math.sin(angle);
          rows[at + half] = right * Math.cos(angle) + left * Math.sin(angle);
        }
  }

  /** Return what each position reads of all, from queries, keys and values in one row. */
  attend(rows) {
    const { network, length } = this;
    const { width, heads } = network;
    const part = width / heads;
    const mixed = new Float64Array(length * width);
    for (let head = 0; head < heads; head++) {
      const at = (position, kind) => position * 3 * width + kind * width + head * part;
      const scores = new Float64Array(length * length);
      for (let i = 0; i < length; i++)
        for (let j = 0; j < length; j++) {
          let sum = 0;
          for (let k = 0; k < part; k++) sum += rows[at(i, 0) + k] * rows[at(j, 1) + k];
          scores[i * length + j] = sum / Math.sqrt(part);
        }
      const weights = softmax(scores, length, length);
      for (let i = 0; i < length; i++)
        for (let j = 0; j < length; j++)
          for (let k = 0; k < part; k++)
            mixed[i * width + head * part + k] += weights[i * length + j] * rows[at(j, 2) + k];
    }
    return mixed;
  }
}

/** Return rotary angles `(length, width / 2)`: half of the features turn by the row, half by the column. */
function anglesOf(length, width) {
  const side = Math.round(Math.sqrt(length));
  const byColumn = Math.floor(width / 4), byRow = width / 2 - byColumn;
  return Array.from({ length }, (_, position) => {
    const turn = (place, count) => Array.from({ length: count }, (_, i) => place * 10000 ** (-i / count));
    return [...turn(Math.floor(position / side), byRow), ...turn(position % side, byColumn)];
  }).flat();
}

/** Return `weight x` for each of `rows` vectors. */
function linear(input, rows, inputs, weight, outputs) {
  const output = new Float64Array(rows * outputs);
  addLinear(input, rows, inputs, weight, null, outputs, output);
  return output;
}
