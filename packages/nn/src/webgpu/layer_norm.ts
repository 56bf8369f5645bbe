import type { WebgpuKernel } from "./kernel.js";
import { layerNormGradient } from "./layer_norm_backward.js";
import { layerNorm } from "./layer_norm_forward.js";

/** `GlofLayerNorm` and `GlofLayerNormGrad`: one pass forwards, two backwards, where tfjs's operations take 9 and 20. */
export const layerNormKernels: readonly WebgpuKernel[] = [
  { name: "GlofLayerNorm", compute: layerNorm },
  { name: "GlofLayerNormGrad", compute: layerNormGradient },
];
