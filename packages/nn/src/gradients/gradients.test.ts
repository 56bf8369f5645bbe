import { describeOnBackends, expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { expectGradient, seededTensor } from "../testing/directional_gradient.js";
import type { Params } from "../types.js";
import { valueAndGrad } from "../value_and_grad.js";
import { inversePermutation } from "./shapes.js";

type Case = readonly [
  name: string,
  f: (inputs: Params) => tf.Tensor,
  shapes: readonly (readonly number[])[],
  range?: readonly [low: number, high: number],
];

/** Inputs are called a, b, c. Ranges keep away from kinks and poles. */
const cases: readonly Case[] = [
  [
    "add, broadcast",
    ({ a, b }) => tf.add(a!, b!),
    [
      [2, 3, 4],
      [3, 1],
    ],
  ],
  ["sub, broadcast", ({ a, b }) => tf.sub(a!, b!), [[4], [2, 3, 4]]],
  [
    "mul, broadcast",
    ({ a, b }) => tf.mul(a!, b!),
    [
      [2, 1, 4],
      [2, 3, 1],
    ],
  ],
  ["mul by itself", ({ a }) => tf.mul(a!, a!), [[5]]],
  ["div, broadcast", ({ a, b }) => tf.div(a!, b!), [[2, 3], [3]], [1, 2]],
  [
    "squaredDifference",
    ({ a, b }) => tf.squaredDifference(a!, b!),
    [
      [2, 3],
      [1, 3],
    ],
  ],
  ["pow", ({ a, b }) => tf.pow(a!, b!), [[2, 3], [3]], [0.5, 2]],
  ["pow by a number", ({ a }) => tf.pow(a!, 3), [[6]], [0.5, 2]],
  ["maximum", ({ a, b }) => tf.maximum(a!, tf.add(b!, 0.3)), [[3, 3], [3]], [0, 0.25]],
  ["minimum", ({ a, b }) => tf.minimum(a!, tf.sub(b!, 0.3)), [[3, 3], [3]], [0, 0.25]],
  ["neg", ({ a }) => tf.neg(a!), [[4]]],
  ["exp", ({ a }) => tf.exp(a!), [[4]]],
  ["expm1", ({ a }) => tf.expm1(a!), [[4]]],
  ["log", ({ a }) => tf.log(a!), [[4]], [1, 2]],
  ["log1p", ({ a }) => tf.log1p(a!), [[4]], [1, 2]],
  ["sqrt", ({ a }) => tf.sqrt(a!), [[4]], [1, 2]],
  ["rsqrt", ({ a }) => tf.rsqrt(a!), [[4]], [1, 2]],
  ["square", ({ a }) => tf.square(a!), [[4]]],
  ["reciprocal", ({ a }) => tf.reciprocal(a!), [[4]], [1, 2]],
  ["abs", ({ a }) => tf.abs(tf.sub(a!, 2)), [[4]]],
  ["sin, cos, atan", ({ a }) => tf.add(tf.add(tf.sin(a!), tf.cos(a!)), tf.atan(a!)), [[4]]],
  ["sigmoid", ({ a }) => tf.sigmoid(a!), [[4]]],
  ["tanh", ({ a }) => tf.tanh(a!), [[4]]],
  ["softplus", ({ a }) => tf.softplus(a!), [[4]]],
  ["erf", ({ a }) => tf.erf(a!), [[4]]],
  ["relu", ({ a }) => tf.relu(tf.sub(a!, [2, -2, 2, -2])), [[4]]],
  ["relu6", ({ a }) => tf.relu6(tf.mul(a!, [1, 10, -1, 1])), [[4]], [0.7, 1]],
  ["leakyRelu", ({ a }) => tf.leakyRelu(tf.sub(a!, [2, -2, 2, -2]), 0.1), [[4]]],
  ["elu", ({ a }) => tf.elu(tf.sub(a!, [2, -2, 2, -2])), [[4]]],
  ["clipByValue", ({ a }) => tf.clipByValue(tf.mul(a!, [1, 3, -3]), -1.5, 1.5), [[3]], [0.7, 1]],
  ["sum", ({ a }) => tf.sum(a!), [[2, 3]]],
  ["sum over the first axis", ({ a }) => tf.sum(a!, 0), [[2, 3, 4]]],
  ["sum over two axes, kept", ({ a }) => tf.sum(a!, [0, 2], true), [[2, 3, 4]]],
  ["sum of each image", ({ a }) => tf.sum(a!, [1, 2, 3]), [[2, 3, 1, 4]]],
  ["sum over an image, by channel", ({ a }) => tf.sum(a!, [1, 2]), [[2, 1, 3, 4]]],
  ["sum over single axes", ({ a }) => tf.sum(a!, [0, 2]), [[1, 3, 1]]],
  ["sum of a number", ({ a }) => tf.sum(a!), [[]]],
  ["mean over axes", ({ a }) => tf.mean(a!, [1, 2]), [[2, 3, 4]]],
  ["max", ({ a }) => tf.max(tf.add(a!, tf.tensor2d([0, 3, 0, 3, 0, 0], [2, 3])), 1), [[2, 3]]],
  ["min", ({ a }) => tf.min(tf.add(a!, tf.tensor2d([0, 3, 3, 3, 0, 3], [2, 3])), 1), [[2, 3]]],
  ["softmax", ({ a }) => tf.softmax(a!), [[2, 5]]],
  ["logSoftmax", ({ a }) => tf.logSoftmax(a!), [[2, 5]]],
  ["logSumExp", ({ a }) => tf.logSumExp(a!, 1), [[2, 5]]],
  ["cumsum, first axis", ({ a }) => tf.cumsum(a!, 0), [[4, 3]]],
  ["cumsum, exclusive", ({ a }) => tf.cumsum(a!, 1, true), [[3, 5]]],
  ["reshape", ({ a }) => tf.reshape(a!, [3, 4]), [[2, 6]]],
  ["expandDims, squeeze", ({ a }) => tf.squeeze(tf.expandDims(a!, 1), [1]), [[2, 3]]],
  ["clone", ({ a }) => tf.clone(a!), [[2, 3]]],
  ["transpose", ({ a }) => tf.transpose(a!, [2, 0, 1]), [[2, 3, 4]]],
  ["slice", ({ a }) => tf.slice(a!, [1, 0, 2], [1, -1, 2]), [[2, 3, 4]]],
  ["stridedSlice", ({ a }) => tf.stridedSlice(a!, [1, 0], [7, 5], [3, 2]), [[8, 6]]],
  ["tile", ({ a }) => tf.tile(a!, [2, 1, 3]), [[2, 3, 2]]],
  ["broadcastTo", ({ a }) => tf.broadcastTo(a!, [2, 3, 4]), [[3, 1]]],
  [
    "pad",
    ({ a }) =>
      tf.pad(
        a!,
        [
          [1, 2],
          [0, 3],
        ],
        5,
      ),
    [[2, 3]],
  ],
  ["where", ({ a, b }) => tf.where(tf.tensor1d([1, 0, 1], "bool"), a!, b!), [[3], [3]]],
  ["where, broadcast", ({ a, b }) => tf.where(tf.tensor1d([1, 0, 1], "bool"), a!, b!), [[2, 3], [1]]],
  ["reverse", ({ a }) => tf.reverse(a!, [1]), [[2, 3]]],
  [
    "concat",
    ({ a, b }) => tf.concat([a!, b!], 1),
    [
      [2, 3],
      [2, 2],
    ],
  ],
  [
    "concat, last axis by -1",
    ({ a, b }) => tf.concat([a!, b!], -1),
    [
      [2, 3],
      [2, 2],
    ],
  ],
  [
    "stack",
    ({ a, b }) => tf.stack([a!, b!], 1),
    [
      [2, 3],
      [2, 3],
    ],
  ],
  ["unstack", ({ a }) => tf.mul(tf.unstack(a!, 1)[0]!, tf.unstack(a!, 1)[2]!), [[2, 3]]],
  ["split", ({ a }) => tf.split(a!, [1, 3], 1)[1]!, [[2, 4]]],
  ["addN", ({ a, b, c }) => tf.addN([a!, b!, c!]), [[3], [3], [3]]],
  [
    "matMul",
    ({ a, b }) => tf.matMul(a!, b!),
    [
      [3, 4],
      [4, 2],
    ],
  ],
  [
    "matMul, transposed",
    ({ a, b }) => tf.matMul(a!, b!, true, true),
    [
      [4, 3],
      [2, 4],
    ],
  ],
  [
    "matMul, left transposed",
    ({ a, b }) => tf.matMul(a!, b!, true, false),
    [
      [4, 3],
      [4, 2],
    ],
  ],
  [
    "matMul, right transposed",
    ({ a, b }) => tf.matMul(a!, b!, false, true),
    [
      [3, 4],
      [2, 4],
    ],
  ],
  [
    "matMul, batches",
    ({ a, b }) => tf.matMul(a!, b!, false, true),
    [
      [2, 3, 4],
      [2, 5, 4],
    ],
  ],
  [
    "matMul, batch broadcast",
    ({ a, b }) => tf.matMul(a!, b!),
    [
      [2, 2, 3, 4],
      [1, 2, 4, 2],
    ],
  ],
  ["gather", ({ a }) => tf.gather(a!, tf.tensor1d([0, 2, 2, 1], "int32"), 1), [[2, 3, 2]]],
  [
    "gather by a table",
    ({ a }) =>
      tf.gather(
        a!,
        tf.tensor2d(
          [
            [0, 2],
            [2, 1],
          ],
          [2, 2],
          "int32",
        ),
      ),
    [[3, 2]],
  ],
];

describeOnBackends("gradients of tfjs's elementary operations", () => {
  for (const [name, f, shapes, range = [-1, 1]] of cases) {
    it(name, async () => {
      const names = ["a", "b", "c"];
      const inputs = Object.fromEntries(
        shapes.map((shape, index) => [names[index]!, seededTensor(shape, names[index]!, ...range)]),
      );
      await expectGradient((given) => tf.tidy(() => f(given)), inputs);
      await expectNoTensorGrowth(() => valueAndGrad((given) => tf.sum(f(given)) as tf.Scalar, inputs));
      tf.dispose(inputs);
    });
  }

  it("shares the gradient of equal values, as PyTorch", async () => {
    const inputs = { a: tf.tensor1d([1, 2]), b: tf.tensor1d([1, 3]) };
    const { grads } = valueAndGrad(({ a, b }) => tf.sum(tf.maximum(a!, b!)) as tf.Scalar, inputs);
    await expectClose(grads.a!, [0.5, 0]);
    await expectClose(grads.b!, [0.5, 1]);
    const best = valueAndGrad(({ a }) => tf.max(a!) as tf.Scalar, { a: tf.tensor1d([3, 1, 3]) });
    await expectClose(best.grads.a!, [0.5, 0, 0.5]);
  });

  it("refuses to walk back through a reversed slice", () => {
    const loss = ({ a }: Params): tf.Scalar => tf.sum(tf.stridedSlice(a!, [3], [0], [-1])) as tf.Scalar;
    expect(() => valueAndGrad(loss, { a: tf.ones([5]) })).toThrow(/positive strides/);
  });

  it("scatters a long gather", async () => {
    const count = 5000;
    const order = Int32Array.from({ length: count }, (_, index) => (index * 7) % 1000);
    const { grads } = valueAndGrad(
      ({ a }) => tf.sum(tf.gather(a!, tf.tensor1d(order, "int32"))) as tf.Scalar,
      { a: tf.zeros([1000]) },
    );
    await expectClose(grads.a!, new Float32Array(1000).fill(5));
  });
});

describe("inversePermutation", () => {
  it("undoes a permutation", () => {
    expect(inversePermutation([2, 0, 3, 1])).toEqual([1, 3, 0, 2]);
  });
});
