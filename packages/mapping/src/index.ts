export { LAKE_COLUMN_TYPES, LAKE_COLUMNS, type Lake, measureLakes } from "./lake_features.js";
export {
  DEFAULT_MIN_AREA_M2,
  MAP_PRODUCTS,
  type MapProduct,
  type MapSceneOptions,
  type RunFacts,
} from "./map_options.js";
export { type MapSummary, mapScene } from "./map_scene.js";
export { MASK_NO_DATA } from "./probability_pass.js";
export type { MapRun } from "./run_record.js";
