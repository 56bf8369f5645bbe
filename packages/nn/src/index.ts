export { type Block, checkpoint } from "./checkpointing.js";
export { ensureGradients } from "./gradients/index.js";
export type { ByteImage } from "./images/byte_image.js";
export {
  centerCropBytes,
  type EvalTransformOptions,
  evalTransform,
  imagenetMean,
  imagenetStd,
  type NormalizedImage,
  shorterSideSize,
} from "./images/eval_transform.js";
export { resizeBytes } from "./images/resize_bytes.js";
export {
  areReferenceKernelsForced,
  type FastKernel,
  type FastKernelName,
  useKernel,
  withReferenceKernels,
} from "./kernels/door.js";
export {
  type Activation,
  activate,
  activationNames,
  gelu,
  leakyRelu,
  relu,
  sigmoid,
  silu,
  softplus,
} from "./ops/activations.js";
export type { AdamMoments, AdamNumbers, AdamUpdate } from "./ops/adam_types.js";
export { adamUpdate } from "./ops/adam_update.js";
export { type AdamEntry, type AdamUpdateOptions, adamUpdateAll } from "./ops/adam_update_all.js";
export { type AttentionOptions, attention, multiHeadAttention } from "./ops/attention.js";
export {
  type BatchNormOptions,
  type BatchNormParams,
  type BatchNormStatistics,
  batchNorm,
} from "./ops/batch_norm.js";
export type { ClassLossOptions } from "./ops/class_loss_types.js";
export {
  type ConvBatchNormOptions,
  type ConvTransposeBatchNormOptions,
  convBatchNorm,
  convTransposeBatchNorm,
} from "./ops/conv_batch_norm.js";
export type { ConvShapeOptions } from "./ops/conv_geometry.js";
export { type Conv2dOptions, type ConvTranspose2dOptions, conv2d, convTranspose2d } from "./ops/conv2d.js";
export { dropout, dropPath } from "./ops/dropout.js";
export { gatedSilu } from "./ops/gated_silu.js";
export { type GroupNormOptions, groupNorm } from "./ops/group_norm.js";
export {
  type InterpolationFilter,
  type InterpolationOptions,
  interpolationMap,
  nearestIndices,
} from "./ops/interpolation.js";
export { type JoinedTensors, joinSmall } from "./ops/join_small.js";
export { type LayerNormOptions, layerNorm } from "./ops/layer_norm.js";
export { type LinearOptions, linear } from "./ops/linear.js";
export { type LinearResidualWeights, linearResidual } from "./ops/linear_residual.js";
export { lovaszExtension } from "./ops/lovasz_extension.js";
export type { LovaszOptions, LovaszRows } from "./ops/lovasz_types.js";
export { matMul } from "./ops/mat_mul.js";
export { type PadMode, type PadOptions, pad2d } from "./ops/pad.js";
export type { Pair } from "./ops/pair.js";
export type { PixelLossOptions } from "./ops/pixel_loss_types.js";
export { pixelShuffle } from "./ops/pixel_shuffle.js";
export { type AvgPoolOptions, avgPool2d, maxPool2d, type PoolOptions } from "./ops/pool.js";
export {
  adaptiveAvgPool2d,
  type ImageSize,
  type ResizeNearestOptions,
  type ResizeOptions,
  resizeBicubic,
  resizeBilinear,
  resizeNearest,
} from "./ops/resize.js";
export {
  type RowArithmetic,
  type RowFormula,
  type RowResults,
  rowFormula,
  tensorRows,
} from "./ops/row_formula.js";
export type { AxisMap } from "./ops/separable_map.js";
export { logSoftmax, softmax } from "./ops/softmax.js";
export { type SortedRows, sortDescending } from "./ops/sort.js";
export { squareSums } from "./ops/square_sums.js";
export { type SwigluOptions, swiglu } from "./ops/swiglu.js";
export { initParams } from "./params/init.js";
export { toFileLayout, toMemoryLayout, toMemoryShape } from "./params/layout.js";
export { compareWithSpecs, loadParams } from "./params/load.js";
export { saveParams } from "./params/save.js";
export { countParams, disposeParams, type Partition, partition, subParams } from "./params/select.js";
export * from "./types.js";
export { type ValueAndGrad, type ValueAndGradOptions, valueAndGrad } from "./value_and_grad.js";
export { installWasmKernels, type WasmKernelsOptions, type WasmKernelsReport } from "./wasm/install.js";
export { withSharedWasmHeap } from "./wasm/threads/shared_heap.js";
export { type InstalledKernels, installWebgpuKernels } from "./webgpu/install.js";
export {
  type PrecisionReport,
  usesMatrixUnits,
  useWebgpuPrecision,
  type WebgpuPrecision,
  type WebgpuPrecisionOptions,
} from "./webgpu/precision.js";
export {
  type HalfStorageOptions,
  storedBytes,
  storeForPrediction,
  toHalfStorage,
} from "./webgpu/to_half_storage.js";
export type { MeasuredProblem } from "./webgpu/tuning/measure_forms.js";
export {
  type TuneWebgpuOptions,
  type TuneWebgpuResult,
  tuneWebgpu,
  useWebgpuTuning,
} from "./webgpu/tuning/tune.js";
export type { TuningReport, WebgpuTuning } from "./webgpu/tuning/tuning_table.js";
export { warmUpWebgpu } from "./webgpu/tuning/warm_up.js";
export { type OperationWithGradient, withGradient } from "./with_gradient.js";
