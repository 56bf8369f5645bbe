export {
  type NodeToAdd,
  ONNX_OPSETS,
  OnnxGraph,
  type OnnxGraphOptions,
} from "./graph.js";
export {
  type ArithmeticOp,
  arithmetic,
  clip,
  concat,
  type ElementwiseOp,
  elementwise,
  gather,
  matMul,
  padFront,
  reshape,
  slice,
  split,
  transpose,
} from "./ops_basic.js";
export {
  batchNorm,
  type ConvOptions,
  conv2d,
  convTranspose2d,
  globalAveragePool,
  groupNorm,
  type NormWeights,
  resizeBilinear,
  resizeNearest,
} from "./ops_image.js";
export {
  type AttentionInputs,
  attention,
  gelu,
  type LayerNormWeights,
  layerNorm,
  linear,
  type OnnxAttention,
  silu,
  softmax,
} from "./ops_transformer.js";
export { LARGEST_ONNX_BYTES, type SerializeOnnxOptions, serializeOnnx } from "./serialize.js";
export * from "./types.js";
export { type WriteOnnxOptions, writeOnnx } from "./write_onnx.js";
