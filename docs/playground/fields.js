/* The model `fields` with noisy drafts, as in gram_pyro/models/fields.py: prior trajectories alone.
 *
 * A problem is `{length, kinds, relations, pins}`: `kinds` has a number for each value, `relations` a list for each
 * relation with the relatives of each position, `pins` the given value of each position, -1 where free, or null.
 */

import { draw, levels, pin } from "./draft.js";
import { addLinear, rmsNorm, softmax } from "./tensors.js";

const SUM_SCALE = 0.25, SPREAD = 3.0;

/** Return why the page cannot run such a network, "" if it can. */
export function unfit({ model }) {
  if (model.guidance) return "it draws Gaussian guidance, and the page draws drafts alone";
  if ((model.draft ?? "none") === "none") return "it draws no drafts";
  return (model.memory ?? "none") === "none" ? "" : "it has a memory, which the page knows for digits alone";
}

export class Fields {
  /** Take the configuration and the tensors of a checkpoint. */
  constructor({ model }, tensors) {
    const take = (name) => tensors[`model.${name}`].data;
    Object.assign(this, { width: model.width, hidden: model.hidden, draft: model.draft, receiver: model.receiver });
    this.times = model.draft_times;
    this.passes = model.refinements * model.transitions;
    this.initial = take("initial_high");
    this.pinEmbedding = take("pin_embedding.weight");
    this.kindEmbedding = take("kind_embedding.weight");
    this.draftEmbedding = take("draft_embedding.weight");
    this.decoder = { weight: take("decoder.weight"), bias: take("decoder.bias")[0] };
    this.blocks = Array.from({ length: model.layers }, (_, layer) => {
      const part = (name) => take(`field_blocks.${layer}.${name}`);
      const relations = [];
      while (`model.field_blocks.${layer}.from_relatives.${relations.length}.weight` in tensors)
        relations.push(part(`from_relatives.${relations.length}.weight`));
      return {
        relations,
        fromAll: part("from_all.weight"),
        fromValues: part("from_values.weight"),
        up: part("up.weight"),
        upBias: part("up.bias"),
        down: part("down.weight"),
      };
    });
  }

  /** Start one prior trajectory of `total` steps. */
  start(problem, total, noise) {
    return new Trajectory(this, problem, total, noise);
  }

  /** Return the weights of a relation for sums over `count` positions, which are also read as means. */
  ofCount(block, relation, count) {
    const { width } = this;
    const both = block.relations[relation];
    const weight = new Float64Array(width * width);
    for (let out = 0; out < width; out++)
      for (let i = 0; i < width; i++)
        weight[out * width + i] = both[2 * out * width + i] / count + SUM_SCALE * both[(2 * out + 1) * width + i];
    return weight;
  }
}

/** Return the sets of positions that are summed over, each once, and who hears of the sum. */
function groupsOf(relations) {
  return relations.flatMap((relatives, relation) => {
    const groups = new Map();
    relatives.forEach((others, position) => {
      const members = [...new Set([position, ...others])].sort((a, b) => a - b);
      const key = members.join();
      if (!groups.has(key)) groups.set(key, { relation, members, listeners: [] });
      groups.get(key).listeners.push(position);
    });
    return [...groups.values()];
  });
}

class Trajectory {
  constructor(network, problem, total, noise) {
    const { width } = network;
    const { length, kinds, pins } = problem;
    const rows = length * kinds.length;
    Object.assign(this, { network, pins, total, noise, length, rows, values: kinds.length, step: 0 });
    this.groups = groupsOf(problem.relations);
    this.weights = network.blocks.map((block) => {
      const known = new Map();
      return this.groups.map(({ relation, members }) => {
        const key = `${relation} ${members.length}`;
        if (!known.has(key)) known.set(key, network.ofCount(block, relation, members.length));
        return known.get(key);
      });
    });
    this.embedded = new Float64Array(rows * width);
    for (let row = 0; row < rows; row++) {
      const [position, value] = [Math.floor(row / kinds.length), row % kinds.length];
      const given = pins && pins[position] >= 0 ? 1 + (pins[position] === value) : 0;
      for (let i = 0; i < width; i++)
        this.embedded[row * width + i] =
          network.pinEmbedding[given * width + i] + network.kindEmbedding[kinds[value] * width + i];
    }
    this.x = new Float64Array(rows * width);
    for (let row = 0; row < rows; row++) this.x.set(network.initial, row * width);
    this.sent = new Float64Array(rows * width);
    this.hidden = new Float64Array(rows * network.hidden);
    this.logits = this.decode();
  }

