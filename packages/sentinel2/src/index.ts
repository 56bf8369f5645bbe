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
export { openScene, sceneDoors } from "./open_scene.js";
export { type OtsuOptions, otsuThreshold } from "./otsu.js";
export type { OpenSceneOptions, SceneDoor, SceneSource } from "./scene_door.js";
export * from "./types.js";
