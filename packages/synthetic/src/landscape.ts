import type { Canvas } from "./canvas.js";
import type { WaterBody } from "./lake_shape.js";
import type { LakeIce, WaterCover } from "./water.js";

/** A landscape ready to be lit: what stands where, and how bright it is. */
export interface Landscape {
  readonly canvas: Canvas;
  readonly elevationM: Float32Array;
  /** Standing water; `water.owner` counts them from 1. */
  readonly bodies: readonly WaterBody[];
  readonly water: WaterCover;
  readonly lakeIce: LakeIce;
  /** Part of each pixel that is running water. */
  readonly river: Float32Array;
}
