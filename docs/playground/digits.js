/* Digits in patches of 2 x 2 pixels, as in gram_pyro/tasks/digits. No network and no page here. */

export const SIDE = 8;
export const UNKNOWN = 2;
const HALF = SIDE / 2, VALUES = 16;
const places = [...Array(HALF * HALF).keys()];

/** Return the four pixels of a patch, row by row. */
function pixelsOf(patch) {
  const corner = 2 * SIDE * Math.floor(patch / HALF) + 2 * (patch % HALF);
  return [corner, corner + 1, corner + SIDE, corner + SIDE + 1];
}

/** Return what the network reads of pixels `(64,)`: 0, 1 or UNKNOWN. Patches that are known in part stay free. */
export function problemOf(pixels) {
  const values = places.map((patch) => {
    const parts = pixelsOf(patch).map((pixel) => pixels[pixel]);
    return parts.includes(UNKNOWN) ? -1 : parts.reduce((value, bit) => 2 * value + bit, 0);
  });
  const tokens = values.map((value, patch) => (value < 0 ? patch : places.length + value));
  return { length: places.length, tokens, pins: values.some((value) => value >= 0) ? values : null };
}

/** Return how likely each pixel is black `(64,)`, by the beliefs `(16 * 16)` about patches. */
export function blackness(beliefs) {
  const pixels = Array(SIDE * SIDE).fill(0);
  for (const patch of places)
    for (let value = 0; value < VALUES; value++)
      pixelsOf(patch).forEach((pixel, i) => {
        if (value & (8 >> i)) pixels[pixel] += beliefs[patch * VALUES + value];
      });
  return pixels;
}

/** Return the known pixels that an answer `(16,)` changes. */
export function changed(pixels, answer) {
  return places.flatMap((patch) =>
    pixelsOf(patch).filter((pixel, i) => pixels[pixel] !== UNKNOWN && pixels[pixel] !== Number(!!(answer[patch] & (8 >> i)))),
  );
}
