import { type BandScaling, standardiseBand } from "@glof/core";
import type { ReflectanceWindow } from "../types.js";

/** Pixels of one band handled before the next: the pixels of all bands then stay in the processor's cache. */
const PIXELS_AT_ONCE = 2048;

/**
 * Clips and standardises the bands of a window, each by its own numbers; what is not valid becomes 0, the band's mean.
 *
 * @param pixels result, row-major [height, width, bands]
 * @param scaling one per band
 */
export function scaleBands(
  pixels: Float32Array,
  { bandsRefl, validMask }: ReflectanceWindow,
  scaling: readonly BandScaling[],
): void {
  const bandCount = bandsRefl.length;
  for (let start = 0; start < validMask.length; start += PIXELS_AT_ONCE) {
    const count = Math.min(PIXELS_AT_ONCE, validMask.length - start);
    const valid = validMask.subarray(start, start + count);
    bandsRefl.forEach((values, band) => {
      const to = { values: pixels, start: start * bandCount + band, stride: bandCount };
      standardiseBand({ values, start, stride: 1 }, to, count, scaling[band]!, valid);
    });
  }
}
