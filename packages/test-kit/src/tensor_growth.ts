import * as tf from "@tensorflow/tfjs-core";
import { expect } from "vitest";

/**
 * Runs `fn` twice and fails if the second run leaves more tensors behind than it found. The first run may fill caches.
 * `fn` disposes what it returns or keeps; a tensor that it returns is disposed here.
 */
export async function expectNoTensorGrowth(fn: () => unknown): Promise<void> {
  tf.dispose((await fn()) as tf.TensorContainer);
  const before = tf.memory().numTensors;
  tf.dispose((await fn()) as tf.TensorContainer);
  expect(tf.memory().numTensors - before, "tensors left behind").toBe(0);
}
