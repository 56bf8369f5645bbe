import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import type { BackendChoice, BackendName } from "./types.js";
import { startWebgpu } from "./webgpu_backend.js";

/** Options of `selectBackend`. */
export interface SelectBackendOptions {
  readonly prefer?: readonly BackendName[];
  readonly require?: BackendName;
}

/** Chooses and prepares a backend. */
export async function selectBackend({
  prefer = ["webgpu", "tensorflow", "wasm", "cpu"],
  require,
}: SelectBackendOptions = {}): Promise<BackendChoice> {
  for (const name of require ? [require] : prefer) {
    try {
      return await start(name);
    } catch (error) {
      if (require) throw error;
    }
  }
  throw new GlofError("backend-unavailable", "selectBackend: expected a backend, got none.");
}

let webgpu: BackendChoice | undefined;

async function start(name: BackendName): Promise<BackendChoice> {
  if (name === "webgpu") {
    if (!webgpu) await startWebgpu();
    webgpu = { name, reason: "asked for", details: {} };
  } else if (name === "wasm") await import("@tensorflow/tfjs-backend-wasm");
  else await import("@tensorflow/tfjs-backend-cpu");
  if (!(await tf.setBackend(name))) {
    throw new GlofError("backend-unavailable", `selectBackend: expected ${name} to start, got a failure.`);
  }
  return { name, reason: "asked for", details: {} };
}
