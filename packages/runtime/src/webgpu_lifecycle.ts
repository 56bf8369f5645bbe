import * as tf from "@tensorflow/tfjs-core";
import type { WebgpuOptions } from "./types.js";
import { type RunningWebgpu, startWebgpu } from "./webgpu_backend.js";
import { type AdapterFacts, adapterFacts, limitsOf, requestAdapter, requestDevice } from "./webgpu_device.js";
import { freePooledBuffers } from "./webgpu_pool.js";

/** The one WebGPU backend of this process: TensorFlow.js knows a backend by its name only. */
let running: (RunningWebgpu & { readonly facts: WebgpuFacts }) | undefined;

/** Facts about the WebGPU backend that runs. */
export interface WebgpuFacts {
  readonly adapter: AdapterFacts;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

/**
 * Makes `webgpu` the current backend: the one that runs, or a new one on a new device where there is none or where the
 * device was lost.
 *
 * @param adapter the adapter to use for a new device; the strongest one by default
 */
export async function ensureWebgpu(options: WebgpuOptions, adapter?: GPUAdapter): Promise<WebgpuFacts> {
  if (running?.health.isLost) releaseWebgpu();
  if (running) {
    await tf.setBackend("webgpu");
    return running.facts;
  }
  const chosen = adapter ?? (await requestAdapter(options));
  const device = await requestDevice(chosen);
  const facts = {
    adapter: adapterFacts(chosen),
    features: [...device.features].sort(),
    limits: limitsOf(device),
  };
  running = { ...(await startWebgpu(device, chosen.info, options)), facts };
  return facts;
}

/** The facts of the backend that runs on a device which still works. */
export function workingWebgpu(): WebgpuFacts | undefined {
  return running && !running.health.isLost ? running.facts : undefined;
}

/** Stops the backend and destroys its device; nothing happens when none runs. */
export function releaseWebgpu(): void {
  if (!running) return;
  const { health, device } = running;
  running = undefined;
  health.release();
  tf.removeBackend("webgpu");
  device.destroy();
}

/**
 * Gives back the GPU memory that is kept for reuse, such as after a job with large tiles. On other backends it does
 * nothing.
 *
 * @returns bytes freed
 */
export function freeUnusedGpuMemory(): number {
  return running ? freePooledBuffers(running.backend) : 0;
}
