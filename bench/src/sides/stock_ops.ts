import type * as tf from "@tensorflow/tfjs-core";
import type { TaskArgs } from "../protocol.js";
import type { PrepareWork, Work } from "./serve.js";
import { stockAdam } from "./stock_adam.js";
import { type Inputs, normInputs, numberOf, operationWork, tensorOf } from "./tf_tools.js";

/** The same operations as a user of TensorFlow.js writes them, from its public functions. */
export function stockOperations(engine: typeof tf): Readonly<Record<string, PrepareWork>> {
  const make = (shape: readonly number[], salt: number, scale = 1) => tensorOf(engine, shape, salt, scale);
  const rowsAndCols = (args: TaskArgs) => [numberOf(args, "rows"), numberOf(args, "cols")];
  return {
    sort: (args) => {
      const values = numberOf(args, "values");
      return work(engine, args, [make([1, values], 1)], (x) => engine.topk(x!, values, true).values);
    },
    linear: (args) => {
      const [rows, inner, cols] = [numberOf(args, "rows"), numberOf(args, "inner"), numberOf(args, "cols")];
      const inputs = [make([rows, inner], 1), make([inner, cols], 2, 0.05), make([cols], 3)];
      return work(engine, args, inputs, (x, w, b) => {
        const y = engine.add(engine.matMul(x!, w!), b!);
        if (args.activation === "swiglu") return stockGatedSilu(engine, y);
        return args.activation === "gelu" ? stockGelu(engine, y) : y;
      });
    },
    attention: (args) => {
      const [batch, tokens] = [numberOf(args, "batch"), numberOf(args, "tokens")];
      const [width, heads] = [numberOf(args, "width"), numberOf(args, "heads")];
      return work(engine, args, [make([batch, tokens, 3 * width], 1)], (qkv) =>
        stockAttention(engine, qkv as tf.Tensor3D, heads),
      );
    },
    layerNorm: (args) => {
      const [rows, cols] = [numberOf(args, "rows"), numberOf(args, "cols")];
      return work(engine, args, [make([rows, cols], 1), make([cols], 2), make([cols], 3)], (x, gamma, beta) =>
        stockLayerNorm(engine, x!, gamma!, beta!),
      );
    },
    gelu: (args) => work(engine, args, [make(rowsAndCols(args), 1, 3)], (x) => stockGelu(engine, x!)),
    softmax: (args) => work(engine, args, [make(rowsAndCols(args), 1, 3)], (x) => engine.softmax(x!)),
    conv: (args) => {
      const [rows, from, to] = [numberOf(args, "rows"), numberOf(args, "from"), numberOf(args, "to")];
      const kernel = numberOf(args, "kernel");
      const inputs = [make([1, rows, rows, from], 1), make([kernel, kernel, from, to], 2, 0.05)];
      return work(engine, args, inputs, (x, w) =>
        engine.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, "same"),
      );
    },
    gatedSilu: (args) =>
      work(engine, args, [make(rowsAndCols(args), 1, 3)], (both) => stockGatedSilu(engine, both!)),
    groupNorm: (args) => {
      const [rows, channels] = [numberOf(args, "rows"), numberOf(args, "channels")];
      const inputs = [make([1, rows, rows, channels], 1), make([channels], 2), make([channels], 3)];
      return work(engine, args, inputs, (x, gamma, beta) =>
        engine.relu(stockGroupNorm(engine, x as tf.Tensor4D, gamma!, beta!, numberOf(args, "groups"))),
      );
    },
    batchNorm: (args) => {
      const [rows, channels] = [numberOf(args, "rows"), numberOf(args, "channels")];
      const inputs = [make([1, rows, rows, channels], 1), make([channels], 2), make([channels], 3)];
      // As tf.layers.batchNormalization does in training.
      return work(engine, args, inputs, (x, gamma, beta) => {
        const { mean, variance } = engine.moments(x!, [0, 1, 2]);
        return engine.relu(
          engine.batchNorm(
            x as tf.Tensor4D,
            mean as tf.Tensor1D,
            variance as tf.Tensor1D,
            beta as tf.Tensor1D,
            gamma as tf.Tensor1D,
            1e-5,
          ),
        );
      });
    },
    convNorm: (args) =>
      work(engine, args, normInputs(engine, args), (x, w, weight, bias, mean, variance) => {
        const y = engine.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, "same");
        const [m, v] = [mean as tf.Tensor1D, variance as tf.Tensor1D];
        return engine.relu(engine.batchNorm(y, m, v, bias as tf.Tensor1D, weight as tf.Tensor1D, 1e-5));
      }),
    adam: stockAdam(engine),
    resize: (args) => {
      const [small, large] = [numberOf(args, "small"), numberOf(args, "large")];
      return work(engine, args, [make([1, small, small, numberOf(args, "channels")], 1)], (x) =>
        engine.image.resizeBilinear(x as tf.Tensor4D, [large, large], false, true),
      );
    },
  };
}

