import { GlofError } from "@glof/core";
import type { Params } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";

/** Options of `clipByGlobalNorm`. */
export interface ClipOptions {
  /** Order of the norm: a positive number, `Infinity` for the largest element. Default 2. */
  readonly normType?: number;
}

/**
 * Scales gradients so that the norm of all of them together is at most `maxNorm`, as
 * `torch.nn.utils.clip_grad_norm_`: factor min(1, maxNorm / (norm + 1e-6)). A norm that is NaN makes all gradients NaN.
 *
 * @returns new gradients, and the norm before clipping
 * @throws GlofError `bad-argument` for a `maxNorm` or `normType` that is not positive
 */
export async function clipByGlobalNorm(
  grads: Params,
  maxNorm: number,
  options: ClipOptions = {},
): Promise<{ readonly grads: Params; readonly norm: number }> {
  if (!(maxNorm > 0)) {
    throw new GlofError(
      "bad-argument",
      `clipByGlobalNorm: expected maxNorm above 0, got ${maxNorm}. Leave clipping out instead.`,
    );
  }
  const norm = await globalNorm(grads, options);
  const factor = Math.min(1, maxNorm / (norm + 1e-6));
  const clipped = Object.entries(grads).map(([name, grad]) => [
    name,
    factor === 1 ? grad.clone() : tf.mul(grad, factor),
  ]);
  return { grads: Object.fromEntries(clipped) as Params, norm };
}

/** Norm of all tensors together, as one long vector. 0 for none. */
export async function globalNorm(grads: Params, { normType = 2 }: ClipOptions = {}): Promise<number> {
  if (!(normType > 0)) {
    throw new GlofError(
      "bad-argument",
      `globalNorm: expected normType above 0, got ${normType}. Use 1, 2 or Infinity.`,
    );
  }
  const tensors = Object.values(grads);
  if (tensors.length === 0) return 0;
  const norms = tf.tidy(() => tf.stack(tensors.map((tensor) => tensorNorm(tensor, normType))));
  const values = await norms.data<"float32">().finally(() => norms.dispose());
  if (normType === Number.POSITIVE_INFINITY) return values.reduce((most, one) => Math.max(most, one), 0);
  return values.reduce((sum, one) => sum + one ** normType, 0) ** (1 / normType);
}

function tensorNorm(tensor: tf.Tensor, normType: number): tf.Tensor {
  if (normType === 2) return tf.sqrt(tf.sum(tf.square(tensor)));
  const size = tf.abs(tensor);
  if (normType === 1) return tf.sum(size);
  if (normType === Number.POSITIVE_INFINITY) return tf.max(size);
  return tf.pow(tf.sum(tf.pow(size, normType)), 1 / normType);
}

/**
 * Cuts every element of the gradients to [-limit, limit], as `torch.nn.utils.clip_grad_value_`.
 *
 * @returns new gradients
 */
export function clipByValue(grads: Params, limit: number): Params {
  const clipped = Object.entries(grads).map(([name, grad]) => [name, tf.clipByValue(grad, -limit, limit)]);
  return Object.fromEntries(clipped) as Params;
}
