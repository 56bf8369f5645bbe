import * as tf from "@tensorflow/tfjs-core";
import type { Attributes, GradientRule } from "./gradient_rule.js";

const twoOverSqrtPi = 2 / Math.sqrt(Math.PI);

/** Gradient from the input: dy * slope(x). */
function fromInput(
  kernelName: string,
  slope: (x: tf.Tensor, attributes: Attributes) => tf.Tensor,
): GradientRule {
  return {
    kernelName,
    saveInputs: ["x"],
    gradient: (dy, saved, attributes) => ({ x: () => tf.mul(dy, slope(saved[0]!, attributes)) }),
  };
}

/** Gradient from the result: dy * slope(y). */
function fromOutput(kernelName: string, slope: (y: tf.Tensor) => tf.Tensor): GradientRule {
  return {
    kernelName,
    saveOutput: true,
    gradient: (dy, saved) => ({ x: () => tf.mul(dy, slope(saved[0]!)) }),
  };
}

/** Piecewise constant: no gradient anywhere. */
function flat(kernelName: string): GradientRule {
  return { kernelName, gradient: (dy) => ({ x: () => tf.zerosLike(dy) }) };
}

const asFloat = (mask: tf.Tensor): tf.Tensor => tf.cast(mask, "float32");

function inside(x: tf.Tensor, low: number, high: number): tf.Tensor {
  return asFloat(tf.logicalAnd(tf.greaterEqual(x, low), tf.lessEqual(x, high)));
}

/** Elementwise functions of one tensor. */
export const unaryGradients: readonly GradientRule[] = [
  { kernelName: "Neg", gradient: (dy) => ({ x: () => tf.neg(dy) }) },
  fromOutput("Exp", (y) => y),
  fromOutput("Expm1", (y) => tf.add(y, 1)),
  fromInput("Log", (x) => tf.reciprocal(x)),
  fromInput("Log1p", (x) => tf.reciprocal(tf.add(x, 1))),
  fromOutput("Sqrt", (y) => tf.div(0.5, y)),
  fromOutput("Rsqrt", (y) => tf.mul(-0.5, tf.mul(y, tf.square(y)))),
  fromInput("Square", (x) => tf.mul(2, x)),
  fromOutput("Reciprocal", (y) => tf.neg(tf.square(y))),
  fromInput("Abs", (x) => tf.sign(x)),
  fromInput("Sin", (x) => tf.cos(x)),
  fromInput("Cos", (x) => tf.neg(tf.sin(x))),
  fromInput("Atan", (x) => tf.reciprocal(tf.add(1, tf.square(x)))),
  fromOutput("Sigmoid", (y) => tf.mul(y, tf.sub(1, y))),
  fromOutput("Tanh", (y) => tf.sub(1, tf.square(y))),
  fromInput("Softplus", (x) => tf.sigmoid(x)),
  fromInput("Erf", (x) => tf.mul(twoOverSqrtPi, tf.exp(tf.neg(tf.square(x))))),
  fromInput("Relu", (x) => asFloat(tf.greater(x, 0))),
  fromInput("Relu6", (x) => asFloat(tf.logicalAnd(tf.greater(x, 0), tf.less(x, 6)))),
  fromInput("LeakyRelu", (x, { alpha }) =>
    tf.where(tf.greater(x, 0), tf.onesLike(x), tf.fill(x.shape, alpha as number)),
  ),
  fromOutput("Elu", (y) => tf.where(tf.greater(y, 0), tf.onesLike(y), tf.add(y, 1))),
  fromInput("ClipByValue", (x, { clipValueMin, clipValueMax }) =>
    inside(x, clipValueMin as number, clipValueMax as number),
  ),
  flat("Sign"),
  flat("Step"),
  flat("Floor"),
  flat("Ceil"),
  flat("Round"),
];
