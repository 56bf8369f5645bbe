import * as tf from "@tensorflow/tfjs-core";
import { geluKernels } from "./gelu.js";
import { registerWebgpuKernel } from "./kernel.js";
import { layerNormKernels } from "./layer_norm.js";
import { linearKernel } from "./linear.js";
import { softmaxKernels } from "./softmax.js";

const kernels = [...geluKernels, linearKernel, ...layerNormKernels, ...softmaxKernels];

/** What `installWebgpuKernels` did. */
export interface InstalledKernels {
  /** Names of the kernels in place, empty when none could be. */
  readonly installed: readonly string[];
  /** What they run as, or why none does. */
  readonly reason: string;
}

/**
 * Registers our WGSL kernels for TensorFlow.js's "webgpu" backend, for the whole process. Call it once that backend is
 * ready; calling it again changes nothing.
 */
export async function installWebgpuKernels(): Promise<InstalledKernels> {
  const backend = tf.findBackend("webgpu") as { runWebGPUProgram?: unknown } | null;
  if (typeof backend?.runWebGPUProgram !== "function") {
    return {
      installed: [],
      reason: 'The backend "webgpu" is not ready: await tf.setBackend("webgpu") first.',
    };
  }
  for (const kernel of kernels) registerWebgpuKernel(kernel);
  return { installed: kernels.map(({ name }) => name), reason: "WGSL kernels in tfjs's command stream." };
}
