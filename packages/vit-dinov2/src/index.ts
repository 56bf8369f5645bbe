export { bandsOf, withBands } from "./bands.js";
export { type CenterPadding, centerPad, centerPadding } from "./center_pad.js";
export {
  buildDinov2Classifier,
  type Dinov2Classifier,
  type Dinov2ClassifierConfig,
  type Dinov2ClassifierOptions,
} from "./classifier.js";
export { classifierFeatures } from "./classifier_features.js";
export {
  type BandInflation,
  type Dinov2Config,
  type Dinov2Options,
  dinov2Defaults,
  type ExtraBlocks,
  ffnHidden,
  rgbBands,
  toDinov2Config,
  trainedGrid,
} from "./config.js";
export { embedPatches, type PatchGrid } from "./embed.js";
export { withExtraBlocks } from "./extra_blocks.js";
export {
  type FeaturePicture,
  type FeaturePictureOptions,
  type ForegroundRule,
  featurePicture,
} from "./features/feature_picture.js";
export { fitPca, type Pca, type PcaOptions, projectPca } from "./features/pca.js";
export { type FeaturePool, featurePools, poolFeatures } from "./features/pool_features.js";
export { type FlopsConfig, flopsOf } from "./flops.js";
export { buildDinov2 } from "./model.js";
export { type Dinov2Description, describeDinov2 } from "./names/describe.js";
export { toOfficialNames } from "./names/official_names.js";
export { type Dinov2Naming, type RecognizedDinov2, recognizeDinov2 } from "./names/recognize.js";
export { toNames } from "./names/to_names.js";
export { withDepth } from "./names/with_depth.js";
export {
  type AddDinov2Options,
  addDinov2,
  type Dinov2Graph,
  patchMap,
} from "./onnx/dinov2_graph.js";
export { buildDinov2Onnx, type Dinov2OnnxOptions } from "./onnx/dinov2_onnx.js";
export { interpolatePosition, type PositionRule } from "./position.js";
export { dinov2Specs } from "./specs.js";
export * from "./types.js";
export {
  buildDinov2Variant,
  buildDinov2Vitb14,
  buildDinov2Vitb14Reg,
  buildDinov2Vitg14,
  buildDinov2Vitg14Reg,
  buildDinov2Vitl14,
  buildDinov2Vitl14Reg,
  buildDinov2Vits14,
  buildDinov2Vits14Reg,
  type Dinov2Variant,
  dinov2Variants,
  type VariantOptions,
} from "./variants.js";
