import { GlofError } from "@glof/core";

/**
 * Normalised difference `(a - b) / (a + b)` of two bands, element by element. Where the sum is 0 it is divided by 1
 * instead, as DL4GAM does, so no-data (0, 0) gives 0.
 *
 * @throws GlofError `shape-mismatch` for bands of different lengths
 */
export function normalisedDifference(a: Float32Array, b: Float32Array): Float32Array {
  checkLengths("normalisedDifference", a, b);
  return a.map((value, pixel) => {
    const sum = value + b[pixel]!;
    return (value - b[pixel]!) / (sum === 0 ? 1 : sum);
  });
}

/** Water: `(G - NIR) / (G + NIR)`, bands B03 and B08 (McFeeters 1996). */
export function ndwi(green: Float32Array, nir: Float32Array): Float32Array {
  return normalisedDifference(green, nir);
}

/** Water with the blue band, `(B - NIR) / (B + NIR)`, bands B02 and B08 (Huggel et al. 2002 with the sign turned). */
export function ndwiBlue(blue: Float32Array, nir: Float32Array): Float32Array {
  return normalisedDifference(blue, nir);
}

/** Water: `(G - SWIR) / (G + SWIR)`, bands B03 and B11 (Xu 2006). The same formula as `ndsi`: snow is high as well. */
export function mndwi(green: Float32Array, swir1: Float32Array): Float32Array {
  return normalisedDifference(green, swir1);
}

/** Snow and ice: `(G - SWIR) / (G + SWIR)`, bands B03 and B11 (Hall et al. 1995). The same formula as `mndwi`. */
export function ndsi(green: Float32Array, swir1: Float32Array): Float32Array {
  return normalisedDifference(green, swir1);
}

/** Vegetation: `(NIR - R) / (NIR + R)`, bands B08 and B04 (Rouse et al. 1974). */
export function ndvi(nir: Float32Array, red: Float32Array): Float32Array {
  return normalisedDifference(nir, red);
}

/** Water where there is no shadow: `4 (G - SWIR1) - (0.25 NIR + 2.75 SWIR2)` (Feyisa et al. 2014). Water is above 0. */
export function aweiNoShadow(
  green: Float32Array,
  nir: Float32Array,
  swir1: Float32Array,
  swir2: Float32Array,
): Float32Array {
  checkLengths("aweiNoShadow", green, nir, swir1, swir2);
  return green.map((g, pixel) => 4 * (g - swir1[pixel]!) - (0.25 * nir[pixel]! + 2.75 * swir2[pixel]!));
}

/** Water beside shadow: `B + 2.5 G - 1.5 (NIR + SWIR1) - 0.25 SWIR2` (Feyisa et al. 2014). Water is above 0. */
export function aweiShadow(
  blue: Float32Array,
  green: Float32Array,
  nir: Float32Array,
  swir1: Float32Array,
  swir2: Float32Array,
): Float32Array {
  checkLengths("aweiShadow", blue, green, nir, swir1, swir2);
  return blue.map(
    (b, pixel) => b + 2.5 * green[pixel]! - 1.5 * (nir[pixel]! + swir1[pixel]!) - 0.25 * swir2[pixel]!,
  );
}

/** Throws `shape-mismatch` unless all arrays are equally long. */
export function checkLengths(where: string, ...arrays: readonly ArrayLike<number>[]): void {
  const lengths = arrays.map((array) => array.length);
  if (lengths.every((length) => length === lengths[0])) return;
  throw new GlofError(
    "shape-mismatch",
    `${where}: expected arrays of one length, got ${lengths.join(", ")}. Read all of them from one window.`,
    { lengths },
  );
}
