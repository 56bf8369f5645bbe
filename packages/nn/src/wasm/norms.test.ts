import { expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { withReferenceKernels } from "../kernels/door.js";
import { type BatchNormStatistics, batchNorm } from "../ops/batch_norm.js";
import { groupNorm } from "../ops/group_norm.js";
import type { Params } from "../types.js";
import { valueAndGrad } from "../value_and_grad.js";
import { randomValues, startWasm } from "./testing/test_backend.js";

beforeAll(() => startWasm({ threads: 2 }));

const random = (shape: number[], seed: number): tf.Tensor => tf.tensor(randomValues(shape, seed), shape);

/** Value and gradients of the sum of `run` times fixed weights, fast and composed. */
async function expectBothAlike(
  run: (inputs: Params) => tf.Tensor,
  inputs: Params,
  atol: number,
): Promise<void> {
  const y = withReferenceKernels(() => run(inputs));
  await expectClose(run(inputs), y, { atol: 1e-5, rtol: 1e-5 });
  const weights = random([...y.shape], 77);
  const both = () => valueAndGrad((given) => tf.sum(tf.mul(run(given), weights)) as tf.Scalar, inputs);
  const [fast, want] = [both(), withReferenceKernels(both)];
  for (const name of Object.keys(inputs)) {
    await expectClose(fast.grads[name]!, want.grads[name]!, { atol, rtol: 1e-4 });
  }
}

const activations = [undefined, "relu"] as const;

describe("batch normalisation on wasm", () => {
  // Strips of sixteen, eight, four and single channels, rows of many; several blocks and parts of rows.
  const shapes = [
    [2, 1],
    [3, 5],
    [2, 3, 7, 6],
    [1, 1, 2, 16],
    [301, 23],
    [2, 60, 61, 17],
    [5000, 40],
    [323, 32],
    [1027, 64],
    [131, 203],
  ];

  it.each(shapes.map((shape) => [shape]))(
    "of %j has the composition's value and gradients",
    async (shape) => {
      const width = shape.at(-1)!;
      const x = tf.add(tf.mul(random(shape, 1), 3), 2);
      const inputs = { x, weight: random([width], 2), bias: random([width], 3) };
      const running = { runningMean: random([width], 4), runningVar: tf.abs(random([width], 5)) };
      for (const training of [true, false]) {
        for (const activation of activations) {
          const run = ({ x, weight, bias }: Params): tf.Tensor =>
            batchNorm(
              x!,
              { weight: weight!, bias: bias!, ...running },
              { training, ...(activation && { activation }) },
            );
          await expectBothAlike(run, inputs, 3e-6 * Math.sqrt(x.size) + 2e-5);
          await expectNoTensorGrowth(() => run(inputs));
        }
      }
    },
  );

  it("reports the statistics of the batch, also far from zero", async () => {
    const x = tf.add(random([70_000, 3], 6), 1000);
    const params = {
      weight: tf.ones([3]),
      bias: tf.zeros([3]),
      runningMean: tf.zeros([3]),
      runningVar: tf.zeros([3]),
    };
    const seen: BatchNormStatistics[] = [];
    batchNorm(x, params, { training: true, momentum: 1, onStatistics: (news) => seen.push(news) });
    const values = await x.data();
    for (let c = 0; c < 3; c++) {
      const channel = Float64Array.from({ length: 70_000 }, (_, i) => values[3 * i + c]!);
      const mean = channel.reduce((sum, one) => sum + one, 0) / channel.length;
      const squares = channel.reduce((sum, one) => sum + (one - mean) ** 2, 0);
      expect((await seen[0]!.runningMean.data())[c]).toBeCloseTo(mean, 3);
      expect((await seen[0]!.runningVar.data())[c]! / (squares / 69_999)).toBeCloseTo(1, 5);
    }
  });
});

describe("group normalisation on wasm", () => {
  it.each([
    [[1, 1, 1, 2], 1],
    [[2, 3, 5, 6], 3],
    [[3, 1, 7, 20], 5],
    [[2, 61, 50, 23], 1],
    [[1, 80, 70, 16], 8],
  ] as [number[], number][])(
    "of %j, %i groups, has the composition's value and gradients",
    async (shape, groups) => {
      const width = shape[3]!;
      const x = tf.add(tf.mul(random(shape, 1), 3), 2);
      const inputs = { x, gamma: random([width], 2), beta: random([width], 3) };
      for (const activation of activations) {
        const run = ({ x, gamma, beta }: Params): tf.Tensor =>
          groupNorm(x as tf.Tensor4D, gamma!, beta!, { groups, ...(activation && { activation }) });
        await expectBothAlike(run, inputs, 3e-6 * Math.sqrt(x.size) + 2e-5);
        await expectNoTensorGrowth(() => run(inputs));
      }
    },
  );
});
