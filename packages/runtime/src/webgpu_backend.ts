import * as tf from "@tensorflow/tfjs-core";
import { type OwnDevice, openDevice } from "./webgpu_device.js";

/** Makes TensorFlow.js's `webgpu` backend on a device of our own. */
export async function startWebgpu(): Promise<OwnDevice> {
  const own = await openDevice();
  const { WebGPUBackend } = await import("@tensorflow/tfjs-backend-webgpu");
  if (tf.findBackendFactory("webgpu")) tf.removeBackend("webgpu");
  tf.registerBackend("webgpu", () => new WebGPUBackend(own.device, own.info), 3);
  await tf.setBackend("webgpu");
  return own;
}
