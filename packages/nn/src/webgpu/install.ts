import * as tf from "@tensorflow/tfjs-core";
import { adamKernel } from "./adam.js";
import { attentionKernels } from "./attention.js";
import { axisMapKernel } from "./axis_map.js";
import { batchNormKernels } from "./batch_norm.js";
import { classLossKernels } from "./class_loss.js";
import { columnSumsKernel } from "./column_sums.js";
import { convKernels } from "./conv.js";
import { gatedSiluKernels } from "./gated_silu.js";
import { geluKernels } from "./gelu.js";
import { groupNormKernels } from "./group_norm.js";
import { joinKernels } from "./join.js";
import { overrideWebgpuKernel, registerWebgpuKernel } from "./kernel.js";
import { layerNormKernels } from "./layer_norm.js";
import { linearKernels } from "./linear.js";
import { lovaszKernel } from "./lovasz.js";
import { batchMatMul } from "./mat_mul.js";
import { maxPoolKernels } from "./max_pool.js";
import { pixelLossKernels } from "./pixel_loss.js";
import { rowFormulaKernel } from "./row_formula.js";
import { softmaxKernels } from "./softmax.js";
import { sortKernel } from "./sort.js";
import { squareSumsKernel } from "./square_sums.js";

const kernels = [
  ...geluKernels,
  ...linearKernels,
  ...layerNormKernels,
  ...softmaxKernels,
  ...attentionKernels,
  adamKernel,
  ...joinKernels,
  squareSumsKernel,
  columnSumsKernel,
  axisMapKernel,
  ...maxPoolKernels,
  ...groupNormKernels,
  ...batchNormKernels,
  ...gatedSiluKernels,
  ...convKernels,
  sortKernel,
  lovaszKernel,
  rowFormulaKernel,
  ...pixelLossKernels,
  ...classLossKernels,
];
const overrides = [batchMatMul];

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
  for (const kernel of overrides) overrideWebgpuKernel(kernel);
  return {
    installed: [...kernels, ...overrides].map(({ name }) => name),
    reason: "WGSL kernels in tfjs's command stream.",
  };
}
