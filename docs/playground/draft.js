/* Noisy looks at the answer, as in gram_pyro/models/draft.py, and the noise in them. */

const ACCURACY = 27.0;
const TIMES = [0.01, 0.99];

/** Return `[a, b]` of the prior `draft = a y_hat + b noise` at `step` (from 0) of `total`, between two times of cosine. */
export function levels(schedule, step, total, [first, last] = TIMES) {
  if (schedule === "constant") return [0, 1];
  if (schedule === "flow") {
    const look = Math.min(step + 1, total);
    const accuracy = (ACCURACY * (2 * look - 1)) / total ** 2;
    return [Math.sqrt(accuracy / (1 + accuracy)), 1 / Math.sqrt(1 + accuracy)];
  }
  const time = first + ((last - first) * Math.min(step, total - 1)) / Math.max(total - 1, 1);
  return [Math.sin((Math.PI / 2) * time), Math.cos((Math.PI / 2) * time)];
}

/** Draw a draft around `prediction` `(positions * values)`, by `noise`, which has `normal()` and `uniform()`. */
export function draw(prediction, values, [a, b], receiver, { normal, uniform }) {
  const middle = receiver === "mixture" ? names(prediction, values, uniform) : prediction;
  return Float64Array.from(middle, (each) => a * each + b * normal());
}

/** Draw a value for each position, one-hot. */
function names(prediction, values, uniform) {
  const chosen = new Float64Array(prediction.length);
  for (let start = 0; start < prediction.length; start += values) {
    let left = uniform();
    let value = 0;
    while (value < values - 1 && (left -= prediction[start + value]) >= 0) value++;
    chosen[start + value] = 1;
  }
  return chosen;
}

/** Make rows of `values` numbers one-hot where `pins` name a value (0 or more), in place. */
export function pin(rows, pins, values) {
  pins?.forEach((value, position) => {
    if (value >= 0) for (let v = 0; v < values; v++) rows[position * values + v] = v === value ? 1 : 0;
  });
  return rows;
}

/** Return a generator of numbers in [0, 1): mulberry32, the same numbers for the same seed. */
export function uniforms(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Return the noise of a seed: numbers in [0, 1), and standard normal ones (Box-Muller). */
export function noiseOf(seed) {
  const uniform = uniforms(seed);
  return { uniform, normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()) };
}
