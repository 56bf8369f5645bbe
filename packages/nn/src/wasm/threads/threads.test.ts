import { expectClose } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as nn from "../../index.js";
import { heapOf } from "../heap.js";
import { compareOperations } from "../testing/compare_operations.js";
import { randomValues, restartWasm, startWasm } from "../testing/test_backend.js";

beforeAll(() => startWasm({ threads: 2 }));

compareOperations("operations on two threads and on the stock kernels", expectClose);

type Tensors = Record<string, tf.Tensor>;

/** Sizes at which every kernel has something to share out, ragged so that the last part is short. */
const largeCases: Record<string, { shapes: Record<string, number[]>; run: (x: Tensors) => tf.Tensor }> = {
  "a block's end": {
    shapes: { residual: [1, 421, 70], x: [1, 421, 130], w: [130, 70], b: [70], gamma: [70] },
    run: ({ residual, x, w, b, gamma }) => nn.linearResidual(residual!, x!, { w: w!, b, gamma }),
  },
  "linear of few rows": {
    shapes: { x: [33, 300], w: [300, 2100], b: [2100] },
    run: ({ x, w, b }) => nn.linear(x!, w!, b, { activation: "gelu" }),
  },
  "a batch of products": {
    shapes: { a: [5, 90, 70], b: [5, 70, 81] },
    run: ({ a, b }) => nn.matMul(a!, b!),
  },
  multiHeadAttention: {
    shapes: { x: [2, 403, 72] },
    run: ({ x }) => nn.multiHeadAttention(x as tf.Tensor3D, 3),
  },
  layerNorm: {
    shapes: { x: [3, 411, 67], g: [67], b: [67] },
    run: ({ x, g, b }) => nn.layerNorm(x!, g!, b!),
  },
  groupNorm: {
    shapes: { x: [3, 40, 41, 12], g: [12], b: [12] },
    run: ({ x, g, b }) => nn.groupNorm(x as tf.Tensor4D, g!, b!, { groups: 4 }),
  },
  softmax: { shapes: { x: [800, 101] }, run: ({ x }) => nn.softmax(x!) },
  gelu: { shapes: { x: [5, 70, 333] }, run: ({ x }) => nn.gelu(x!) },
  relu: { shapes: { x: [5, 70, 333] }, run: ({ x }) => nn.relu(x!) },
  "conv 3x3": {
    shapes: { x: [2, 70, 71, 9], w: [3, 3, 9, 21], b: [21] },
    run: ({ x, w, b }) => nn.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, b, { padding: 1 }),
  },
  "conv 3x3 with stride, whose patches overlap": {
    shapes: { x: [1, 95, 94, 5], w: [3, 3, 5, 7] },
    run: ({ x, w }) =>
      nn.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, undefined, { padding: 2, stride: 2, dilation: 2 }),
  },
  "transposed conv": {
    shapes: { x: [2, 41, 40, 6], w: [4, 4, 7, 6], b: [7] },
    run: ({ x, w, b }) =>
      nn.convTranspose2d(x as tf.Tensor4D, w as tf.Tensor4D, b, { stride: 2, padding: 1 }),
  },
  resizeBilinear: {
    shapes: { x: [2, 45, 46, 17] },
    run: ({ x }) => nn.resizeBilinear(x as tf.Tensor4D, [101, 97]),
  },
};

interface Result {
  readonly value: Float32Array;
  readonly grads: Record<string, Float32Array>;
}

async function compute({ shapes, run }: (typeof largeCases)[string]): Promise<Result> {
  const inputs = Object.fromEntries(
    Object.entries(shapes).map(([name, shape], i) => [name, tf.tensor(randomValues(shape, i), shape)]),
  );
  const loss = (given: nn.Params): tf.Scalar => {
    const y = run(given as Tensors);
    return tf.sum(tf.mul(y, tf.tensor(randomValues(y.shape, 99), y.shape))) as tf.Scalar;
  };
  const value = tf.tidy(() => run(inputs));
  const { grads, value: total } = nn.valueAndGrad(loss, inputs);
  const read = async (tensor: tf.Tensor) => (await tensor.data()) as Float32Array;
  const result: Result = { value: await read(value), grads: {} };
  for (const [name, grad] of Object.entries(grads)) result.grads[name] = await read(grad);
  tf.dispose([value, total, ...Object.values(inputs), ...Object.values(grads)]);
  return result;
}

function isSame(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
}

describe("large operations", () => {
  const results: Record<number, Record<string, Result>> = {};
  beforeAll(async () => {
    for (const threads of [1, 2, 3]) {
      await restartWasm({ threads });
      results[threads] = {};
      for (const [name, one] of Object.entries(largeCases)) results[threads]![name] = await compute(one);
    }
  }, 60_000);
  afterAll(() => restartWasm({ threads: 2 }));

  it.each(Object.keys(largeCases))("%s: the same bits on one, two and three threads", (name) => {
    const one = results[1]![name]!;
    expect(one.value.some((x) => x !== 0)).toBe(true);
    for (const threads of [2, 3]) {
      const other = results[threads]![name]!;
      expect(isSame(other.value, one.value)).toBe(true);
      for (const [input, grad] of Object.entries(other.grads)) {
        expect(isSame(grad, one.grads[input]!), `gradient of ${input}`).toBe(true);
      }
    }
  });

  it.each(Object.entries(largeCases))("%s: the reference's values and gradients", async (name, one) => {
    const want = await nn.withReferenceKernels(() => compute(one));
    const got = results[3]![name]!;
    await expectClose(got.value, want.value, { atol: 2e-5, rtol: 1e-4 });
    for (const [input, grad] of Object.entries(want.grads)) {
      await expectClose(got.grads[input]!, grad, { atol: 3e-4, rtol: 3e-4 });
    }
  });
});

describe("threads", () => {
  it("are started where the heap is shared, and only there", async () => {
    expect(heapOf(tf.backend()).threads).toBe(2);
    await restartWasm({});
    expect((await nn.installWasmKernels({ threads: 2 })).threads).toBe(1);
    await restartWasm({ threads: 2 });
    expect((await nn.installWasmKernels({ threads: 2 })).threads).toBe(2);
  });
});

it("gives each job its own set-up, also to a worker that runs on from the job before", async () => {
  const images = tf.tensor4d(randomValues([1, 90, 91, 6], 1), [1, 90, 91, 6]);
  const convolutions = [
    { size: 3, options: { padding: 1 } },
    { size: 1, options: {} },
    { size: 5, options: { padding: 2, stride: 2 } },
    { size: 2, options: { dilation: 3 } },
  ].map(({ size, options }, at) => {
    const shape: [number, number, number, number] = [size, size, 6, 8];
    const filter = tf.tensor4d(randomValues(shape, at + 2), shape);
    return () => nn.conv2d(images, filter, undefined, options);
  });
  const values = async (): Promise<readonly Float32Array[]> => {
    const results = convolutions.map((run) => run());
    const arrays = await Promise.all(results.map(async (one) => (await one.data()) as Float32Array));
    tf.dispose(results);
    return arrays;
  };
  const first = nn.withReferenceKernels(() => values());
  const expected = await first;
  for (let round = 0; round < 60; round++) {
    const now = await values();
    for (const [at, array] of now.entries()) {
      const worst = array.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[at]![i]!)), 0);
      expect(worst, `convolution ${at}, round ${round}`).toBeLessThan(1e-4);
    }
  }
});
