import { seededRng } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { installWasmKernels, type WasmKernelsOptions } from "../install.js";
import "@tensorflow/tfjs-backend-wasm";

/** Starts tfjs's WASM backend with our kernels; tests and benchmarks only. */
export async function startWasm(options: WasmKernelsOptions = {}): Promise<readonly string[]> {
  await tf.setBackend("wasm");
  const { installed, reason } = await installWasmKernels(options);
  if (installed.length === 0) throw new Error(reason);
  return installed;
}

/** Values in [-1, 1). */
export function randomValues(shape: readonly number[], seed: number): Float32Array {
  const rng = seededRng(seed);
  return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => rng.uniform(-1, 1));
}
