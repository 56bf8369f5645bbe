// Everything the TypeScript side calls. Addresses are byte offsets into TensorFlow.js's heap.

export { attention, attentionGrad, attentionGradScratchBytes, attentionScratchBytes } from "./attention";
export { convForward, convForwardScratchBytes } from "./conv";
export {
  convBackwardFilter,
  convBackwardFilterScratchBytes,
  convBackwardInput,
  convBackwardInputScratchBytes,
  flipFilter,
} from "./conv_backward";
export { setConv } from "./conv_geometry";
export { finish } from "./epilogue";
export { gelu, geluGrad } from "./gelu";
export { gemm, gemmScratchBytes } from "./gemm";
export { layerNorm, layerNormGrad } from "./layer_norm";
export { copyRuns, segmentSum, sumRows, transposePlanes } from "./move";
