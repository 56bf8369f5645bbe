import { describeOnBackends, expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { onBothPaths, seededTensor } from "../testing/directional_gradient.js";
import { forEachTerm, type NaiveConv, naiveConv, naiveOutSize } from "../testing/naive_conv.js";
import type { Params } from "../types.js";
import { valueAndGrad } from "../value_and_grad.js";
import { conv2d, convTranspose2d } from "./conv2d.js";

const base: NaiveConv = {
  batch: 2,
  inSize: [7, 9],
  inWidth: 4,
  outWidth: 6,
  kernel: [3, 3],
  stride: [1, 1],
  padding: [1, 1],
  dilation: [1, 1],
  groups: 1,
};

const convs: readonly (readonly [name: string, conv: NaiveConv])[] = [
  ["3 x 3", base],
  ["3 x 3, no padding", { ...base, padding: [0, 0] }],
  ["1 x 1", { ...base, kernel: [1, 1], padding: [0, 0] }],
  ["1 x 1 with padding and stride", { ...base, kernel: [1, 1], stride: [2, 2] }],
  ["stride 2, a column left over", { ...base, stride: [2, 2], inSize: [7, 8] }],
  ["patches", { ...base, kernel: [3, 3], stride: [3, 3], padding: [0, 0], inSize: [6, 9] }],
  ["patches, pixels left over", { ...base, kernel: [2, 4], stride: [2, 4], padding: [0, 0] }],
  ["stride beyond the kernel", { ...base, kernel: [2, 1], stride: [3, 2], padding: [0, 0] }],
  ["padding beyond the kernel", { ...base, kernel: [2, 2], padding: [3, 2] }],
  ["dilation", { ...base, dilation: [2, 3], padding: [2, 3] }],
  ["dilation and stride", { ...base, dilation: [2, 2], stride: [2, 1], padding: [1, 2] }],
  ["uneven kernel, stride, padding", { ...base, kernel: [2, 5], stride: [1, 2], padding: [0, 3] }],
  ["groups", { ...base, groups: 2 }],
  ["depthwise, stride 2", { ...base, groups: 4, outWidth: 8, stride: [2, 2] }],
  ["7 x 7 stem", { ...base, kernel: [7, 7], stride: [2, 2], padding: [3, 3], inSize: [12, 11] }],
];

const { sum, mul } = tf;

/** Shapes of x, w, b and of the result. */
function tensorsOf(conv: NaiveConv): { inputs: Params; r: tf.Tensor } {
  const kernelShape = [...conv.kernel, conv.inWidth / conv.groups, conv.outWidth];
  return {
    inputs: {
      x: seededTensor([conv.batch, ...conv.inSize, conv.inWidth], 1),
      w: seededTensor(kernelShape, 2),
      b: seededTensor([conv.outWidth], 3),
    },
    r: seededTensor([conv.batch, ...naiveOutSize(conv), conv.outWidth], 4),
  };
}

const run = (conv: NaiveConv, { x, w, b }: Params): tf.Tensor =>
  conv2d(x as tf.Tensor4D, w as tf.Tensor4D, b, conv);

async function expectDefinition(conv: NaiveConv): Promise<void> {
  const { inputs, r } = tensorsOf(conv);
  const [x, w, b, weights] = await Promise.all([inputs.x!, inputs.w!, inputs.b!, r].map((t) => t.data()));
  const y = naiveConv(conv, x!, w!).map((value, at) => value + b![at % conv.outWidth]!);
  await expectClose(run(conv, inputs), y);
  const [dx, dw, db] = [x!, w!, b!].map((values) => new Float64Array(values.length));
  forEachTerm(conv, (xAt, wAt, yAt) => {
    dx![xAt]! += w![wAt]! * weights![yAt]!;
    dw![wAt]! += x![xAt]! * weights![yAt]!;
  });
  for (const [at, weight] of weights!.entries()) db![at % conv.outWidth]! += weight;
  const { grads } = valueAndGrad((given) => sum(mul(run(conv, given), r)) as tf.Scalar, inputs);
  await expectClose(grads.x!, dx!);
  await expectClose(grads.w!, dw!);
  await expectClose(grads.b!, db!);
}

describeOnBackends("conv2d", () => {
  it.each(convs)("is its definition, with its gradients: %s", async (_, conv) => {
    await onBothPaths(() => expectDefinition(conv));
  });

  it("leaves no tensor behind", async () => {
    const conv = { ...base, groups: 2, stride: [2, 2] } as const;
    const { inputs, r } = tensorsOf(conv);
    await expectNoTensorGrowth(() => run(conv, inputs));
    await expectNoTensorGrowth(() =>
      valueAndGrad((given) => sum(mul(run(conv, given), r)) as tf.Scalar, inputs),
    );
  });
});

describeOnBackends("convTranspose2d", () => {
  const transposed: readonly (readonly [name: string, conv: NaiveConv])[] = [
    ["x 2", { ...base, kernel: [2, 2], stride: [2, 2], padding: [0, 0], inSize: [8, 10] }],
    ["4 x 4 stride 2", { ...base, kernel: [4, 4], stride: [2, 2], inSize: [8, 10] }],
    ["output padding", { ...base, stride: [2, 2], inSize: [8, 10] }],
    [
      "output padding on patches",
      { ...base, kernel: [3, 3], stride: [3, 3], padding: [0, 0], inSize: [7, 8] },
    ],
    ["dilation", { ...base, dilation: [2, 1], padding: [0, 0] }],
    ["groups", { ...base, groups: 2, stride: [1, 2], inSize: [7, 9] }],
  ];

  // <conv(x, w), y> = <x, convT(y, w)> for every x and y, and its gradients are those of the same trilinear form.
  it.each(transposed)("is the adjoint of conv2d, with its gradients: %s", async (_, conv) => {
    const { inputs, r: y } = tensorsOf(conv);
    const [rows, cols] = naiveOutSize(conv);
    const span = conv.kernel.map((size, axis) => conv.dilation[axis]! * (size - 1) + 1);
    const outputPadding = [rows, cols].map(
      (size, axis) =>
        conv.inSize[axis]! - ((size - 1) * conv.stride[axis]! - 2 * conv.padding[axis]! + span[axis]!),
    ) as [number, number];
    const form = (given: Params): tf.Scalar => {
      const back = convTranspose2d(given.y as tf.Tensor4D, given.w as tf.Tensor4D, undefined, {
        ...conv,
        outputPadding,
      });
      return sum(mul(back, inputs.x!)) as tf.Scalar;
    };
    const theirs = valueAndGrad(
      (given) =>
        sum(
          mul(conv2d(inputs.x as tf.Tensor4D, given.w as tf.Tensor4D, undefined, conv), given.y!),
        ) as tf.Scalar,
      { w: inputs.w!, y },
    );
    await onBothPaths(async () => {
      const { grads } = valueAndGrad(form, { w: inputs.w!, y });
      await expectClose(grads.w!, theirs.grads.w!);
      await expectClose(grads.y!, theirs.grads.y!);
    });
  });

  it("adds its bias", async () => {
    const y = convTranspose2d(tf.zeros([1, 2, 2, 3]), tf.zeros([2, 2, 4, 3]), tf.tensor1d([1, 2, 3, 4]), {
      stride: 2,
    });
    expect(y.shape).toEqual([1, 4, 4, 4]);
    await expectClose(tf.max(y, [0, 1, 2]), [1, 2, 3, 4]);
    await expectClose(tf.min(y, [0, 1, 2]), [1, 2, 3, 4]);
  });
});

describe("what convolutions refuse", () => {
  const image = (channels: number): tf.Tensor4D => tf.zeros([1, 4, 4, channels]);

  it("names the shapes", () => {
    expect(() => conv2d(image(3), tf.zeros([3, 3, 4, 2]))).toThrow(/conv2d: expected x \[N, H, W, 4\]/);
    expect(() => conv2d(image(4), tf.zeros([3, 3, 4, 2]), tf.zeros([3]))).toThrow(/b \[3\]/);
    expect(() => conv2d(image(3), tf.zeros([3, 3, 1, 4]), undefined, { groups: 3 })).toThrow(/3 groups/);
    expect(() => conv2d(image(3), tf.zeros([5, 5, 3, 4]))).toThrow(/at least the kernel's 5 x 5/);
    expect(() => convTranspose2d(image(3), tf.zeros([2, 2, 4, 4]))).toThrow(/convTranspose2d/);
    expect(() =>
      convTranspose2d(image(3), tf.zeros([2, 2, 4, 3]), undefined, { stride: 2, outputPadding: 2 }),
    ).toThrow(/outputPadding/);
    expect(() => conv2d(image(3), tf.zeros([1, 1, 3, 4]), undefined, { stride: 0 })).toThrow(/stride/);
  });
});
