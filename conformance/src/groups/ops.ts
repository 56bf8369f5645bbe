import type { GroupRunners } from "../case.js";
import { interpolate } from "./ops/interpolate.js";
import { layers } from "./ops/layers.js";
import { batchNormCase, groupNormCase } from "./ops/norms.js";

/** Golden cases of single operations. */
export const group: GroupRunners = {
  runners: { interpolate, ...layers, batch_norm: batchNormCase, group_norm: groupNormCase },
};
