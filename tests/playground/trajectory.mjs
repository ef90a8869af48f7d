/* Run one trajectory on fixed noise: a JSON object on standard input, the logits of every step on standard output. */

import { readFileSync } from "node:fs";

const { networkOf } = await import(`${process.argv[2]}/network.js`);

const { config, weights, problem, noise } = JSON.parse(readFileSync(0, "utf8"));
const network = networkOf("given", config, Uint8Array.from(readFileSync(weights)).buffer);
const numbers = noise.flat(Infinity).values();
const trajectory = network.start(problem, noise.length, { normal: () => numbers.next().value });
const logits = [[...trajectory.logits]];
for (const _ of noise) {
  trajectory.advance();
  logits.push([...trajectory.logits]);
}
console.log(JSON.stringify(logits));
