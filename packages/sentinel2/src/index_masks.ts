import { checkLengths, ndwi } from "./indices.js";
import { otsuThreshold } from "./otsu.js";

/** A water mask made from an index, and the threshold it used. */
export interface IndexMask {
  /** 1 water, 0 other, 255 no data. */
  readonly mask: Uint8Array;
  readonly threshold: number;
}

/** Options of `ndwiOtsuMask`. */
export interface NdwiOtsuOptions {
  /** The threshold is never below this: Otsu splits any image in two, with water in it or not. Default 0 (McFeeters). */
  readonly leastThreshold?: number;
}

/**
 * The baseline that a lake model has to beat: NDWI above a threshold that Otsu's method picks for the image.
 *
 * @param green B03 reflectance
 * @param nir B08 reflectance
 * @param validMask 1 = usable
 * @throws GlofError `no-valid-pixels` when the mask is empty; `shape-mismatch`
 */
export function ndwiOtsuMask(
  green: Float32Array,
  nir: Float32Array,
  validMask: Uint8Array,
  options: NdwiOtsuOptions = {},
): IndexMask {
  checkLengths("ndwiOtsuMask", green, nir, validMask);
  const index = ndwi(green, nir);
  const threshold = Math.max(options.leastThreshold ?? 0, otsuThreshold(index, { validMask }));
  const mask = validMask.map((valid, pixel) => (valid === 0 ? 255 : index[pixel]! > threshold ? 1 : 0));
  return { mask, threshold };
}

/** Thresholds of `bandRatioMask`. */
export interface BandRatioOptions {
  /** Least red / SWIR. Published searches run from 0.5 to 5.5. */
  readonly ratio: number;
  /** Least blue reflectance, which keeps shadow out. Published searches run from 0 to 0.15. */
  readonly blueRefl: number;
}

/**
 * The classic glacier baseline: `red / SWIR1 ≥ ratio` and `blue ≥ blueRefl` (Paul et al. 2002), bands B04, B11 and B02.
 *
 * @returns 1 ice or snow, 0 other, 255 no data
 * @throws GlofError `shape-mismatch`
 */
export function bandRatioMask(
  bands: { readonly blue: Float32Array; readonly red: Float32Array; readonly swir1: Float32Array },
  validMask: Uint8Array,
  options: BandRatioOptions,
): Uint8Array {
  const { blue, red, swir1 } = bands;
  checkLengths("bandRatioMask", blue, red, swir1, validMask);
  return validMask.map((valid, pixel) => {
    if (valid === 0) return 255;
    // Multiplied out: no division by a SWIR of 0.
    return red[pixel]! >= options.ratio * swir1[pixel]! && blue[pixel]! >= options.blueRefl ? 1 : 0;
  });
}
