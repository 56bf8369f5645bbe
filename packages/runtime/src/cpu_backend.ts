import * as tf from "@tensorflow/tfjs-core";

/** Starts TensorFlow.js's plain JavaScript backend and makes it the current one. */
export async function startCpu(): Promise<void> {
  const { MathBackendCPU } = await import("@tensorflow/tfjs-backend-cpu");
  if (!tf.findBackendFactory("cpu")) tf.registerBackend("cpu", () => new MathBackendCPU(), 1);
  await tf.setBackend("cpu");
  // Its first use in Node prints an advertisement for tfjs-node, and libraries do not print.
  (tf.findBackend("cpu") as unknown as { firstUse: boolean }).firstUse = false;
}
