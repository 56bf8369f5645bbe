import { Recent } from "../recent.js";
import { type InterpolationFilter, type InterpolationOptions, interpolationMap } from "./interpolation.js";
import type { AxisMap } from "./separable_map.js";

/**
 * Maps of the last resizes. A model resizes by the same few in every pass; to make them anew and to find their stretches
 * takes up to a tenth of a resize, on one thread while the others wait.
 */
const kept = new Recent<AxisMap>(8);

/** Numbers of the largest map that is kept, a megabyte of them: an axis of 512 pixels to as many. */
const MOST_KEPT = 1 << 18;

/** `interpolationMap`, kept from the last time; not to be written to. */
export function keptInterpolationMap(
  filter: InterpolationFilter,
  inSize: number,
  outSize: number,
  options: InterpolationOptions,
): AxisMap {
  const { alignCorners, antialias, scale } = options;
  const name = [filter, inSize, outSize, alignCorners, antialias, scale].join();
  const known = kept.get(name);
  if (known !== undefined) return known;
  const map = interpolationMap(filter, inSize, outSize, options);
  if (map.values.length <= MOST_KEPT) kept.set(name, map);
  return map;
}
