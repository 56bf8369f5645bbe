import { expectClose, expectNoTensorGrowth } from "@glof/test-kit/browser";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { selectBackend } from "./select_backend.js";

/** The `.wasm` files as the test server serves them. */
const wasm = { path: "/packages/runtime/node_modules/@tensorflow/tfjs-backend-wasm/dist/" };

function smallGraph(): tf.Tensor {
  return tf.tidy(() => {
    const x = tf.reshape(tf.linspace(-1, 1, 2 * 16 * 15 * 3), [2, 16, 15, 3]) as tf.Tensor4D;
    const filter = tf.reshape(tf.linspace(0.5, -0.5, 3 * 3 * 3 * 4), [3, 3, 3, 4]) as tf.Tensor4D;
    const features = tf.relu(tf.conv2d(x, filter, 1, "same"));
    return tf.softmax(tf.reshape(features, [2 * 16 * 15, 4]));
  });
}

describe.each(["webgpu", "wasm"] as const)("in a browser, %s", (backend) => {
  it("computes the numbers of the cpu backend", async () => {
    await selectBackend({ require: "cpu" });
    const want = await smallGraph().data();
    const choice = await selectBackend({ require: backend, wasm });
    expect(choice.name).toBe(backend);
    expect(tf.getBackend()).toBe(backend);
    await expectClose(smallGraph(), want, { atol: 1e-6, rtol: 1e-5 });
    await expectNoTensorGrowth(smallGraph);
  });
});
