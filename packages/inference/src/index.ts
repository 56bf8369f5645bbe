export { blendWindow } from "./blend_window.js";
export { predictRaster, workingBytes } from "./predict_raster.js";
export { countTiles, type PlanTilesOptions, planTiles } from "./tile_plan.js";
export type {
  PredictRasterOptions,
  PredictRasterSummary,
  ProbabilityRows,
  TileInput,
  TilePlan,
  TilePredictor,
} from "./types.js";
