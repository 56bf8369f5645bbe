import * as tf from "@tensorflow/tfjs-core";
import { type GradientRule, sumToShape } from "./gradient_rule.js";

/** Gradients of a broadcasting kernel of `a` and `b`. */
function binary(
  kernelName: string,
  da: (dy: tf.Tensor, a: tf.Tensor, b: tf.Tensor, out: tf.Tensor) => tf.Tensor,
  db: (dy: tf.Tensor, a: tf.Tensor, b: tf.Tensor, out: tf.Tensor) => tf.Tensor,
  saveOutput = false,
): GradientRule {
  return {
    kernelName,
    saveInputs: ["a", "b"],
    saveOutput,
    gradient: (dy, saved) => {
      const [a, b, out] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
      return {
        a: () => sumToShape(da(dy, a, b, out), a.shape),
        b: () => sumToShape(db(dy, a, b, out), b.shape),
      };
    },
  };
}

/** 1 where a > b, 1/2 where they are equal, 0 elsewhere. */
function winnings(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  const [wins, losses] = [tf.cast(tf.greater(a, b), "float32"), tf.cast(tf.less(a, b), "float32")];
  return tf.mul(0.5, tf.add(1, tf.sub(wins, losses)));
}

/** d/db of a^b = a^b ln a; 0 where a <= 0, where the logarithm does not exist. */
function powExponentGradient(dy: tf.Tensor, a: tf.Tensor, out: tf.Tensor): tf.Tensor {
  const positive = tf.greater(a, 0);
  const logarithm = tf.log(tf.where(positive, a, tf.onesLike(a)));
  return tf.mul(dy, tf.mul(out, logarithm));
}

/** Addition, multiplication and the like, of two broadcast tensors. At ties maximum and minimum share equally, as PyTorch. */
export const arithmeticGradients: readonly GradientRule[] = [
  binary(
    "Add",
    (dy) => dy,
    (dy) => dy,
  ),
  binary(
    "Sub",
    (dy) => dy,
    (dy) => tf.neg(dy),
  ),
  binary(
    "Multiply",
    (dy, _, b) => tf.mul(dy, b),
    (dy, a) => tf.mul(dy, a),
  ),
  binary(
    "RealDiv",
    (dy, _, b) => tf.div(dy, b),
    (dy, a, b) => tf.neg(tf.div(tf.mul(dy, a), tf.square(b))),
  ),
  binary(
    "SquaredDifference",
    (dy, a, b) => tf.mul(dy, tf.mul(tf.sub(a, b), 2)),
    (dy, a, b) => tf.mul(dy, tf.mul(tf.sub(b, a), 2)),
  ),
  binary(
    "Maximum",
    (dy, a, b) => tf.mul(dy, winnings(a, b)),
    (dy, a, b) => tf.mul(dy, winnings(b, a)),
  ),
  binary(
    "Minimum",
    (dy, a, b) => tf.mul(dy, winnings(b, a)),
    (dy, a, b) => tf.mul(dy, winnings(a, b)),
  ),
  binary(
    "Pow",
    (dy, a, b) => tf.mul(dy, tf.mul(b, tf.pow(a, tf.sub(b, 1)))),
    (dy, a, _, out) => powExponentGradient(dy, a, out),
    true,
  ),
];
