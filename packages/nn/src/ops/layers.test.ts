import { describeOnBackends, expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { expectGradient, onBothPaths, seededTensor } from "../testing/directional_gradient.js";
import { activate, activationNames, gelu, leakyRelu, softplus } from "./activations.js";
import { attention, multiHeadAttention } from "./attention.js";
import { gatedSilu } from "./gated_silu.js";
import { linear } from "./linear.js";
import { logSoftmax, softmax } from "./softmax.js";

describeOnBackends("activations", () => {
  it("have known values", async () => {
    // Phi(1) = 0.841344746, Phi(-2) = 0.0227501319
    await expectClose(gelu(tf.tensor1d([0, 1, -2])), [0, 0.841344746, -0.0455002639]);
    await expectClose(softplus(tf.tensor1d([-100, 0, 100])), [0, Math.LN2, 100]);
    await expectClose(activate(tf.tensor1d([-4, 0, 4]), "hardswish"), [0, 0, 4]);
    await expectClose(leakyRelu(tf.tensor1d([-2, 3]), 0.1), [-0.2, 3]);
    await expectClose(activate(tf.tensor1d([-1, 2]), "elu"), [Math.expm1(-1), 2]);
  });

  it.each(activationNames)("have exact gradients and stay finite: %s", async (name) => {
    const x = tf.tensor1d([-4.2, -2.9, -1.3, -0.4, 0.3, 1.1, 2.8, 4.4]);
    await expectGradient(({ at }) => activate(at!, name), { at: x });
    const far = activate(tf.tensor1d([-1e4, -200, 200, 1e4]), name);
    expect([...(await far.data())].every(Number.isFinite)).toBe(true);
    await expectNoTensorGrowth(() => activate(x, name));
  });

  it("have exact gradients: leaky", async () => {
    await expectGradient(({ at }) => leakyRelu(at!, 0.2), { at: tf.tensor1d([-1, -0.5, 0.5, 1]) });
  });
});

describeOnBackends("gatedSilu", () => {
  it("is silu of the left half times the right half, with exact gradients", async () => {
    await expectClose(gatedSilu(tf.tensor2d([[0, 1, 5, 3]])), [0, 3 / (1 + Math.exp(-1))]);
    await onBothPaths(() => expectGradient(({ x }) => gatedSilu(x!), { x: seededTensor([2, 3, 10], 1) }));
    const x = seededTensor([3, 6], 2);
    await expectNoTensorGrowth(() => gatedSilu(x));
    expect(() => gatedSilu(tf.ones([2, 5]))).toThrow(/2 D/);
  });
});

describeOnBackends("linear", () => {
  const inputs = () => ({
    x: seededTensor([2, 3, 5], 1),
    w: seededTensor([5, 4], 2),
    b: seededTensor([4], 3),
  });

  it("multiplies and adds", async () => {
    const y = linear(
      tf.tensor2d([[1, 2]]),
      tf.tensor2d([
        [1, 0, 1],
        [0, 1, 1],
      ]),
      tf.tensor1d([10, 20, 30]),
    );
    await expectClose(y, [11, 22, 33]);
    expect(linear(tf.ones([5]), tf.ones([5, 4])).shape).toEqual([4]);
    expect(linear(tf.ones([2, 3, 5]), tf.ones([5, 4])).shape).toEqual([2, 3, 4]);
  });

  it.each([undefined, "gelu", "silu"] as const)("has exact gradients, activation %s", async (activation) => {
    const check = (): Promise<void> =>
      expectGradient(({ x, w, b }) => linear(x!, w!, b, { activation }), inputs());
    await onBothPaths(check);
    await expectGradient(({ x, w }) => linear(x!, w!, undefined, { activation }), {
      x: inputs().x,
      w: inputs().w,
    });
  });

  it("applies its activation the same with and without a tape", async () => {
    const { x, w, b } = inputs();
    await expectClose(linear(x, w, b, { activation: "gelu" }), gelu(linear(x, w, b)));
  });

  it("leaves no tensor behind, and refuses other shapes", async () => {
    const { x, w, b } = inputs();
    await expectNoTensorGrowth(() => linear(x, w, b, { activation: "gelu" }));
    expect(() => linear(x, tf.ones([4, 5]))).toThrow(/\[out, in\]/);
    expect(() => linear(x, w, tf.ones([5]))).toThrow(/b \[5\]/);
  });
});

describeOnBackends("softmax and logSoftmax", () => {
  it.each([0, 1, 2, -1])("have exact gradients along axis %i", async (axis) => {
    const x = seededTensor([3, 4, 5], 1);
    await expectGradient(({ at }) => softmax(at!, axis), { at: x });
    await expectGradient(({ at }) => logSoftmax(at!, axis), { at: x });
    await expectClose(tf.exp(logSoftmax(x, axis)), softmax(x, axis));
  });

  it("do not overflow", async () => {
    await expectClose(softmax(tf.tensor2d([[1000], [0]]), 0), [1, 0]);
    await expectClose(logSoftmax(tf.tensor1d([1000, 0])), [0, -1000]);
  });

  it("refuse an axis that is not there", () => {
    expect(() => softmax(tf.ones([2]), 1)).toThrow(/axis/);
  });
});

describeOnBackends("attention", () => {
  const head = (seed: number, tokens: number): tf.Tensor4D =>
    seededTensor([2, 3, tokens, 4], seed, -2, 2) as tf.Tensor4D;

  it("is a mean of values, weighted by likeness", async () => {
    const q = tf.tensor4d([100, 0], [1, 1, 1, 2]);
    const k = tf.tensor4d([1, 0, 0, 1], [1, 1, 2, 2]);
    const v = tf.tensor4d([5, 6, 7, 8], [1, 1, 2, 2]);
    await expectClose(attention(q, k, v), [5, 6]);
    await expectClose(attention(q, k, v, { scale: 0 }), [6, 7]);
  });

  it.each([
    [6, 6],
    [5, 7],
  ])("has exact gradients, %i queries of %i keys", async (queries, keys) => {
    const check = (): Promise<void> =>
      expectGradient(({ q, k, v }) => attention(q as tf.Tensor4D, k as tf.Tensor4D, v as tf.Tensor4D), {
        q: head(1, queries),
        k: head(2, keys),
        v: head(3, keys),
      });
    await onBothPaths(check);
  });

  it("splits packed heads as DINOv2 packs them", async () => {
    const [heads, tokens, width] = [3, 5, 4];
    const qkv = seededTensor([2, tokens, 3 * heads * width], 1) as tf.Tensor3D;
    const parts = tf
      .split(qkv, 3, 2)
      .map((part) => tf.transpose(tf.reshape(part, [2, tokens, heads, width]), [0, 2, 1, 3]) as tf.Tensor4D);
    const apart = attention(parts[0]!, parts[1]!, parts[2]!);
    const joined = tf.reshape(tf.transpose(apart, [0, 2, 1, 3]), [2, tokens, heads * width]);
    await expectClose(multiHeadAttention(qkv, heads), joined);
    const check = (): Promise<void> =>
      expectGradient(({ at }) => multiHeadAttention(at as tf.Tensor3D, heads), { at: qkv });
    await onBothPaths(check);
  });

  it("leaves no tensor behind, and refuses other shapes", async () => {
    const qkv = seededTensor([2, 5, 36], 1) as tf.Tensor3D;
    await expectNoTensorGrowth(() => multiHeadAttention(qkv, 3));
    expect(() => multiHeadAttention(qkv, 5)).toThrow(/number of heads/);
    expect(() => attention(head(1, 5), head(2, 5), head(3, 6))).toThrow(/attention/);
  });
});
