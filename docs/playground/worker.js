/* Run trajectories beside the page: a share of them in each worker, all of them one step after the other. */

import { noiseOf } from "./draft.js";
import { networkOf } from "./network.js";

const networks = new Map();
let current = 0;
let running = new Map();

async function load(name) {
  const folder = new URL(`weights/${name}/`, import.meta.url);
  const [config, weights] = await Promise.all(["config.json", "weights.safetensors"].map((file) => fetch(new URL(file, folder))));
  if (!config.ok || !weights.ok) throw new Error(`The weights of ${name} are not here.`);
  return networkOf(name, await config.json(), await weights.arrayBuffer());
}

/** Let messages come in. */
function pause() {
  return new Promise((done) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = done;
    port2.postMessage(null);
  });
}

async function run({ run: id, checkpoint, problem, samples, steps, seed }) {
  current = id;
  if (!networks.has(checkpoint)) networks.set(checkpoint, load(checkpoint));
  const network = await networks.get(checkpoint);
  if (current !== id) return;
  running = new Map(
    samples.map((sample) => [sample, network.start(problem, steps, noiseOf(997 * seed + sample))]),
  );
  const searches = network.draft === "constant";
  const tell = (sample, trajectory) => {
    const beliefs = Float32Array.from(trajectory.beliefs);
    postMessage({ run: id, sample, step: trajectory.step, beliefs, searches }, [beliefs.buffer]);
  };
  running.forEach((trajectory, sample) => tell(sample, trajectory));
  for (let step = 0; step < steps; step++) {
    for (const [sample, trajectory] of running) {
      trajectory.advance();
      tell(sample, trajectory);
      await pause();
      if (current !== id) return;
    }
  }
}

onmessage = ({ data }) => {
  if (data.halt !== undefined) {
    if (data.run === current) running.delete(data.halt);
  } else if (data.stop) current = data.run;
  else
    run(data).catch((error) => {
      networks.delete(data.checkpoint);
      postMessage({ run: data.run, error: error.message });
    });
};
