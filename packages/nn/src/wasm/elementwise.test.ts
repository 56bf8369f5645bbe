import { expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { withReferenceKernels } from "../kernels/door.js";
import { randomValues, startWasm } from "./testing/test_backend.js";

beforeAll(() => startWasm({ threads: 2 }));

type Operation = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;
const operations: Record<string, Operation> = { add: tf.add, sub: tf.sub, mul: tf.mul, maximum: tf.maximum };

const pairs: [number[], number[]][] = [
  [[7], [7]],
  [[], []],
  [[2, 3, 5], []],
  [[], [2, 3]],
  [[5, 9], [9]],
  [[9], [5, 9]],
  [
    [5, 9],
    [1, 9],
  ],
  [
    [5, 9],
    [5, 1],
  ],
  [
    [3, 4, 5],
    [4, 5],
  ],
  [
    [3, 4, 5],
    [3, 1, 5],
  ],
  [
    [1, 4],
    [1, 1, 1],
  ],
  [
    [2, 3, 1],
    [3, 1],
  ],
  [[900, 131], [131]],
  [
    [900, 131],
    [900, 131],
  ],
  [[900, 131], [1]],
  [[0, 4], [4]],
];

describe.each(Object.entries(operations))("%s on wasm", (name, operation) => {
  it.each(pairs)("of %j and %j has the bits of the stock kernel", async (left, right) => {
    const [a, b] = [left, right].map((shape, i) => tf.tensor(randomValues(shape, i), shape)) as [
      tf.Tensor,
      tf.Tensor,
    ];
    const got = operation(a, b);
    const want = withReferenceKernels(() => operation(a, b));
    expect(got.shape).toEqual(want.shape);
    const [gotValues, wantValues] = [await got.data(), await want.data()];
    expect(gotValues.every((value, i) => Object.is(value, wantValues[i]))).toBe(true);
    expect(gotValues.length).toBe(wantValues.length);
    await expectNoTensorGrowth(() => operation(a, b));
    tf.dispose([a, b, got, want]);
  });

  it("keeps whole numbers whole", async () => {
    const x = tf.tensor1d([1, 2, 3], "int32");
    const got = operation(x, tf.scalar(2, "int32"));
    expect(got.dtype).toBe("int32");
    expect([...(await got.data())]).toEqual(
      { add: [3, 4, 5], sub: [-1, 0, 1], mul: [2, 4, 6], maximum: [2, 2, 3] }[name],
    );
  });
});
