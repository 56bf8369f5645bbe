import { GlofError } from "@glof/core";
import { disposeParams, type JoinedTensors, joinSmall, type Params, squareSums } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";

/** Options of `clipByGlobalNorm`. */
export interface ClipOptions {
  /** Order of the norm: a positive number, `Infinity` for the largest element. Default 2. */
  readonly normType?: number;
  /**
   * The gradients are given up: each is disposed as soon as its scaled form is there, so that they are not all there twice.
   * Default false.
   */
  readonly donate?: boolean;
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
  checkNormType(options);
  const { donate = false } = options;
  // Small gradients lie together from the norm to the product: see `joinSmall`.
  const joined = joinSmall(Object.values(grads));
  try {
    const norm = await normOf(joined.parts, options);
    const factor = Math.min(1, maxNorm / (norm + 1e-6));
    const clipped =
      factor === 1 ? Object.values(grads).map((grad) => grad.clone()) : scaled(grads, joined, factor, donate);
    return {
      grads: Object.fromEntries(Object.keys(grads).map((name, at) => [name, clipped[at]!])) as Params,
      norm,
    };
  } finally {
    tf.dispose([...joined.parts]);
    if (donate) disposeParams(grads);
  }
}

function scaled(
  grads: Params,
  { parts, split }: JoinedTensors,
  factor: number,
  donate: boolean,
): tf.Tensor[] {
  // What lies joined is copied, and large gradients have a second handle in the parts.
  if (donate) disposeParams(grads);
  return tf.tidy(() =>
    split(
      parts.map((part) => {
        const product = tf.mul(part, factor);
        part.dispose();
        return product;
      }),
    ),
  );
}

/** Norm of all tensors together, as one long vector. 0 for none. */
export async function globalNorm(
  grads: Params,
  options: Pick<ClipOptions, "normType"> = {},
): Promise<number> {
  checkNormType(options);
  const { parts } = joinSmall(Object.values(grads));
  return normOf(parts, options).finally(() => tf.dispose([...parts]));
}

function checkNormType({ normType = 2 }: ClipOptions): void {
  if (normType > 0) return;
  throw new GlofError(
    "bad-argument",
    `globalNorm: expected normType above 0, got ${normType}. Use 1, 2 or Infinity.`,
  );
}

/** In one read; sums over tensors are in double precision. */
async function normOf(tensors: readonly tf.Tensor[], { normType = 2 }: ClipOptions): Promise<number> {
  if (tensors.length === 0) return 0;
  const sums =
    normType === 2
      ? squareSums(tensors)
      : tf.tidy(() => tf.stack(tensors.map((tensor) => tf.tidy(() => tensorNorm(tensor, normType)))));
  const values = await sums.data<"float32">().finally(() => sums.dispose());
  if (normType === 2) return Math.sqrt(values.reduce((sum, one) => sum + one, 0));
  if (normType === Number.POSITIVE_INFINITY) return values.reduce((most, one) => Math.max(most, one), 0);
  return values.reduce((sum, one) => sum + one ** normType, 0) ** (1 / normType);
}

function tensorNorm(tensor: tf.Tensor, normType: number): tf.Tensor {
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
