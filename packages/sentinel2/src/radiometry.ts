import { GlofError } from "@glof/core";
import type { RasterBand } from "@glof/geo";
import { offsetRule } from "./offset_rules.js";
import { baselineInName } from "./product_name.js";
import type { OpenSceneOptions } from "./scene_door.js";
import type { BandRadiometry } from "./types.js";

/** Sentinel-2's own: DN 10000 is reflectance 1. */
const defaultQuantification = 10_000;

/**
 * How the numbers of a file's band become reflectance, `(DN + offsetDn) / quantification`.
 *
 * What the caller says wins; then the file's scale and offset tags (scale 0.0001 is a quantification of 10000); then 10000 for
 * integers with the offset that `offsetRule` reads from the names; 1 and 0 for floating point, which is taken as
 * reflectance already.
 *
 * @param names of the file and its folder: an ESA product name tells the processing baseline
 * @throws GlofError `bad-dtype` for 8-bit pixels of which nobody says what they mean; `bad-argument`
 */
export function bandRadiometry(
  band: RasterBand,
  options: Pick<OpenSceneOptions, "quantification" | "offsetDn" | "harmonised">,
  where: string,
  names: readonly string[] = [],
): BandRadiometry {
  const tagged = band.scale !== 1 || band.offset !== 0;
  const isFloat = band.dtype === "float32" || band.dtype === "float64";
  if ((band.dtype === "uint8" || band.dtype === "int8") && !tagged && options.quantification === undefined) {
    throw new GlofError(
      "bad-dtype",
      `${where}: expected 16-bit digital numbers or floating-point reflectance, got ${band.dtype}. ` +
        "Use the product's reflectance bands and not a picture, or state the quantification.",
      { dtype: band.dtype },
    );
  }
  const stated = tagged ? 1 / band.scale : isFloat ? 1 : defaultQuantification;
  const quantification = options.quantification ?? roundedTo12Digits(stated);
  const { offsetDn } = offsetRule({
    offsetDn: options.offsetDn,
    harmonised: options.harmonised,
    ...(tagged && { statedDn: roundedTo12Digits(band.offset / band.scale) }),
    ...(isFloat || tagged ? {} : { names, baseline: baselineInName(names.join(" ")) }),
  });
  if (!(Number.isFinite(quantification) && quantification > 0 && Number.isFinite(offsetDn))) {
    throw new GlofError(
      "bad-argument",
      `${where}: expected a positive quantification and a finite offset, got ${quantification} and ${offsetDn}. ` +
        "State both (10000 and 0, or 10000 and -1000 from processing baseline 04.00 on).",
      { quantification, offsetDn },
    );
  }
  return { quantification, offsetDn };
}

/** -0.1 / 0.0001 is -1000.0000000000001 in binary: tags are decimal numbers and so is what they mean. */
function roundedTo12Digits(value: number): number {
  return Number(value.toPrecision(12));
}
