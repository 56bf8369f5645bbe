import { GlofError } from "@glof/core";

/** Share of a normal distribution's mass within one standard deviation: Hanshaw and Bookhagen's 0.6872. */
const ONE_SIGMA_SHARE = 0.6872;

/**
 * Uncertainty of an outlined area from its pixel edge: one standard deviation, in m2.
 *
 * `σ = (P / G) · 0.6872 · G² / 2`: the number of edge pixels times half a pixel, Hanshaw and Bookhagen (2014),
 * The Cryosphere 8, 359-376, section 3.3. A circle of 0.1 km2 at 10 m gets 3.9 %.
 *
 * @param perimeterM length of the outline, holes included
 * @param pixelSizeM side of a pixel (the square root of its area where it is not square)
 */
export function edgeAreaSigmaM2(perimeterM: number, pixelSizeM: number): number {
  if (!(perimeterM >= 0) || !(pixelSizeM > 0)) {
    throw new GlofError(
      "bad-argument",
      `edgeAreaSigmaM2: expected perimeterM >= 0 and pixelSizeM > 0, got ${perimeterM} and ${pixelSizeM}.`,
    );
  }
  return (perimeterM / pixelSizeM) * ONE_SIGMA_SHARE * (pixelSizeM ** 2 / 2);
}
