import * as tf from "@tensorflow/tfjs-core";
import { linear } from "../ops/linear.js";
import { disposeParams } from "../params/select.js";
import { deviceOf } from "./dispatch.js";
import { setHalfStorageInForce } from "./half_in_force.js";
import { missingForMatrixUnits, setMatrixUnitsInUse } from "./half_precision.js";
import type { ShaderBackend } from "./shader.js";
import { toHalfStorage } from "./to_half_storage.js";

/** How a forward pass keeps and multiplies its numbers on WebGPU. */
export type WebgpuPrecision = "f32" | "f16";

/** What `useWebgpuPrecision` did. */
export interface PrecisionReport {
  /** "f16" where anything is halves. */
  readonly precision: WebgpuPrecision;
  readonly reason: string;
  /** How weights of `storeForPrediction` and results named `compact` are kept. */
  readonly storage: "floats" | "halves";
  /** Whether products run on matrix units, with operands rounded to halves. */
  readonly matrixUnits: boolean;
}

/**
 * Chooses for the whole process how the "webgpu" backend computes where no gradient is recorded. Sums are in single precision
 * in any case. "f16" has two parts, each used where it is seen to work, and the report says which are and why not:
 *
 * - Storage: weights that `storeForPrediction` gets from then on, and results that a caller names `compact` (in DINOv2: norms,
 *   queries, keys and values, attention, the hidden layer), are kept as halves, with half the memory and bytes. Every device can.
 *   The residual stream, statistics, logits and what the stock kernels compute stay floats.
 * - Matrix units (tensor cores): the operands of linear layers and convolutions are rounded to halves there, wherever they
 *   come from. They multiply whole numbers whose product is known first.
 */
export async function useWebgpuPrecision(precision: WebgpuPrecision): Promise<PrecisionReport> {
  setHalfStorageInForce(false);
  setMatrixUnitsInUse(false);
  const floats = { precision: "f32", storage: "floats", matrixUnits: false } as const;
  if (precision === "f32") return { ...floats, reason: "asked for" };
  if (tf.getBackend() !== "webgpu")
    return { ...floats, reason: 'the backend "webgpu" is not the current one' };
  const backend = tf.backend() as unknown as ShaderBackend;
  const [noStorage, noUnits] = [await tryHalfStorage(), await tryMatrixUnits(backend)];
  const reasons = [
    noStorage === undefined
      ? "weights and intermediate results are kept as halves"
      : `weights and results are kept as floats, because ${noStorage}`,
    noUnits === undefined
      ? "products run on matrix units, which were checked against a known one"
      : `products are computed in single precision, because ${noUnits}`,
  ];
  return {
    precision: noStorage === undefined || noUnits === undefined ? "f16" : "f32",
    reason: reasons.join("; "),
    storage: noStorage === undefined ? "halves" : "floats",
    matrixUnits: noUnits === undefined,
  };
}

/** Puts half storage into force; otherwise says what keeps it from being used. */
async function tryHalfStorage(): Promise<string | undefined> {
  setHalfStorageInForce(true);
  const isRight = await multipliesRight(30, async (x, w) => {
    const stored = await toHalfStorage({ w });
    const y = linear(x, stored.w!, undefined, { compact: true });
    disposeParams(stored);
    return y;
  });
  if (isRight) return undefined;
  setHalfStorageInForce(false);
  return "halves gave wrong numbers for a known product";
}

/** Puts matrix units into use; otherwise says what keeps them from being used. */
async function tryMatrixUnits(backend: ShaderBackend): Promise<string | undefined> {
  const missing = missingForMatrixUnits(deviceOf(backend));
  if (missing !== undefined) return missing;
  setMatrixUnitsInUse(true);
  if (await multipliesRight(70, async (x, w) => linear(x, w))) return undefined;
  setMatrixUnitsInUse(false);
  return "its matrix units gave wrong numbers for a known product";
}

/** Sizes that leave every edge of a tile ragged. */
const [rows, cols] = [150, 140];

/** Whole numbers below 2^11 are exact in half precision, their sums in single; up to a depth of 36 these sums are below it, too. */
async function multipliesRight(
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
