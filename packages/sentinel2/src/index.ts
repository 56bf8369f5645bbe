export { bandFolderDoor } from "./band_folder_door.js";
export { requireBandName, requireBands, toBandName } from "./band_names.js";
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
export { type OtsuOptions, otsuThreshold } from "./otsu.js";
export { type ProductMetadata, parseProductMetadata } from "./safe/product_metadata.js";
export { safeDoor, safeZipDoor } from "./safe/safe_door.js";
export { parseTileMetadata, type TileMetadata } from "./safe/tile_metadata.js";
export type { OpenSceneOptions, SceneDoor, SceneSource } from "./scene_door.js";
export { type OpenStacItemOptions, openStacItem } from "./stac/open_stac_item.js";
export { type PlanetaryComputerOptions, planetaryComputerSigner } from "./stac/planetary_computer.js";
export type { SearchStacOptions } from "./stac/search_options.js";
export { searchStac } from "./stac/search_stac.js";
export { parseStacItem, type StacAsset, type StacItem, type StacLink } from "./stac/stac_item.js";
export { stacItemDoor } from "./stac/stac_item_door.js";
export { partInside, partStrips, type ScenePart, wholePart } from "./stack/scene_part.js";
export { type StackSummary, type WriteStackOptions, writeStack } from "./stack/write_stack.js";
export * from "./types.js";
export {
  type SceneClassStatistics,
  type SceneRegion,
  sceneClassStatistics,
} from "./validity/class_statistics.js";
export { DEFAULT_VALIDITY, resolvePolicy, type ValidityPolicy } from "./validity/policy.js";
export { INVALID_REASONS, type InvalidReason } from "./validity/reasons.js";
export { SCENE_CLASSES, type SceneClass } from "./validity/scene_classes.js";
