import {
  batchNorm,
  conv2d,
  convBatchNorm,
  gatedSilu,
  gelu,
  groupNorm,
  layerNorm,
  linear,
  matMul,
  multiHeadAttention,
  type Params,
  resizeBilinear,
  softmax,
  sortDescending,
  swiglu,
  valueAndGrad,
  withGradient,
} from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import type { TaskArgs } from "../protocol.js";
import { adamWork } from "./glof_adam.js";
import type { PrepareWork, Work } from "./serve.js";
import { type Inputs, normInputs, numberOf, operationWork, tensorOf } from "./tf_tools.js";

/** The operations of `@glof/nn`. */
export const glofOperations: Readonly<Record<string, PrepareWork>> = {
  gemm: (args) => {
    const size = numberOf(args, "size");
    return work(args, [make([size, size], 1), make([size, size], 2)], (a, b) => matMul(a!, b!));
  },
  // The least that reads and writes every value: tfjs copies a tensor by reference.
  copy: (args) => work(args, [make([numberOf(args, "values")], 1)], (x) => tf.neg(x!)),
  linear: (args) => {
    const [rows, inner, cols] = [numberOf(args, "rows"), numberOf(args, "inner"), numberOf(args, "cols")];
    const activation = args.activation === "gelu" ? "gelu" : undefined;
    return work(args, [make([rows, inner], 1), make([inner, cols], 2, 0.05), make([cols], 3)], (x, w, b) =>
      args.activation === "swiglu"
        ? swiglu(x!, w!, b!)
        : linear(x!, w as tf.Tensor2D, b as tf.Tensor1D, { activation }),
    );
  },
  attention: (args) => {
    const [batch, tokens] = [numberOf(args, "batch"), numberOf(args, "tokens")];
    const [width, heads] = [numberOf(args, "width"), numberOf(args, "heads")];
    return work(args, [make([batch, tokens, 3 * width], 1)], (qkv) =>
      multiHeadAttention(qkv as tf.Tensor3D, heads),
    );
  },
  sort: (args) =>
    work(
      { ...args, gradient: false },
      [make([1, numberOf(args, "values")], 1)],
      (x) => sortDescending(x as tf.Tensor2D).values,
    ),
  layerNorm: (args) => {
    const [rows, cols] = [numberOf(args, "rows"), numberOf(args, "cols")];
    return work(args, [make([rows, cols], 1), make([cols], 2), make([cols], 3)], (x, gamma, beta) =>
      layerNorm(x!, gamma as tf.Tensor1D, beta as tf.Tensor1D),
    );
  },
  gelu: (args) => work(args, [make(rowsAndCols(args), 1, 3)], (x) => gelu(x!)),
  softmax: (args) => work(args, [make(rowsAndCols(args), 1, 3)], (x) => softmax(x!)),
  conv: (args) => {
    const [rows, from, to] = [numberOf(args, "rows"), numberOf(args, "from"), numberOf(args, "to")];
    const kernel = numberOf(args, "kernel");
    const inputs = [make([1, rows, rows, from], 1), make([kernel, kernel, from, to], 2, 0.05)];
    return work(args, inputs, (x, w) =>
      conv2d(x as tf.Tensor4D, w as tf.Tensor4D, undefined, { padding: (kernel - 1) / 2 }),
    );
  },
  gatedSilu: (args) => work(args, [make(rowsAndCols(args), 1, 3)], (both) => gatedSilu(both!)),
  groupNorm: (args) => {
    const [rows, channels] = [numberOf(args, "rows"), numberOf(args, "channels")];
    const options = { groups: numberOf(args, "groups"), activation: "relu" } as const;
    const inputs = [make([1, rows, rows, channels], 1), make([channels], 2), make([channels], 3)];
    return work(args, inputs, (x, gamma, beta) => groupNorm(x as tf.Tensor4D, gamma!, beta!, options));
  },
  batchNorm: (args) => {
    const [rows, channels] = [numberOf(args, "rows"), numberOf(args, "channels")];
    const inputs = [make([1, rows, rows, channels], 1), make([channels], 2), make([channels], 3)];
    const running = { runningMean: tf.zeros([channels]), runningVar: tf.ones([channels]) };
    const options = { training: true, activation: "relu" } as const;
    return work(args, inputs, (x, weight, bias) =>
      batchNorm(x!, { weight: weight!, bias: bias!, ...running }, options),
    );
  },
  convNorm: (args) =>
    work(args, normInputs(tf, args), (x, w, weight, bias, runningMean, runningVar) =>
      convBatchNorm(
        x as tf.Tensor4D,
        w as tf.Tensor4D,
        undefined,
        { weight: weight!, bias: bias!, runningMean: runningMean!, runningVar: runningVar! },
        { padding: (numberOf(args, "kernel") - 1) / 2, activation: "relu" },
      ),
    ),
  adam: adamWork,
  resize: (args) => {
    const [small, large] = [numberOf(args, "small"), numberOf(args, "large")];
    return work(args, [make([1, small, small, numberOf(args, "channels")], 1)], (x) =>
      resizeBilinear(x as tf.Tensor4D, [large, large]),
    );
  },
};

const rowsAndCols = (args: TaskArgs): number[] => [numberOf(args, "rows"), numberOf(args, "cols")];

const make = (shape: readonly number[], salt: number, scale = 1): tf.Tensor =>
  tensorOf(tf, shape, salt, scale);

function work(args: TaskArgs, inputs: Inputs, forward: (...inputs: tf.Tensor[]) => tf.Tensor): Work {
  if (args.gradient !== true) return operationWork(tf, inputs, forward, undefined);
  const params: Params = Object.fromEntries(inputs.map((tensor, index) => [String(index), tensor]));
  return operationWork(tf, inputs, forward, (dy) => {
    const { value, grads } = valueAndGrad(
      (given) => withSlope(forward(...inputs.map((_, index) => given[String(index)]!)), dy),
      params,
    );
    value.dispose();
    return inputs.map((_, index) => grads[String(index)]!);
  });
}

/** A loss with the slope `dy`, and no work of its own: peers are handed the gradient of the result too. */
function withSlope(y: tf.Tensor, dy: tf.Tensor): tf.Scalar {
  return withGradient({
    inputs: { y },
    forward: () => ({ value: tf.scalar(0), saved: {} }),
    backward: () => ({ y: dy }),
  });
}
