import type { BandScaling } from "@glof/core";
import { type ReflectanceWindow, scaleBands } from "@glof/sentinel2";
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
  scaleBands(pixels, window, bandScaling(normalisation));
  return { pixels, validMask };
}

/** How each band is brought to what the model was trained on. */
export function bandScaling({ mean, std, clip }: Normalisation): BandScaling[] {
  return mean.map((bandMean, band) => ({ mean: bandMean, std: std[band]!, clip }));
}
