import { createRequire } from "node:module";
import * as tf from "@tensorflow/tfjs-core";
import { defineNullGpu } from "./null_gpu.js";
import { registerStockGradients } from "./stock_gradients.js";

/** TensorFlow.js as its users get it, in a process where glof registers nothing. */
export async function startStock(asked: string): Promise<typeof tf> {
  if (asked === "null") await defineNullGpu();
  const backend = asked === "null" ? "webgpu" : asked;
  await loadBackend(backend);
  registerStockGradients();
  const started = await tf.setBackend(backend);
  if (!started) throw new Error(`the stock ${backend} backend does not start here`);
  await tf.ready();
  return tf;
}

async function loadBackend(backend: string): Promise<void> {
  if (backend === "wasm") await import("@tensorflow/tfjs-backend-wasm");
  else if (backend === "cpu") await import("@tensorflow/tfjs-backend-cpu");
  else {
    await defineGpu();
    await import("@tensorflow/tfjs-backend-webgpu");
  }
}

/** What a browser has and Node has not: `navigator.gpu` and the constants of WebGPU. */
async function defineGpu(): Promise<void> {
  if (globalThis.navigator?.gpu) return;
  const { create, globals } = await import("webgpu");
  Object.assign(globalThis, globals);
  if (globalThis.navigator === undefined) {
    Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  }
  Object.defineProperty(globalThis.navigator, "gpu", { value: create([]), configurable: true });
}

/** Version of a package of this folder. */
export function versionOf(name: string): string {
  return (createRequire(import.meta.url)(`${name}/package.json`) as { version: string }).version;
}
