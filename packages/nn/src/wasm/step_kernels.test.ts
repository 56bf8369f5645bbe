import { expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { withReferenceKernels } from "../kernels/door.js";
import type { AdamUpdate } from "../ops/adam_types.js";
import { adamUpdate } from "../ops/adam_update.js";
import { conv2d } from "../ops/conv2d.js";
import { gatedSilu } from "../ops/gated_silu.js";
import { valueAndGrad } from "../value_and_grad.js";
import { randomValues, startWasm } from "./testing/test_backend.js";

beforeAll(() => startWasm({ threads: 2 }));

const random = (shape: number[], seed: number): tf.Tensor => tf.tensor(randomValues(shape, seed), shape);

describe("Adam on wasm", () => {
  const numbers = {
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    shrink: 0.99,
    l2: 0.1,
    stepSize: 0.01,
    spreadScale: 1.5,
  };

  it.each([[[]], [[1]], [[3, 101]], [[0]], [[70_001]]])(
    "updates %j as in double precision",
    async (shape) => {
      const [param, grad] = [random(shape, 1), random(shape, 2)];
      for (const amsgrad of [false, true]) {
        const steps = (): AdamUpdate => {
          const first = adamUpdate(param, grad, {}, { ...numbers, amsgrad });
          return adamUpdate(first.param, tf.mul(grad, 0.5), first, { ...numbers, amsgrad });
        };
        const fast = steps();
        const want = withReferenceKernels(steps);
        for (const name of ["param", "mean", "square"] as const) {
          expect(fast[name].shape).toEqual(shape);
          await expectClose(fast[name], want[name], { atol: 1e-7, rtol: 1e-5 });
        }
      }
      await expectNoTensorGrowth(() => {
        const { param: next, mean, square } = adamUpdate(param, grad, {}, { ...numbers, amsgrad: false });
        return [next, mean, square];
      });
    },
  );
});

describe("gated SiLU on wasm", () => {
  it.each([[[1, 2]], [[3, 14]], [[2, 5, 74]], [[700, 66]]])(
    "of %j has the composition's value and gradient",
    async (shape) => {
      const both = tf.mul(random(shape, 3), 12);
      const weights = random([...shape.slice(0, -1), shape.at(-1)! / 2], 4);
      const loss = ({ x }: { x: tf.Tensor }): tf.Scalar => tf.sum(tf.mul(gatedSilu(x), weights)) as tf.Scalar;
      const run = () => valueAndGrad((given) => loss(given as { x: tf.Tensor }), { x: both });
      const [fast, want] = [run(), withReferenceKernels(run)];
      await expectClose(fast.grads.x!, want.grads.x!, { atol: 2e-6, rtol: 1e-5 });
      await expectClose(
        gatedSilu(both),
        withReferenceKernels(() => gatedSilu(both)),
        { atol: 1e-6, rtol: 1e-5 },
      );
      await expectNoTensorGrowth(() => gatedSilu(both));
    },
  );

  it("goes to 0 and to the product far out", async () => {
    await expectClose(gatedSilu(tf.tensor2d([[-200, 200, 3, 3]])), [0, 600], { atol: 1e-30, rtol: 1e-6 });
  });
});

describe("sums on wasm", () => {
  const cases: [number[], number[] | undefined][] = [
    [[7], undefined],
    [[], []],
    [
      [1, 252, 252, 1],
      [0, 1, 2],
    ],
    [[3, 5, 17], [2]],
    [
      [3, 5, 17],
      [1, 2],
    ],
    [
      [3, 5, 17],
      [0, 1],
    ],
    [[3, 5, 17], [1]],
    [[1, 9000], [1]],
    [[200_001], [0]],
    [[5, 1], [1]],
    [[300, 2, 333], [1]],
    [[3, 400, 5], [1]],
    [
      [3, 4, 5, 6],
      [1, 2],
    ],
    [
      [3, 4, 5, 6],
      [0, 2],
    ],
  ];
  it.each(cases)("of %j over %j are the stock kernel's", async (shape, axes) => {
    const x = random(shape, 5);
    for (const reduce of [tf.sum, tf.mean]) {
      for (const keepDims of [false, true]) {
        const run = (): tf.Tensor => reduce(x, axes, keepDims);
        const [got, want] = [run(), withReferenceKernels(run)];
        expect(got.shape).toEqual(want.shape);
        await expectClose(got, want, { atol: 1e-2 * Math.sqrt(x.size / 2e5), rtol: 1e-5 });
      }
    }
    await expectNoTensorGrowth(() => tf.sum(x, axes));
  });

  it("keep what a long plain sum in single precision loses", async () => {
    const x = tf.fill([1 << 22], 0.1);
    await expectClose(tf.sum(x), [Math.fround(0.1) * (1 << 22)], { atol: 0, rtol: 1e-6 });
  });
});

describe("a 1 x 1 convolution to one channel on wasm", () => {
  it.each([[[1, 1, 1, 1]], [[1, 3, 5, 3]], [[2, 7, 1, 16]], [[2, 61, 67, 33]]])(
    "of %j has the composition's value and gradients",
    async (shape) => {
      const inputs = { x: random(shape, 6), w: random([1, 1, shape[3]!, 1], 7), b: random([1], 8) };
      const run = ({ x, w, b }: Partial<typeof inputs>, activation?: "relu"): tf.Tensor4D =>
        conv2d(x as tf.Tensor4D, w as tf.Tensor4D, b as tf.Tensor1D, activation && { activation });
      for (const activation of [undefined, "relu"] as const) {
        const weights = random([...shape.slice(0, 3), 1], 9);
        const both = () =>
          valueAndGrad((given) => tf.sum(tf.mul(run(given, activation), weights)) as tf.Scalar, inputs);
        const [fast, want] = [both(), withReferenceKernels(both)];
        for (const name of ["x", "w", "b"] as const) {
          await expectClose(fast.grads[name]!, want.grads[name]!, { atol: 2e-5, rtol: 2e-4 });
        }
        const reference = withReferenceKernels(() => run(inputs, activation));
        await expectClose(run(inputs, activation), reference, { atol: 2e-6, rtol: 1e-5 });
      }
      await expectNoTensorGrowth(() => run(inputs));
    },
  );

  it("does not depend on the cut: pixels one by one have the same bits", async () => {
    const x = random([1, 1, 7, 37], 1) as tf.Tensor4D;
    const w = random([1, 1, 37, 1], 2) as tf.Tensor4D;
    const whole = await conv2d(x, w).data();
    for (let i = 0; i < 7; i++) {
      const [pixel] = await conv2d(tf.slice(x, [0, 0, i, 0], [1, 1, 1, 37]), w).data();
      expect(pixel).toBe(whole[i]);
    }
  });
});
