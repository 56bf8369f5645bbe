import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { differentiate } from "./backprop.js";
import { ensureGradients } from "./gradients/index.js";
import type { Params } from "./types.js";

/** Options of `valueAndGrad`. */
export interface ValueAndGradOptions {
  /**
   * What a parameter that the loss does not reach gets: a gradient of zeros (default), no entry (what PyTorch does), or
   * the whole call fails with `bad-argument`.
   */
  readonly unreached?: "zeros" | "omit" | "error";
}

/** The loss and its gradients, one per parameter under the same name. The caller disposes both. */
export interface ValueAndGrad {
  readonly value: tf.Scalar;
  readonly grads: Params;
}

/**
 * Value and gradients of a loss.
 *
 * Compute what is frozen outside the closure: everything inside is recorded.
 *
 * @param loss must use the params it is given, not captured ones
 * @param trainable parameters to differentiate by
 * @throws GlofError `bad-argument` if the loss is no scalar, if `trainable` is empty, or (with `unreached: "error"`)
 *   if a parameter is not reached; `unsupported-feature` when an operation has no gradient
 */
export function valueAndGrad(
  loss: (trainable: Params) => tf.Scalar,
  trainable: Params,
  options: ValueAndGradOptions = {},
): ValueAndGrad {
  const { unreached = "zeros" } = options;
  ensureGradients();
  const names = Object.keys(trainable);
  if (names.length === 0) {
    throw new GlofError(
      "bad-argument",
      "valueAndGrad: expected parameters to differentiate by, got none. Check the rules of partition.",
    );
  }
  return tf.tidy(() => {
    const { value, grads } = differentiate(
      () => checkScalar(loss(trainable)),
      names.map((name) => trainable[name]!),
    );
    const named: Record<string, tf.Tensor> = {};
    for (const [index, name] of names.entries()) {
      const gradient = grads[index] ?? unreachedGradient(name, trainable[name]!, unreached);
      if (gradient !== null) named[name] = gradient;
    }
    return { value, grads: named } as ValueAndGrad & tf.TensorContainerObject;
  });
}

function checkScalar(value: tf.Scalar): tf.Scalar {
  if (value.rank === 0 && value.dtype === "float32") return value;
  throw new GlofError(
    "bad-argument",
    `valueAndGrad: expected the loss to be a float32 scalar, got ${value.dtype} [${value.shape}]. Take its mean or sum.`,
  );
}

function unreachedGradient(
  name: string,
  parameter: tf.Tensor,
  unreached: "zeros" | "omit" | "error",
): tf.Tensor | null {
  if (unreached === "omit") return null;
  if (unreached === "zeros") return tf.zerosLike(parameter);
  throw new GlofError(
    "bad-argument",
    `valueAndGrad: expected the loss to depend on every parameter, got no path to ${name}. Freeze it or use it.`,
    { name },
  );
}
