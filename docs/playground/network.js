/* From a checkpoint to a network. */

import * as fields from "./fields.js";
import * as gram from "./gram.js";
import { readTensors } from "./tensors.js";

const MODELS = {
  fields: { unfit: fields.unfit, Network: fields.Fields },
  gram: { unfit: gram.unfit, Network: gram.Gram },
};

/** Return a network that can `start` trajectories. Throws an Error of one sentence if the page cannot run it. */
export function networkOf(name, config, weights) {
  const model = MODELS[config.model_name];
  const reason = model ? model.unfit(config) : `its model is ${config.model_name}`;
  if (reason) throw new Error(`The page cannot run the checkpoint ${name}: ${reason}.`);
  return new model.Network(config, readTensors(weights));
}
