import { standardiseBand } from "@glof/core";
import type { ReflectanceWindow } from "@glof/sentinel2";
import type { Normalisation } from "./segmenter_config.js";

/** Pixels ready for the model, with the validity they came with. */
export interface NormalisedPixels {
  /** `(clip(reflectance) - mean) / std`, row-major [height, width, bands]. */
  readonly pixels: Float32Array;
  /** 1 = usable. Row-major [height, width]. */
  readonly validMask: Uint8Array;
}

/**
 * Turns reflectance into what the model was trained on: clipped, then standardised per band.
 *
 * A pixel without data becomes 0, which is the band's mean: the least surprising thing a model can see there.
 *
 * @param window bands in the order of the model's config
 */
export function normaliseReflectance(
  window: ReflectanceWindow,
  normalisation: Normalisation,
): NormalisedPixels {
  const { bandsRefl, validMask } = window;
  const pixels = new Float32Array(validMask.length * bandsRefl.length);
  normaliseInto(pixels, window, normalisation);
  return { pixels, validMask };
}

/** Pixels of one band handled before the next: the pixels of all bands then stay in the processor's cache. */
const PIXELS_AT_ONCE = 2048;

/** `normaliseReflectance` into [height, width, bands] that is already there. */
export function normaliseInto(
  pixels: Float32Array,
  { bandsRefl, validMask }: ReflectanceWindow,
  { mean, std, clip }: Normalisation,
): void {
  const bandCount = bandsRefl.length;
  for (let start = 0; start < validMask.length; start += PIXELS_AT_ONCE) {
    const count = Math.min(PIXELS_AT_ONCE, validMask.length - start);
    const valid = validMask.subarray(start, start + count);
    bandsRefl.forEach((values, band) => {
      const to = { values: pixels, start: start * bandCount + band, stride: bandCount };
      standardiseBand(
        { values, start, stride: 1 },
        to,
        count,
        { mean: mean[band]!, std: std[band]!, clip },
        valid,
      );
    });
  }
}
