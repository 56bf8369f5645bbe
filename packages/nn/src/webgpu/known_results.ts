import * as tf from "@tensorflow/tfjs-core";
import { multiHeadAttention } from "../ops/attention.js";
import { linear } from "../ops/linear.js";
import { attentionFormChoice } from "./attention_form.js";
import { workgroupBytes } from "./dispatch.js";
import { attentionUnitsInUse } from "./half_precision.js";
import { unitAttentionShapes } from "./matrix_unit_attention_shape.js";
import { withFormChooser } from "./product_choice.js";
import { likelyForm } from "./product_form.js";
import type { ShaderBackend } from "./shader.js";
import { toHalfStorage } from "./to_half_storage.js";
import { refusalOf } from "./tuning/warm_up.js";

/** A computation whose result is known. */
interface KnownResult {
  compute(): tf.Tensor;
  isRight(values: ArrayLike<number>): boolean;
}

/**
 * What is wrong with work on the units, in the form for small problems and in that for large ones; `undefined` when nothing is. Shaders
 * are compiled before anything is recorded, so that what a driver refuses spoils no other work.
 */
async function errorOf(
  { compute, isRight }: KnownResult,
  inForm: (large: boolean, work: () => tf.Tensor) => tf.Tensor | undefined,
): Promise<string | undefined> {
  for (const large of [false, true]) {
    const refusal = await refusalOf(() => inForm(large, compute));
    if (refusal) return `its driver refuses the shader (${refusal.message.split("\n")[0]})`;
    const y = inForm(large, compute);
    const values = await y?.data().finally(() => y.dispose());
    if (!values || !isRight(values)) return "its matrix units gave wrong numbers for a known result";
  }
  return undefined;
}

/** What is wrong with products in the forms that they take where nothing was tuned; `undefined` when nothing is. */
export function errorOfProducts(backend: ShaderBackend): Promise<string | undefined> {
  // Floats in ragged rows, and halves as `toHalfStorage` keeps them, in rows that divide by four.
  return firstOf([70, 72], async (depth) => {
    const { operands, isRight } = knownProduct(depth);
    const floats = operands();
    const [x, w] = depth % 4 === 0 ? await storedOf(floats) : floats;
    const compute = (): tf.Tensor => linear(x!, w!);
    return errorOf({ compute, isRight }, (large, work) => {
      const size = large ? 1e4 : 1;
      return withFormChooser((_, problem) => likelyForm(backend, { ...problem, m: size, n: size }), work);
    }).finally(() => tf.dispose([x!, w!]));
  });
}

/** The first thing that is wrong, asked for one case after the other. */
async function firstOf<Case>(
  cases: readonly Case[],
  errorOfCase: (one: Case) => Promise<string | undefined>,
): Promise<string | undefined> {
  for (const one of cases) {
    const error = await errorOfCase(one);
    if (error !== undefined) return error;
  }
  return undefined;
}

/** Tensors of rank 2 as halves in memory; the given ones are disposed. */
async function storedOf(floats: readonly tf.Tensor[]): Promise<tf.Tensor[]> {
  const stored = await toHalfStorage(Object.fromEntries(floats.map((tensor, at) => [at, tensor])));
  tf.dispose([...floats]);
  return Object.values(stored);
}

/** Sizes that leave every edge of a tile ragged. */
const [rows, cols] = [150, 140];

/**
 * A product of whole numbers: below 2^11 they are exact in half precision, their sums in single; up to a depth of 36 these sums are
 * below it, too.
 */
export function knownProduct(depth: number): {
  readonly operands: () => [x: tf.Tensor, w: tf.Tensor];
  readonly isRight: KnownResult["isRight"];
} {
  const left = Float32Array.from({ length: rows * depth }, (_, at) => ((at * 7) % 15) - 7);
  const right = Float32Array.from({ length: depth * cols }, (_, at) => ((at * 11) % 17) - 8);
  const sumAt = (row: number, col: number): number => {
    let sum = 0;
    for (let k = 0; k < depth; k++) sum += left[row * depth + k]! * right[k * cols + col]!;
    return sum;
  };
  return {
    operands: () => [tf.tensor2d(left, [rows, depth]), tf.tensor2d(right, [depth, cols])],
    isRight: (values) =>
      Array.from(values).every((value, at) => value === sumAt(Math.floor(at / cols), at % cols)),
  };
}

const [tokens, width, scale] = [150, 64, 0.5];

/** What is wrong with attention; `undefined` when nothing is. */
export function errorOfAttention(backend: ShaderBackend): Promise<string | undefined> {
  return firstOf(["floats", "halves"], async (kept) => {
    const floats = [knownRows()];
    const [rowsOfAll] = kept === "halves" ? await storedOf(floats) : floats;
    const qkv = tf.reshape(rowsOfAll!, [1, tokens, 3 * width]) as tf.Tensor3D;
    const compute = (): tf.Tensor => multiHeadAttention(qkv, 1, { scale });
    return errorOf({ compute, isRight: attendsRight }, (large, work) => {
      const problem = { width, queries: tokens, heads: large ? 1e4 : 1 };
      const [shape] = unitAttentionShapes(problem, attentionUnitsInUse()!, workgroupBytes(backend));
      return shape && attentionFormChoice.with(() => ({ kind: "units", shape }), work);
    }).finally(() => tf.dispose([rowsOfAll!, qkv]));
  });
}

/** Eighths between -2 and 2 that halves hold; a query's scores grow from key to key, so that maxima have to be followed. */
function knownNumber(token: number, column: number): number {
  const part = Math.floor(column / width);
  if (column % width === 0 && part < 2) return part === 0 ? 2 : token / 8;
  return (((token * 29 + column * 13) % 31) - 15) / 8;
}

function knownRows(): tf.Tensor {
  const numbers = Float32Array.from({ length: tokens * 3 * width }, (_, i) =>
    knownNumber(Math.floor(i / (3 * width)), i % (3 * width)),
  );
  return tf.tensor2d(numbers, [tokens, 3 * width]);
}

function attendsRight(got: ArrayLike<number>): boolean {
  const at = (token: number, part: number, i: number): number => knownNumber(token, part * width + i);
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
