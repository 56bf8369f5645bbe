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
  const { mean, std, clip = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] } = normalisation;
  const bandCount = bandsRefl.length;
  const pixels = new Float32Array(validMask.length * bandCount);
  bandsRefl.forEach((refl, band) => {
    const bandMean = mean[band]!;
    const perStd = 1 / std[band]!;
    for (let pixel = 0, at = band; pixel < refl.length; pixel++, at += bandCount) {
      if (validMask[pixel] === 0) continue;
      pixels[at] = (Math.min(clip[1], Math.max(clip[0], refl[pixel]!)) - bandMean) * perStd;
    }
  });
  return { pixels, validMask };
}
