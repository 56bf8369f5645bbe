export { lakeFeatures } from "./lake_features.js";
export { type LargeSceneOptions, writeLargeScene } from "./large_scene.js";
export { BASE_YEAR, generateScene, type SceneOptions } from "./scene.js";
export { generateSeries, type SeriesOptions } from "./series.js";
export * from "./types.js";
export { type WriteSceneOptions, writeScene } from "./write_scene.js";
