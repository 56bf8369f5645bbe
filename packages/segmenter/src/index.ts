export { buildLakeSegmenter } from "./build_lake_segmenter.js";
export { hashTensors } from "./bundle_hash.js";
export {
  buildSmallLakeSegmenterConfig,
  DEFAULT_SEGMENTER_CONFIG,
  type SmallLakeSegmenterOptions,
} from "./default_config.js";
export { describeOrtEngine, type OrtDescription } from "./engine/describe_ort.js";
export { type OrtEngineParts, openOrtEngine } from "./engine/ort_engine.js";
export type { OrtEngineOptions, SegmenterEngine, TileEngine } from "./engine/types.js";
export {
  LakeSegmenter,
  type LakeSegmenterParts,
  type LoadSegmenterOptions,
  type PredictSceneOptions,
} from "./lake_segmenter.js";
export type { ModelCard } from "./model_card.js";
export { type NormalisedPixels, normaliseReflectance } from "./normalise.js";
export { buildSegmenterOnnx, type SegmenterOnnxOptions } from "./onnx/segmenter_onnx.js";
export { type Bundle, type BundleSource, type OpenBundleOptions, openBundle } from "./open_bundle.js";
export { type BundleToSave, saveBundle } from "./save_bundle.js";
export {
  BUNDLE_FORMAT_VERSION,
  checkSegmenterConfig,
  type Normalisation,
  type SegmenterConfig,
} from "./segmenter_config.js";
