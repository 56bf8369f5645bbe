import * as tf from "@tensorflow/tfjs-core";
import { type FastGradientName, useGradientKernel, useKernel } from "../kernels/door.js";
import { withGradient } from "../with_gradient.js";

interface Elementwise {
  value(x: tf.Tensor): tf.Tensor;
  /** Derivative at x. */
  slope(x: tf.Tensor): tf.Tensor;
}

const asFloat = (mask: tf.Tensor): tf.Tensor => tf.cast(mask, "float32");
const half = Math.SQRT1_2;
const gaussianScale = 1 / Math.sqrt(2 * Math.PI);
const tanhScale = Math.sqrt(2 / Math.PI);
const tanhCubic = 0.044715;

/** log(1 + e^x), without overflow: max(x, 0) + log1p(e^-|x|). */
function stableSoftplus(x: tf.Tensor): tf.Tensor {
  return tf.add(tf.relu(x), tf.log1p(tf.exp(tf.neg(tf.abs(x)))));
}

/** The normal distribution function. */
const normalCdf = (x: tf.Tensor): tf.Tensor => tf.mul(0.5, tf.add(1, tf.erf(tf.mul(x, half))));

const tanhInner = (x: tf.Tensor): tf.Tensor =>
  tf.tanh(tf.mul(tanhScale, tf.add(x, tf.mul(tanhCubic, tf.mul(x, tf.square(x))))));

function siluSlope(x: tf.Tensor): tf.Tensor {
  const s = tf.sigmoid(x);
  return tf.mul(s, tf.add(1, tf.mul(x, tf.sub(1, s))));
}

const functions = {
  gelu: {
    value: (x) => tf.mul(x, normalCdf(x)),
    slope: (x) => tf.add(normalCdf(x), tf.mul(x, tf.mul(gaussianScale, tf.exp(tf.mul(-0.5, tf.square(x)))))),
  },
  "gelu-tanh": {
    value: (x) => tf.mul(tf.mul(0.5, x), tf.add(1, tanhInner(x))),
    slope: (x) => {
      const t = tanhInner(x);
      const inner = tf.mul(tanhScale, tf.add(1, tf.mul(3 * tanhCubic, tf.square(x))));
      const first = tf.mul(0.5, tf.add(1, t));
      return tf.add(first, tf.mul(tf.mul(0.5, x), tf.mul(tf.sub(1, tf.square(t)), inner)));
    },
  },
  silu: { value: (x) => tf.mul(x, tf.sigmoid(x)), slope: siluSlope },
  relu: { value: (x) => tf.relu(x), slope: (x) => asFloat(tf.greater(x, 0)) },
  sigmoid: {
    value: (x) => tf.sigmoid(x),
    slope: (x) => {
      const s = tf.sigmoid(x);
      return tf.mul(s, tf.sub(1, s));
    },
  },
  tanh: { value: (x) => tf.tanh(x), slope: (x) => tf.sub(1, tf.square(tf.tanh(x))) },
  softplus: { value: stableSoftplus, slope: (x) => tf.sigmoid(x) },
  "log-sigmoid": {
    value: (x) => tf.neg(stableSoftplus(tf.neg(x))),
    slope: (x) => tf.sigmoid(tf.neg(x)),
  },
  elu: {
    // The exponential only sees the negative part: it may overflow elsewhere, and infinity times zero is no number.
    value: (x) => tf.add(tf.relu(x), tf.expm1(tf.minimum(x, 0))),
    slope: (x) => tf.exp(tf.minimum(x, 0)),
  },
  hardswish: {
    value: (x) => tf.mul(x, tf.div(tf.clipByValue(tf.add(x, 3), 0, 6), 6)),
    slope: (x) => {
      const middle = tf.add(tf.div(x, 3), 0.5);
      const above = asFloat(tf.greaterEqual(x, 3));
      const between = asFloat(tf.logicalAnd(tf.greaterEqual(x, -3), tf.less(x, 3)));
      return tf.add(above, tf.mul(between, middle));
    },
  },
  mish: {
    value: (x) => tf.mul(x, tf.tanh(stableSoftplus(x))),
    slope: (x) => {
      const t = tf.tanh(stableSoftplus(x));
      return tf.add(t, tf.mul(x, tf.mul(tf.sub(1, tf.square(t)), tf.sigmoid(x))));
    },
  },
  erf: {
    value: (x) => tf.erf(x),
    slope: (x) => tf.mul(2 / Math.sqrt(Math.PI), tf.exp(tf.neg(tf.square(x)))),
  },
} as const satisfies Record<string, Elementwise>;

/** Names of the activations, as in configurations. */
export type Activation = keyof typeof functions;

/** Every activation this package has. */
export const activationNames: readonly Activation[] = Object.keys(functions) as Activation[];

/** Value of an activation, no tape; for operations that fuse one. */
export function activationValue(name: Activation, x: tf.Tensor): tf.Tensor {
  const kernel = name === "gelu" ? useKernel("GlofGelu") : undefined;
  return kernel === undefined ? functions[name].value(x) : kernel({ x });
}

const gradientKernels: Partial<Record<Activation, FastGradientName>> = {
  gelu: "GlofGeluGrad",
  relu: "GlofReluGrad",
};

/** Gradient of an activation's input: dy times the derivative at `x`. */
export function activationPullback(name: Activation, x: tf.Tensor, dy: tf.Tensor): tf.Tensor {
  const kernelName = gradientKernels[name];
  const kernel = kernelName && useGradientKernel(kernelName);
  return kernel === undefined ? tf.mul(dy, functions[name].slope(x)) : kernel({ x, dy })[0]!;
}

/** An activation by name, elementwise, of any shape. */
export function activate<T extends tf.Tensor>(x: T, name: Activation): T {
  return withGradient<T, "x", "x">({
    inputs: { x },
    forward: () => ({ value: activationValue(name, x), saved: { x } }),
    backward: (dy, saved) => ({ x: activationPullback(name, saved.x, dy) }),
  });
}

/** Gaussian error linear unit, exact: x * Phi(x) with erf (Hendrycks and Gimpel 2016); DINOv2's. */
export function gelu<T extends tf.Tensor>(x: T): T {
  return activate(x, "gelu");
}

/** x * sigmoid(x), also called swish. */
export function silu<T extends tf.Tensor>(x: T): T {
  return activate(x, "silu");
}

/** max(x, 0); slope 0 at 0. */
export function relu<T extends tf.Tensor>(x: T): T {
  return activate(x, "relu");
}

/** 1 / (1 + e^-x). */
export function sigmoid<T extends tf.Tensor>(x: T): T {
  return activate(x, "sigmoid");
}

/** log(1 + e^x), for any size of x. */
export function softplus<T extends tf.Tensor>(x: T): T {
  return activate(x, "softplus");
}

/** x where positive, `slope` * x elsewhere (default 0.01). */
export function leakyRelu<T extends tf.Tensor>(x: T, slope = 0.01): T {
  const factor = (at: tf.Tensor): tf.Tensor => tf.add(slope, tf.mul(1 - slope, asFloat(tf.greater(at, 0))));
  return withGradient<T, "x", "x">({
    inputs: { x },
    forward: () => ({ value: tf.mul(x, factor(x)), saved: { x } }),
    backward: (dy, saved) => ({ x: tf.mul(dy, factor(saved.x)) }),
  });
}
