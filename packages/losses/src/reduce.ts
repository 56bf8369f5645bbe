import * as tf from "@tensorflow/tfjs-core";
import type { ValueAndDerivative } from "./differentiable.js";
import type { Reduction } from "./types.js";

/**
 * Turns values and derivatives of elements into those of their mean or sum, counting only valid ones.
 *
 * @param valid broadcasts to the values; their derivatives may have one more axis, which it then gets too
 * @param divisor what the mean divides by
 * @param empty what a divisor of 0 gives
 */
export function reduceRows(
  { value, derivative }: ValueAndDerivative,
  valid: tf.Tensor,
  divisor: tf.Tensor,
  reduction: Reduction | "none",
  empty: "zero" | "nan",
): ValueAndDerivative {
  const counted = keepValid(value, valid);
  const keepSlope = (slope: tf.Tensor): tf.Tensor =>
    keepValid(slope, slope.rank > valid.rank ? tf.expandDims(valid, -1) : valid);
  if (reduction === "none") return { value: counted, derivative: keepSlope(derivative) };
  if (reduction === "sum") return { value: tf.sum(counted), derivative: keepSlope(derivative) };
  const safe = empty === "nan" ? divisor : tf.where(tf.equal(divisor, 0), tf.onesLike(divisor), divisor);
  return { value: tf.div(tf.sum(counted), safe), derivative: keepSlope(tf.div(derivative, safe)) };
}

/** Zero where not valid, even if the value there is not finite. */
export function keepValid(values: tf.Tensor, valid: tf.Tensor): tf.Tensor {
  return tf.where(tf.cast(tf.broadcastTo(valid, values.shape), "bool"), values, tf.zerosLike(values));
}
