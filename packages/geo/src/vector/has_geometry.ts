import type { MultiPolygon } from "../types.js";

/** Anything with an outline in the grid's CRS. */
export interface HasGeometry {
  readonly geometry: MultiPolygon;
}
