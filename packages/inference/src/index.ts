export { blendWindow } from "./blend_window.js";
export { predictRaster, workingBytes } from "./predict_raster.js";
export { countTiles, type PlanTilesOptions, planTiles } from "./tile_plan.js";
export type { PredictRasterOptions, ProbabilityRows, TileInput, TilePlan, TilePredictor } from "./types.js";
