export { bandFolderDoor } from "./band_folder_door.js";
export { requireBandName, requireBands, toBandName } from "./band_names.js";
export {
  type BandRatioSample,
  type BandRatioScore,
  type BandRatioSearchOptions,
  searchBandRatio,
} from "./baseline/band_ratio_search.js";
export {
  bandRatio,
  requireSpectralIndex,
  SPECTRAL_INDICES,
  type SpectralIndex,
  type SpectralIndexName,
  spectralIndex,
} from "./baseline/spectral_index.js";
export {
  type IndexSample,
  indexMask,
  searchThreshold,
  type ThresholdScore,
} from "./baseline/threshold_search.js";
export type { ChipFormat, ChipPixels } from "./chips/chip_files.js";
export type { ChipLabels, OutlineLabels } from "./chips/chip_labels.js";
export {
  type ReadChipsOptions,
  readChipStatistics,
  readChips,
  type StoredChip,
} from "./chips/read_chips.js";
export { type SampleChipsOptions, type SceneChip, sampleChips } from "./chips/sample_chips.js";
export { type WriteChipsOptions, type WrittenChips, writeChips } from "./chips/write_chips.js";
export { describeScene } from "./describe/describe_scene.js";
export type { DescribedBand, SceneDescription } from "./describe/scene_description.js";
export { geotiffStackDoor } from "./geotiff_stack_door.js";
export {
  type BandRatioOptions,
  bandRatioMask,
  type IndexMask,
  type NdwiOtsuOptions,
  ndwiOtsuMask,
} from "./index_masks.js";
export {
  aweiNoShadow,
  aweiShadow,
  mndwi,
  ndsi,
  ndvi,
  ndwi,
  ndwiBlue,
  normalisedDifference,
} from "./indices.js";
export { type OffsetFacts, type OffsetRule, offsetRule } from "./offset_rules.js";
export { openScene, sceneDoors } from "./open_scene.js";
export { beginOtsu, type OtsuOptions, type OtsuPasses, otsuThreshold } from "./otsu.js";
export {
  type RankCandidate,
  type Ranked,
  type RankOptions,
  rankCandidates,
  type Season,
} from "./ranking/rank_candidates.js";
export { type RankedScene, type RankScenesOptions, rankScenes } from "./ranking/rank_scenes.js";
export { type ProductMetadata, parseProductMetadata } from "./safe/product_metadata.js";
export { safeDoor, safeZipDoor } from "./safe/safe_door.js";
export { parseTileMetadata, type TileMetadata } from "./safe/tile_metadata.js";
export {
  type GeographicSplit,
  type GeographicSplitsOptions,
  geographicSplits,
  type SplitEntry,
  type SplitPart,
} from "./sampling/geographic_splits.js";
export { type PatchEdge, type PatchGridOptions, patchGrid } from "./sampling/patch_grid.js";
export { type PatchesOverMaskOptions, patchesOverMask } from "./sampling/patches_over_mask.js";
export { type SamplePatchesOptions, samplePatches } from "./sampling/sample_patches.js";
export { subsample, subsampleCounts } from "./sampling/subsample.js";
export { readScaled, type ScaledReader, type ScaledWindow, setScaledReader } from "./scaled/read_scaled.js";
export { scaleBands } from "./scaled/scale_bands.js";
export type { OpenSceneOptions, SceneDoor, SceneSource } from "./scene_door.js";
export { type OpenStacItemOptions, openStacItem } from "./stac/open_stac_item.js";
export { type PlanetaryComputerOptions, planetaryComputerSigner } from "./stac/planetary_computer.js";
export type { SearchStacOptions } from "./stac/search_options.js";
export { searchStac } from "./stac/search_stac.js";
export { parseStacItem, type StacAsset, type StacItem, type StacLink } from "./stac/stac_item.js";
export { stacItemDoor } from "./stac/stac_item_door.js";
export { partInside, partStrips, type ScenePart, wholePart } from "./stack/scene_part.js";
export {
  type IndexSummary,
  type WriteIndexOptions,
  writeIndex,
} from "./stack/write_index.js";
export { type StackSummary, type WriteStackOptions, writeStack } from "./stack/write_stack.js";
export {
  type BandAccumulator,
  type BandAccumulatorState,
  type BandSummary,
  beginBandStatistics,
} from "./statistics/band_accumulator.js";
export {
  type RegionStatistics,
  type RegionStatisticsOptions,
  regionStatistics,
} from "./statistics/region_statistics.js";
export { type SceneRegionOptions, sceneRegion } from "./statistics/scene_region.js";
export { type SceneShadowOptions, sceneShadow, sceneSun } from "./statistics/scene_sun.js";
export * from "./types.js";
export {
  type SceneClassStatistics,
  type SceneRegion,
  sceneClassStatistics,
} from "./validity/class_statistics.js";
export { DEFAULT_VALIDITY, resolvePolicy, type ValidityPolicy } from "./validity/policy.js";
export { INVALID_REASONS, type InvalidReason } from "./validity/reasons.js";
export { SCENE_CLASSES, type SceneClass } from "./validity/scene_classes.js";
