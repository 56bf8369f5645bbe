import { seededRng } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { installWasmKernels, type WasmKernelsOptions } from "../install.js";
import { withSharedWasmHeap } from "../threads/shared_heap.js";
import "@tensorflow/tfjs-backend-wasm";

/** Starts tfjs's WASM backend with our kernels; tests and benchmarks only. */
export async function startWasm(options: WasmKernelsOptions = {}): Promise<readonly string[]> {
  const start = () => tf.setBackend("wasm");
  await ((options.threads ?? 1) > 1 ? withSharedWasmHeap(start) : start());
  const { installed, reason } = await installWasmKernels(options);
  if (installed.length === 0) throw new Error(reason);
  return installed;
}

/** Stops the backend and starts it anew: other options then count. Its tensors are lost. */
export async function restartWasm(options: WasmKernelsOptions): Promise<void> {
  const factory = tf.findBackendFactory("wasm")!;
  tf.removeBackend("wasm");
  tf.registerBackend("wasm", factory);
  await startWasm(options);
}

/** Values in [-1, 1). */
export function randomValues(shape: readonly number[], seed: number): Float32Array {
  const rng = seededRng(seed);
  return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => rng.uniform(-1, 1));
}
