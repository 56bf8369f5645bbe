import * as testKit from "@glof/test-kit";
import { describeOnBackends, expectClose } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { withReferenceKernels } from "../kernels/door.js";
import { seededTensor } from "../testing/directional_gradient.js";
import { expectParity, type ParityCase } from "../testing/expect_parity.js";
import type { Params } from "../types.js";
import { valueAndGrad } from "../value_and_grad.js";
import { relu } from "./activations.js";
import { batchNorm } from "./batch_norm.js";
import { convBatchNorm, convTransposeBatchNorm } from "./conv_batch_norm.js";
import { conv2d, convTranspose2d } from "./conv2d.js";
import { gatedSilu } from "./gated_silu.js";
import { linear } from "./linear.js";
import { swiglu } from "./swiglu.js";

const image = (x: tf.Tensor | undefined): tf.Tensor4D => x as tf.Tensor4D;

/** Running statistics: a variance is never negative. */
const normOf = ({ c, d, e, f }: Params) => ({
  weight: c!,
  bias: d!,
  runningMean: e!,
  runningVar: tf.square(f!),
});

const fused: readonly ParityCase[] = [
  [
    "linear + ReLU",
    ({ a, b, c }) => linear(a!, b!, c!, { activation: "relu" }),
    [[2, 9, 33], [33, 20], [20]],
  ],
  [
    "conv + ReLU",
    ({ a, b, c }) => conv2d(image(a), image(b), c, { padding: 1, activation: "relu" }),
    [[2, 6, 5, 3], [3, 3, 3, 8], [8]],
  ],
  [
    "conv + ReLU in groups",
    ({ a, b, c }) => conv2d(image(a), image(b), c, { groups: 2, activation: "relu" }),
    [[1, 6, 5, 4], [3, 3, 2, 6], [6]],
  ],
  [
    "conv + norm",
    (given) =>
      tf.tidy(() => convBatchNorm(image(given.a), image(given.b), undefined, normOf(given), { padding: 1 })),
    [[2, 6, 5, 3], [3, 3, 3, 8], [8], [8], [8], [8]],
  ],
  [
    "conv + bias + norm + ReLU, odd sizes",
    (given) =>
      tf.tidy(() =>
        convBatchNorm(image(given.a), image(given.b), given.g, normOf(given), {
          stride: 2,
          activation: "relu",
        }),
      ),
    [[1, 6, 5, 3], [2, 3, 3, 5], [5], [5], [5], [5], [5]],
  ],
];

const upsampled: readonly ParityCase[] = [
  [
    "transposed conv 2 x 2, stride 2, bias",
    ({ a, b, c }) => convTranspose2d(image(a), image(b), c, { stride: 2 }),
    [[2, 3, 5, 6], [2, 2, 5, 6], [5]],
  ],
  [
    "the same with a row and a column behind, which get the bias alone",
    ({ a, b, c }) => convTranspose2d(image(a), image(b), c, { stride: 2, outputPadding: 1 }),
    [[1, 3, 5, 6], [2, 2, 3, 6], [3]],
  ],
  [
    "transposed conv + bias + norm + ReLU",
    (given) =>
      tf.tidy(() =>
        convTransposeBatchNorm(image(given.a), image(given.b), given.g, normOf(given), {
          stride: 2,
          activation: "relu",
        }),
      ),
    [[2, 3, 4, 5], [2, 2, 7, 5], [7], [7], [7], [7], [7]],
  ],
  [
    "overlapping transposed conv + norm",
    (given) =>
      tf.tidy(() =>
        convTransposeBatchNorm(image(given.a), image(given.b), undefined, normOf(given), {
          stride: 2,
          padding: 1,
        }),
      ),
    [[1, 3, 4, 5], [3, 3, 6, 5], [6], [6], [6], [6]],
  ],
];

describeOnBackends("What follows a product", () => {
  it.each([...fused, ...upsampled])("is the same in one pass: %s", async (...parity) => {
    await expectParity(parity, testKit);
  });

  it("is SwiGLU, which keeps both halves where a gradient is recorded", async () => {
    const given = {
      a: seededTensor([2, 9, 7], 1),
      b: seededTensor([7, 20], 2),
      c: seededTensor([20], 3),
    };
    const composed = ({ a, b, c }: Params): tf.Tensor => tf.tidy(() => gatedSilu(linear(a!, b!, c!)));
    await expectClose(
      swiglu(given.a, given.b, given.c),
      withReferenceKernels(() => composed(given)),
    );
    const gradients = (f: (given: Params) => tf.Tensor) =>
      valueAndGrad((p) => tf.sum(tf.square(f(p))), given).grads;
    const [got, want] = [gradients(({ a, b, c }) => swiglu(a!, b!, c!)), gradients(composed)];
    for (const name of ["a", "b", "c"]) await expectClose(got[name]!, want[name]!, { atol: 0, rtol: 0 });
    expect(() => swiglu(given.a, tf.ones([7, 21]))).toThrow(/2 D/);
    expect(() => swiglu(given.a, given.b, tf.ones([10]))).toThrow(/b \[10\]/);
  });

  it("is a batch norm and ReLU after the convolution", async () => {
    const [x, w] = [image(seededTensor([1, 4, 5, 3], 1)), image(seededTensor([3, 3, 3, 6], 2))];
    const vector = (seed: number): tf.Tensor => seededTensor([6], seed, 0.5, 2);
    const norm = { weight: vector(3), bias: vector(4), runningMean: vector(5), runningVar: vector(6) };
    const want = withReferenceKernels(() => relu(batchNorm(conv2d(x, w, undefined, { padding: 1 }), norm)));
    await expectClose(convBatchNorm(x, w, undefined, norm, { padding: 1, activation: "relu" }), want);
    expect(() => convBatchNorm(x, w, vector(7), { ...norm, weight: tf.ones([5]) })).toThrow(/weight \[C\]/);
    expect(() => convBatchNorm(x, tf.ones([3, 3, 4, 6]), undefined, norm)).toThrow(/w \[3,3,4,6\]/);
    const [up, bias] = [image(seededTensor([2, 2, 6, 3], 8)), vector(7)];
    const doubled = withReferenceKernels(() => batchNorm(convTranspose2d(x, up, bias, { stride: 2 }), norm));
    await expectClose(convTransposeBatchNorm(x, up, bias, norm, { stride: 2 }), doubled);
    await testKit.expectNoTensorGrowth(() => convTransposeBatchNorm(x, up, bias, norm, { stride: 2 }));
    expect(() => convTransposeBatchNorm(x, tf.ones([2, 2, 6, 4]), undefined, norm)).toThrow(/w \[2,2,6,4\]/);
  });
});
