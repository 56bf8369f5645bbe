import type { FuzzTarget } from "./fuzz_target.js";
import { archiveTargets } from "./targets/archives.js";
import { configTargets } from "./targets/configs.js";
import { rasterTargets } from "./targets/rasters.js";
import { sceneTargets } from "./targets/scenes.js";
import { vectorTargets } from "./targets/vectors.js";
import { weightTargets } from "./targets/weights.js";

/** Every parser of the project, by the name that `--target` takes. */
export const fuzzTargets: Readonly<Record<string, FuzzTarget>> = {
  ...rasterTargets,
  ...vectorTargets,
  ...archiveTargets,
  ...sceneTargets,
  ...weightTargets,
  ...configTargets,
};
