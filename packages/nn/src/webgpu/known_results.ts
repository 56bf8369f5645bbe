import * as tf from "@tensorflow/tfjs-core";
import { multiHeadAttention } from "../ops/attention.js";
import { linear } from "../ops/linear.js";
import { attentionFormChoice } from "./attention_form.js";
import { deviceOf, workgroupBytes } from "./dispatch.js";
import { attentionUnitsInUse } from "./half_precision.js";
import { unitAttentionShapes } from "./matrix_unit_attention_shape.js";
import { withFormChooser } from "./product_choice.js";
import { likelyForm } from "./product_form.js";
import type { ShaderBackend } from "./shader.js";

/** What is wrong with work on the units, run once for small problems and once as for large ones; `undefined` when nothing is. */
async function errorOf(
  backend: ShaderBackend,
  run: (large: boolean) => Promise<boolean>,
): Promise<string | undefined> {
  const device = deviceOf(backend);
  device.pushErrorScope("validation");
  const runs = [run(false), run(true)];
  const invalid = await device.popErrorScope();
  const right = (await Promise.all(runs)).every(Boolean);
  if (invalid) return `its driver refuses the shader (${invalid.message.split("\n")[0]})`;
  return right ? undefined : "its matrix units gave wrong numbers for a known result";
}

/** What is wrong with products in the forms that they take where nothing was tuned; `undefined` when nothing is. */
export function errorOfProducts(backend: ShaderBackend): Promise<string | undefined> {
  return errorOf(backend, (large) => {
    const size = large ? 1e4 : 1;
    const likely = (problem: Parameters<typeof likelyForm>[1]) => ({ ...problem, m: size, n: size });
    return withFormChooser(
      (_, problem) => likelyForm(backend, likely(problem)),
      () => multipliesRight(70, async (x, w) => linear(x, w)),
    );
  });
}

/** Sizes that leave every edge of a tile ragged. */
const [rows, cols] = [150, 140];

/**
 * Whether a product of whole numbers is right: below 2^11 they are exact in half precision, their sums in single; up to a depth
 * of 36 these sums are below it, too.
 */
export async function multipliesRight(
  depth: number,
  multiply: (x: tf.Tensor, w: tf.Tensor) => Promise<tf.Tensor>,
): Promise<boolean> {
  const left = Float32Array.from({ length: rows * depth }, (_, at) => ((at * 7) % 15) - 7);
  const right = Float32Array.from({ length: depth * cols }, (_, at) => ((at * 11) % 17) - 8);
  const [x, w] = [tf.tensor2d(left, [rows, depth]), tf.tensor2d(right, [depth, cols])];
  const y = await multiply(x, w);
  const got = await y.data().finally(() => tf.dispose([x, w, y]));
  return got.every((value, at) => {
    const [row, col] = [Math.floor(at / cols), at % cols];
    let sum = 0;
    for (let k = 0; k < depth; k++) sum += left[row * depth + k]! * right[k * cols + col]!;
    return value === sum;
  });
}

const [tokens, width, scale] = [150, 64, 0.5];

/** What is wrong with attention; `undefined` when nothing is. */
export function errorOfAttention(backend: ShaderBackend): Promise<string | undefined> {
  return errorOf(backend, (large) => {
    const problem = { width, queries: tokens, heads: large ? 1e4 : 1 };
    const [shape] = unitAttentionShapes(problem, attentionUnitsInUse()!, workgroupBytes(backend));
    if (shape === undefined) return Promise.resolve(false);
    return attentionFormChoice.with(() => ({ kind: "units", shape }), attendsRight);
  });
}

/** Eighths between -2 and 2 that halves hold; a query's scores grow from key to key, so that maxima have to be followed. */
function knownNumber(token: number, column: number): number {
  const part = Math.floor(column / width);
  if (column % width === 0 && part < 2) return part === 0 ? 2 : token / 8;
  return (((token * 29 + column * 13) % 31) - 15) / 8;
}

async function attendsRight(): Promise<boolean> {
  const at = (token: number, part: number, i: number): number => knownNumber(token, part * width + i);
  const numbers = Float32Array.from({ length: tokens * 3 * width }, (_, i) =>
    knownNumber(Math.floor(i / (3 * width)), i % (3 * width)),
  );
  const y = tf.tidy(() => multiHeadAttention(tf.tensor3d(numbers, [1, tokens, 3 * width]), 1, { scale }));
  const got = await y.data().finally(() => y.dispose());
  for (let query = 0; query < tokens; query++) {
    const scores = Array.from({ length: tokens }, (_, key) => {
      let sum = 0;
      for (let i = 0; i < width; i++) sum += at(query, 0, i) * at(key, 1, i);
      return sum * scale;
    });
    const highest = Math.max(...scores);
    const weights = scores.map((score) => Math.exp(score - highest));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (let i = 0; i < width; i++) {
      const want = weights.reduce((sum, weight, key) => sum + weight * at(key, 2, i), 0) / total;
      // Weights are rounded to 2^-11 of themselves, and values are below 2.
      if (!(Math.abs(got[query * width + i]! - want) <= 2e-3)) return false;
    }
  }
  return true;
}