  /** Return the probability of each value at each position, as the decoder has it. */
  get beliefs() {
    return softmax(this.logits, this.length, this.values);
  }

  /** Draw a draft, and refine. */
  advance() {
    const { network, x, embedded, rows, values } = this;
    const { width } = network;
    const level = levels(network.draft, this.step++, this.total, network.times);
    const prediction = pin(this.beliefs, this.pins, values);
    const draft = pin(draw(prediction, values, level, network.receiver, this.noise), this.pins, values);
    for (let row = 0, i = 0; row < rows; row++)
      for (let j = 0; j < width; j++, i++) x[i] += embedded[i] + network.draftEmbedding[j] * draft[row];
    for (let pass = 0; pass < network.passes; pass++)
      network.blocks.forEach((block, layer) => this.refine(block, this.weights[layer]));
    rmsNorm(x, rows, width, 1, x);
    this.logits = this.decode();
  }

  /** Run one block: messages, then a feed-forward layer. */
  refine(block, weights) {
    const { network, x, sent, hidden, rows, length, values } = this;
    const { width } = network;
    rmsNorm(x, rows, width, SPREAD, sent);
    const everywhere = Array.from({ length }, (_, position) => position);
    this.spread(everywhere, everywhere, block.fromAll, 1 / length);
    this.spreadOverValues(block.fromValues);
    this.groups.forEach(({ members, listeners }, i) => this.spread(members, listeners, weights[i], 1));
    rmsNorm(x, rows, width, 1, sent);
    hidden.fill(0);
    addLinear(sent, rows, width, block.up, block.upBias, network.hidden, hidden);
    for (let i = 0; i < hidden.length; i++) hidden[i] = hidden[i] > 0 ? hidden[i] * hidden[i] : 0;
    addLinear(hidden, rows, network.hidden, block.down, null, width, x);
  }

  /** Tell `listeners` the sum over `members`, value by value, times `scale`. */
  spread(members, listeners, weight, scale) {
    const { x, sent, values } = this;
    const size = values * this.network.width;
    const sum = new Float64Array(size), received = new Float64Array(size);
    for (const member of members) for (let i = 0; i < size; i++) sum[i] += scale * sent[member * size + i];
    addLinear(sum, values, this.network.width, weight, null, this.network.width, received);
    for (const listener of listeners) for (let i = 0; i < size; i++) x[listener * size + i] += received[i];
  }

  /** Tell the values of each position their mean. */
  spreadOverValues(weight) {
    const { x, sent, length, values } = this;
    const { width } = this.network;
    const mean = new Float64Array(length * width), received = new Float64Array(length * width);
    for (let row = 0; row < this.rows; row++) {
      const at = Math.floor(row / values) * width;
      for (let i = 0; i < width; i++) mean[at + i] += sent[row * width + i] / values;
    }
    addLinear(mean, length, width, weight, null, width, received);
    for (let row = 0; row < this.rows; row++) {
      const at = Math.floor(row / values) * width;
      for (let i = 0; i < width; i++) x[row * width + i] += received[at + i];
    }
  }

  /** Return the logits of each position and value. */
  decode() {
    const { x, sent, rows, network } = this;
    const { weight, bias } = network.decoder;
    rmsNorm(x, rows, network.width, 1, sent);
    return Float64Array.from({ length: rows }, (_, row) =>
      weight.reduce((sum, each, i) => sum + each * sent[row * network.width + i], bias),
    );
  }
}
