import { GlofError } from "@glof/core";
import { aweiNoShadow, aweiShadow, checkLengths, mndwi, ndsi, ndvi, ndwi, ndwiBlue } from "../indices.js";
import type { BandName } from "../types.js";

/** A spectral index: which bands, in which order, and how. */
export interface SpectralIndex {
  readonly bands: readonly BandName[];
  /** With the bands' names as variables. */
  readonly formula: string;
  readonly source: string;
  /** Reflectances in the order of `bands`. */
  readonly compute: (...bandsRefl: readonly Float32Array[]) => Float32Array;
}

/** Adapts a function of named bands; `spectralIndex` checks their number. */
const of =
  (
    compute: (
      ...bands: [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array]
    ) => Float32Array,
  ) =>
  (...bands: readonly Float32Array[]): Float32Array =>
    compute(...(bands as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array]));

/**
 * Indices by name. Water is high in the first five (above 0, as their authors say), snow and ice in `ndsi` and `ratio`,
 * plants in `ndvi`.
 *
 * Where a denominator is 0, 1 stands in its place, as in DL4GAM: no-data of (0, 0) gives 0.
 */
export const SPECTRAL_INDICES = {
  ndwi: {
    bands: ["B03", "B08"],
    formula: "(B03 - B08) / (B03 + B08)",
    source: "McFeeters 1996",
    compute: of(ndwi),
  },
  ndwiBlue: {
    bands: ["B02", "B08"],
    formula: "(B02 - B08) / (B02 + B08)",
    source: "Huggel et al. 2002, sign turned",
    compute: of(ndwiBlue),
  },
  mndwi: {
    bands: ["B03", "B11"],
    formula: "(B03 - B11) / (B03 + B11)",
    source: "Xu 2006",
    compute: of(mndwi),
  },
  aweiNoShadow: {
    bands: ["B03", "B08", "B11", "B12"],
    formula: "4 (B03 - B11) - (0.25 B08 + 2.75 B12)",
    source: "Feyisa et al. 2014, AWEI_nsh",
    compute: of(aweiNoShadow),
  },
  aweiShadow: {
    bands: ["B02", "B03", "B08", "B11", "B12"],
    formula: "B02 + 2.5 B03 - 1.5 (B08 + B11) - 0.25 B12",
    source: "Feyisa et al. 2014, AWEI_sh",
    compute: of(aweiShadow),
  },
  ndsi: {
    bands: ["B03", "B11"],
    formula: "(B03 - B11) / (B03 + B11)",
    source: "Hall et al. 1995",
    compute: of(ndsi),
  },
  ndvi: {
    bands: ["B08", "B04"],
    formula: "(B08 - B04) / (B08 + B04)",
    source: "Rouse et al. 1974",
    compute: of(ndvi),
  },
  ratio: {
    bands: ["B04", "B11"],
    formula: "B04 / B11",
    source: "Paul et al. 2002",
    compute: of(bandRatio),
  },
} as const satisfies Readonly<Record<string, SpectralIndex>>;

/** Name of an index in `SPECTRAL_INDICES`. */
export type SpectralIndexName = keyof typeof SPECTRAL_INDICES;

/** Red over SWIR, bands B04 and B11: high on ice and snow (Paul et al. 2002). Over 0 it is divided by 1. */
export function bandRatio(red: Float32Array, swir1: Float32Array): Float32Array {
  checkLengths("bandRatio", red, swir1);
  return red.map((value, pixel) => value / (swir1[pixel] === 0 ? 1 : swir1[pixel]!));
}

/**
 * The entry of an index, by its name in any case.
 * @throws GlofError `bad-argument` for a name that is not in `SPECTRAL_INDICES`
 */
export function requireSpectralIndex(name: string, where = "spectralIndex"): SpectralIndex {
  const found = Object.entries(SPECTRAL_INDICES).find(([key]) => key.toLowerCase() === name.toLowerCase());
  if (found) return found[1];
  throw new GlofError(
    "bad-argument",
    `${where}: expected an index among ${Object.keys(SPECTRAL_INDICES).join(", ")}, got ${name}. Name one of them.`,
  );
}

/**
 * An index of reflectances that were read together, NaN where they are not valid.
 *
 * @param bandsRefl in the order of the index's `bands`
 * @param validMask 1 = usable; default: all
 * @throws GlofError `bad-argument` for an unknown name; `shape-mismatch` for another number of bands or lengths that differ
 */
export function spectralIndex(
  name: string,
  bandsRefl: readonly Float32Array[],
  validMask?: Uint8Array,
): Float32Array {
  const { bands, compute } = requireSpectralIndex(name);
  if (bandsRefl.length !== bands.length) {
    throw new GlofError(
      "shape-mismatch",
      `spectralIndex: expected the bands ${bands.join(", ")} for ${name}, got ${bandsRefl.length}. Read them in that order.`,
    );
  }
  if (validMask) checkLengths("spectralIndex", ...bandsRefl, validMask);
  const values = compute(...bandsRefl);
  if (validMask) {
    for (let pixel = 0; pixel < values.length; pixel++)
      if (validMask[pixel] !== 1) values[pixel] = Number.NaN;
  }
  return values;
}
