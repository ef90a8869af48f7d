/* Run one trajectory on fixed noise: a JSON object on standard input, the logits of every step on standard output. */

import { readFileSync } from "node:fs";

const [page] = process.argv.slice(2);
const { Fields, Trajectory } = await import(`${page}/fields.js`);
const { readTensors } = await import(`${page}/tensors.js`);

const { config, weights, problem, noise } = JSON.parse(readFileSync(0, "utf8"));
const bytes = readFileSync(weights);
const tensors = readTensors(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
const numbers = noise.flat(Infinity).values();
const trajectory = new Trajectory(new Fields(config, tensors), problem, noise.length, () => numbers.next().value);
const logits = [[...trajectory.logits]];
for (const _ of noise) {
  trajectory.advance();
  logits.push([...trajectory.logits]);
}
console.log(JSON.stringify(logits));
