// Everything the TypeScript side calls. Addresses are byte offsets into TensorFlow.js's heap.

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
export { gemm, gemmScratchBytes } from "./gemm";
