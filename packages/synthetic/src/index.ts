export { BASE_YEAR, generateScene, type SceneOptions } from "./scene.js";
export * from "./types.js";
