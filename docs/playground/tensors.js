/* Tensors of a safetensors file, and the few operations that the networks need. */

const EPSILON = 1e-6; // as in `rms_norm` of gram_pyro/models/layers.py

/** Return the tensors of a safetensors file by name, `{shape, data}` with `data` a Float64Array. */
export function readTensors(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: range }] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    if (dtype !== "F32") throw new Error(`${name} is stored as ${dtype}; the page reads F32`);
    const bytes = buffer.slice(8 + length + range[0], 8 + length + range[1]);
    tensors[name] = { shape, data: Float64Array.from(new Float32Array(bytes)) };
  }
  return tensors;
}

/**
 * Add `weight x + bias` to `output`, for each of `rows` vectors `x` of `inputs` numbers.
 * `weight` is `(outputs, inputs)`, and `outputs` a multiple of four.
 */
export function addLinear(input, rows, inputs, weight, bias, outputs, output) {
  for (let row = 0; row < rows; row += 2) {
    // Two rows and four outputs at once read each number less often; an odd last row is its own partner.
    const paired = row + 1 < rows;
    const first = row * inputs, second = paired ? first + inputs : first;
    for (let out = 0; out < outputs; out += 4) {
      const w0 = out * inputs, w1 = w0 + inputs, w2 = w1 + inputs, w3 = w2 + inputs;
      let a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
      for (let i = 0; i < inputs; i++) {
        const a = input[first + i], b = input[second + i];
        const p = weight[w0 + i], q = weight[w1 + i], r = weight[w2 + i], s = weight[w3 + i];
        a0 += a * p;
        a1 += a * q;
        a2 += a * r;
        a3 += a * s;
        b0 += b * p;
        b1 += b * q;
        b2 += b * r;
        b3 += b * s;
      }
      add(output, row * outputs + out, a0, a1, a2, a3, bias, out);
      if (paired) add(output, (row + 1) * outputs + out, b0, b1, b2, b3, bias, out);
    }
  }
}

/** Add four numbers, and those of `bias` at `from`, to `output` at `start`. */
function add(output, start, a, b, c, d, bias, from) {
  output[start] += bias ? a + bias[from] : a;
  output[start + 1] += bias ? b + bias[from + 1] : b;
  output[start + 2] += bias ? c + bias[from + 2] : c;
  output[start + 3] += bias ? d + bias[from + 3] : d;
}

/** Write `scale` times each of `rows` vectors of `width` numbers, at root mean square 1, to `output`. */
export function rmsNorm(input, rows, width, scale, output) {
  for (let start = 0; start < rows * width; start += width) {
    let squares = 0;
    for (let i = start; i < start + width; i++) squares += input[i] * input[i];
    const factor = scale / Math.sqrt(squares / width + EPSILON);
    for (let i = start; i < start + width; i++) output[i] = factor * input[i];
  }
}

/** Return the softmax over each of `rows` vectors of `width` numbers. */
export function softmax(input, rows, width) {
  const output = new Float64Array(rows * width);
  for (let start = 0; start < rows * width; start += width) {
    let most = -Infinity, total = 0;
    for (let i = start; i < start + width; i++) most = Math.max(most, input[i]);
    for (let i = start; i < start + width; i++) total += output[i] = Math.exp(input[i] - most);
    for (let i = start; i < start + width; i++) output[i] /= total;
  }
  return output;
}
