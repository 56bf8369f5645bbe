// Everything the TypeScript side calls. Addresses are byte offsets into TensorFlow.js's heap.

export { adam } from "./adam";
export { attention, attentionGrad, attentionGradScratchBytes, attentionScratchBytes } from "./attention";
export { mapAxis, mapImage } from "./axis_map";
export { normalise, pullBackNormalise } from "./channel_norm";
export { channelSumsScratchBytes, moments, slopeSums } from "./channel_sums";
export { classLossScratchBytes, classSlopes, classSums } from "./class_loss";
export { convForward, convForwardScratchBytes } from "./conv";
export {
  convBackwardFilter,
  convBackwardFilterScratchBytes,
  convBackwardInput,
  convBackwardInputScratchBytes,
  flipFilter,
} from "./conv_backward";
export { setConv } from "./conv_geometry";
export { combine } from "./elementwise";
export { finish } from "./epilogue";
export { gatedSilu, gatedSiluGrad } from "./gated_silu";
export { gelu, geluGrad } from "./gelu";
export { gemm, gemmPacked, gemmPackedScratchBytes, gemmScratchBytes, packRight } from "./gemm";
export { layerNorm, layerNormGrad } from "./layer_norm";
export { countTruths, lovaszItems, lovaszSlopes } from "./lovasz";
export { bceSlopes, bceSums, countSlopes, countSums, regionSlopes, regionSums } from "./pixel_loss";
export { countDigits, moveItems, sortedValues, sortItems, startDigits } from "./radix_sort";
export { rowDots, rowSums, scaledCopies, weightedSum } from "./row_sums";
export { softmax, softmaxGrad, softmaxScratchBytes } from "./softmax";
export { addRows, copyRows, copyRuns, gatherRuns, reluGrad, segmentSum, stackSums, sumRows, transposePlanes } from "./move";
