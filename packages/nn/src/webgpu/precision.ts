import * as tf from "@tensorflow/tfjs-core";
import { linear } from "../ops/linear.js";
import { deviceOf } from "./dispatch.js";
import { missingForMatrixUnits, setMatrixUnitsInUse } from "./half_precision.js";
import type { ShaderBackend } from "./shader.js";

/** How the products of a forward pass are computed on WebGPU. */
export type WebgpuPrecision = "f32" | "f16";

/** What `useWebgpuPrecision` did. */
export interface PrecisionReport {
  readonly precision: WebgpuPrecision;
  readonly reason: string;
}

/**
 * Chooses how linear layers and convolutions are multiplied on the "webgpu" backend, for the whole process, where no gradient
 * is recorded. "f16" rounds the operands to half precision and adds up in single precision on the matrix units (tensor
 * cores); weights and activations stay in single precision in memory, and so does everything else.
 *
 * Before it is used, the units multiply whole numbers whose product is known: a device that errs, or has no such units, keeps
 * "f32", and the report says why.
 */
export async function useWebgpuPrecision(precision: WebgpuPrecision): Promise<PrecisionReport> {
  setMatrixUnitsInUse(false);
  if (precision === "f32") return { precision, reason: "asked for" };
  const backend = tf.findBackend("webgpu") as unknown as ShaderBackend | null;
  const missing = backend ? missingForMatrixUnits(deviceOf(backend)) : 'the backend "webgpu" is not ready';
  if (missing !== undefined) return { precision: "f32", reason: missing };
  setMatrixUnitsInUse(true);
  if (await multipliesRight()) {
    return { precision: "f16", reason: "matrix units, checked against a known product" };
  }
  setMatrixUnitsInUse(false);
  return { precision: "f32", reason: "its matrix units gave wrong numbers for a known product" };
}

/** Sizes that leave every edge of a tile ragged. */
const [rows, depth, cols] = [150, 70, 140];

/** Whole numbers below 2^11 are exact in half precision, their sums in single. */
async function multipliesRight(): Promise<boolean> {
  const left = Float32Array.from({ length: rows * depth }, (_, at) => ((at * 7) % 15) - 7);
  const right = Float32Array.from({ length: depth * cols }, (_, at) => ((at * 11) % 17) - 8);
  const y = tf.tidy(() => linear(tf.tensor2d(left, [rows, depth]), tf.tensor2d(right, [depth, cols])));
  const got = await y.data().finally(() => y.dispose());
  return got.every((value, at) => {
    const [row, col] = [Math.floor(at / cols), at % cols];
    let sum = 0;
    for (let k = 0; k < depth; k++) sum += left[row * depth + k]! * right[k * cols + col]!;
    return value === sum;
  });
}
