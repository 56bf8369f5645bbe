import { withReferenceKernels } from "@glof/nn";
import { describeOnBackends, expectClose } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";

describeOnBackends("kernels that stock TensorFlow.js gets wrong", () => {
  it.each([2, 7, 8, 9, 13, 14, 40])("addN of %i tensors", async (count) => {
    const { numTensors } = tf.memory();
    const addends = Array.from({ length: count }, (_, index) => tf.fill([50, 30], index + 0.5));
    const sum = tf.addN(addends);
    await expectClose(sum, new Float32Array(1500).fill((count * count) / 2));
    tf.dispose([addends, sum]);
    expect(tf.memory().numTensors).toBe(numTensors);
  });

  it.each([false, true])("cumsum backwards over several lengths, exclusive %s", async (exclusive) => {
    for (const length of [1500, 2100, 1700]) {
      const x = tf.ones([length]);
      const sum = tf.cumsum(x, 0, exclusive, true);
      const want = Float32Array.from({ length }, (_, index) => length - index - (exclusive ? 1 : 0));
      await expectClose(sum, want);
      tf.dispose([x, sum]);
    }
  });

  it("cumsum backwards along the first axis", async () => {
    const x = tf.ones([60, 40]);
    const sum = tf.cumsum(x, 0, false, true);
    await expectClose(
      sum,
      Float32Array.from({ length: 2400 }, (_, index) => 60 - Math.floor(index / 40)),
    );
    tf.dispose([x, sum]);
  });

  it.each([
    { batch: 3, transposeA: false, transposeB: false },
    { batch: 1, transposeA: true, transposeB: false },
    { batch: 2, transposeA: false, transposeB: true },
  ])("fused matMul with bias and activation: %o", async ({ batch, transposeA, transposeB }) => {
    const values = (shape: [number, number, number]): tf.Tensor3D =>
      tf.tidy(() => {
        const count = shape[0] * shape[1] * shape[2];
        return tf.sin(tf.reshape(tf.range(0, count), shape));
      });
    const a = values(transposeA ? [batch, 17, 20] : [batch, 20, 17]);
    const b = values(transposeB ? [batch, 30, 17] : [batch, 17, 30]);
    const bias = tf.linspace(-5, 5, 30);
    // The fast kernels of nn would stand before the stock one.
    const fused = withReferenceKernels(() =>
      tf.fused.matMul({ a, b, bias, transposeA, transposeB, activation: "relu" }),
    );
    const separate = tf.tidy(() => tf.relu(tf.add(tf.matMul(a, b, transposeA, transposeB), bias)));
    await expectClose(fused, separate);
    expect((await tf.max(fused).data())[0]).toBeGreaterThan(5);
    tf.dispose([a, b, bias, fused, separate]);
  });
});
