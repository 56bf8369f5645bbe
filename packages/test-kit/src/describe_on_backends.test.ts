import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { describeOnBackends } from "./describe_on_backends.js";
import { expectClose } from "./expect_close.js";
import { expectNoTensorGrowth } from "./tensor_growth.js";

describeOnBackends("describeOnBackends", (backend) => {
  it("sets the backend before the tests", () => {
    expect(tf.getBackend()).toBe(backend);
  });

  it("computes on it", async () => {
    const x = tf.reshape(tf.linspace(-2, 2, 3000), [50, 60]) as tf.Tensor2D;
    const y = tf.matMul(x, x, false, true);
    const xs = await x.data();
    const want = new Float32Array(2500);
    for (let i = 0; i < 50; i++)
      for (let j = 0; j < 50; j++)
        for (let k = 0; k < 60; k++) want[i * 50 + j]! += xs[i * 60 + k]! * xs[j * 60 + k]!;
    await expectClose(y, want);
    await expect(
      expectClose(
        y,
        want.map((v) => v + 0.1),
      ),
    ).rejects.toThrow(/element \[/);
    tf.dispose([x, y]);
  });

  it("counts tensors", async () => {
    await expectNoTensorGrowth(() => tf.tidy(() => tf.add(tf.scalar(1), 1)));
    await expect(expectNoTensorGrowth(() => void tf.scalar(1))).rejects.toThrow(/tensors left behind/);
  });
});
