import { sceneClassCode } from "../validity/scene_classes.js";

/** Bits of `QA_PIXEL`, most telling first, with the class of Sen2Cor that comes nearest. */
const meanings = [
  [0, sceneClassCode("noData")],
  [3, sceneClassCode("cloudHigh")],
  [2, sceneClassCode("thinCirrus")],
  [1, sceneClassCode("cloudMedium")],
  [4, sceneClassCode("cloudShadow")],
  [5, sceneClassCode("snowIce")],
  [7, sceneClassCode("water")],
] as const;

const other = sceneClassCode("unclassified");

/**
 * The class that Landsat's quality band gives a pixel, as a code of `SCENE_CLASSES`: fill is no data; cloud, cirrus and
 * the ring around clouds are clouds; then shadow, snow and water; clear land is "unclassified".
 *
 * Source: USGS, Landsat 8-9 Collection 2 Level 2 Science Product Guide, table of the QA_PIXEL bits.
 */
export function landsatClass(qaPixel: number): number {
  for (const [bit, code] of meanings) if ((qaPixel >> bit) & 1) return code;
  return other;
}
