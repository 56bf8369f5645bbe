import { expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { withReferenceKernels } from "../kernels/door.js";
import { randomValues, startWasm } from "./testing/test_backend.js";

beforeAll(() => startWasm());

async function expectSame(compute: () => tf.Tensor): Promise<void> {
  const run = () => tf.tidy(compute);
  const [got, want] = [run(), withReferenceKernels(run)];
  expect([got.shape, got.dtype]).toEqual([want.shape, want.dtype]);
  expect([...(await got.data())]).toEqual([...(await want.data())]);
  const held = tf.backend().numDataIds();
  await expectNoTensorGrowth(run);
  expect(tf.backend().numDataIds()).toBe(held);
}

describe("gather on wasm", () => {
  it.each([
    [[7], 0, [6, 0, 0]],
    [[3, 5, 7], 0, [2, 2, 1, 0]],
    [[3, 5, 7], 1, [4]],
    [[3, 5, 7], 2, [6, 0, 3, 3, 1]],
    [[1, 9, 8, 16], 2, [0, 0, 1, 1, 7]],
  ])("of %j along axis %i has the bits of the stock kernel", async (shape, axis, picked) => {
    for (const dtype of ["float32", "int32"] as const) {
      const x = tf.cast(tf.mul(tf.tensor(randomValues(shape, 1), shape), 100), dtype);
      await expectSame(() => tf.gather(x, tf.tensor1d(picked, "int32"), axis));
      await expectSame(() => tf.gather(x, tf.tensor2d([picked, picked], undefined, "int32"), axis));
    }
  });

  it("refuses an index out of range, and gathers in batches, as the stock kernel does", async () => {
    const x = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]);
    expect(() => tf.gather(x, tf.tensor1d([2], "int32"), 0)).toThrow();
    await expectSame(() =>
      tf.gather(
        x,
        tf.tensor2d(
          [
            [0, 2],
            [1, 1],
          ],
          [2, 2],
          "int32",
        ),
        1,
        1,
      ),
    );
  });
});

describe("equality on wasm", () => {
  it.each([
    [[5], [5]],
    [[300, 1], [4]],
    [[4], [300, 1]],
    [
      [1, 4],
      [300, 1],
    ],
    [
      [2, 3, 1, 2],
      [3, 5, 1],
    ],
    [[2, 3], []],
    [[0, 1], [4]],
  ])("of %j and %j has the values of the stock kernel", async (left, right) => {
    for (const dtype of ["float32", "int32"] as const) {
      const [a, b] = [left, right].map((shape, seed) =>
        tf.cast(tf.round(tf.mul(tf.tensor(randomValues(shape, seed), shape), 2)), dtype),
      ) as [tf.Tensor, tf.Tensor];
      await expectSame(() => tf.equal(a, b));
    }
  });
});