/** x (1 + erf(x / sqrt 2)) / 2 */
export function stockGelu(engine: typeof tf, x: tf.Tensor): tf.Tensor {
  return engine.mul(engine.mul(x, 0.5), engine.add(engine.erf(engine.mul(x, Math.SQRT1_2)), 1));
}

function stockGatedSilu(engine: typeof tf, both: tf.Tensor): tf.Tensor {
  const [gate, value] = engine.split(both, 2, -1) as [tf.Tensor, tf.Tensor];
  return engine.mul(engine.mul(gate, engine.sigmoid(gate)), value);
}

/** Mean and variance over the last axis, then scale and shift. */
export function stockLayerNorm(
  engine: typeof tf,
  x: tf.Tensor,
  gamma: tf.Tensor,
  beta: tf.Tensor,
): tf.Tensor {
  const { mean, variance } = engine.moments(x, -1, true);
  const normal = engine.mul(engine.sub(x, mean), engine.rsqrt(engine.add(variance, 1e-6)));
  return engine.add(engine.mul(normal, gamma), beta);
}

/** Mean and variance over the pixels and channels of each group, then scale and shift. */
export function stockGroupNorm(
  engine: typeof tf,
  x: tf.Tensor4D,
  gamma: tf.Tensor,
  beta: tf.Tensor,
  groups: number,
): tf.Tensor4D {
  const [batch, rows, cols, channels] = x.shape;
  const grouped = engine.reshape(x, [batch, rows * cols, groups, channels / groups]);
  const { mean, variance } = engine.moments(grouped, [1, 3], true);
  const normal = engine.mul(engine.sub(grouped, mean), engine.rsqrt(engine.add(variance, 1e-5)));
  return engine.add(engine.mul(engine.reshape(normal, x.shape), gamma), beta);
}

/** As in any tutorial: split into heads, batched products, softmax. */
export function stockAttention(engine: typeof tf, qkv: tf.Tensor3D, heads: number): tf.Tensor3D {
  const [batch, tokens, packed] = qkv.shape;
  const size = packed / 3 / heads;
  const [q, k, v] = engine
    .split(qkv, 3, 2)
    .map((part) => engine.transpose(engine.reshape(part, [batch, tokens, heads, size]), [0, 2, 1, 3])) as [
    tf.Tensor4D,
    tf.Tensor4D,
    tf.Tensor4D,
  ];
  const scores = engine.softmax(engine.mul(engine.matMul(q, k, false, true), size ** -0.5));
  const values = engine.transpose(engine.matMul(scores, v), [0, 2, 1, 3]);
  return engine.reshape(values, [batch, tokens, packed / 3]);
}

function work(
  engine: typeof tf,
  args: TaskArgs,
  inputs: Inputs,
  forward: (...inputs: tf.Tensor[]) => tf.Tensor,
): Work {
  if (args.gradient !== true) return operationWork(engine, inputs, forward, undefined);
  const gradients = engine.grads(forward);
  return operationWork(engine, inputs, forward, (dy) => gradients([...inputs], dy));
}
