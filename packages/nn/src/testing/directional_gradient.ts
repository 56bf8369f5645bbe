import { seededRng } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { expect } from "vitest";
import { withReferenceKernels } from "../kernels/door.js";
import type { Params } from "../types.js";
import { valueAndGrad } from "../value_and_grad.js";

/** Values that a test can repeat: uniform in [low, high), the same on every backend. */
export function seededTensor(shape: readonly number[], seed: number | string, low = -1, high = 1): tf.Tensor {
  const rng = seededRng(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, () => rng.uniform(low, high)),
    [...shape],
  );
}

/** How a gradient is checked. */
export interface GradientCheck {
  /** Step of the difference. Default 1e-2: float32 sums leave no room for much smaller ones. */
  readonly step?: number;
  /** Relative to the size of the directional derivative's terms. Default 3e-3. */
  readonly tolerance?: number;
}

/**
 * Compares the gradient of sum(w * f(inputs)), for a fixed random w, with central differences along one random direction
 * per input: a wrong element shows with certainty unless its direction component is tiny.
 */
export async function expectGradient(
  f: (inputs: Params) => tf.Tensor,
  inputs: Params,
  { step = 1e-2, tolerance = 3e-3 }: GradientCheck = {},
): Promise<void> {
  const weights = tf.tidy(() => seededTensor(f(inputs).shape, "weights"));
  const objective = (given: Params): tf.Scalar => tf.sum(tf.mul(f(given), weights)) as tf.Scalar;
  const { value, grads } = valueAndGrad(objective, inputs);
  for (const [name, input] of Object.entries(inputs)) {
    const direction = seededTensor(input.shape, name);
    expect(grads[name]!.shape, name).toEqual(input.shape);
    const along = await sumOf(tf.tidy(() => tf.mul(grads[name]!, direction)));
    const moved = (by: number): Promise<number> =>
      sumOf(tf.tidy(() => tf.mul(weights, f({ ...inputs, [name]: tf.add(input, tf.mul(direction, by)) }))));
    const difference = ((await moved(step)) - (await moved(-step))) / (2 * step);
    const scale = Math.max(1, Math.abs(difference), await sizeOf(grads[name]!));
    expect(Math.abs(along - difference) / scale, `${name}: ${along} against ${difference}`).toBeLessThan(
      tolerance,
    );
    direction.dispose();
  }
  tf.dispose([weights, value, grads]);
}

/** Sums in double precision, and disposes. */
async function sumOf(tensor: tf.Tensor): Promise<number> {
  const values = await tensor.data();
  tensor.dispose();
  let sum = 0;
  for (const value of values as Float32Array) sum += value;
  return sum;
}

async function sizeOf(tensor: tf.Tensor): Promise<number> {
  let squares = 0;
  for (const value of (await tensor.data()) as Float32Array) squares += value * value;
  return Math.sqrt(squares);
}

/** Runs a check with the backend's fast kernels, if it has any, and with the compositions. */
export async function onBothPaths(check: () => Promise<void>): Promise<void> {
  await check();
  if (tf.getBackend() !== "cpu") await withReferenceKernels(check);
}
