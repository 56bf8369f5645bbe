import { GlofError } from "@glof/core";
import { type BandName, toBandName } from "@glof/sentinel2";
import type { VitUnetConfig } from "@glof/unet-decoder";
import type { Dinov2Config } from "@glof/vit-dinov2";

/** The version of the bundle format that this package writes and reads. */
export const BUNDLE_FORMAT_VERSION = 1;

/** Statistics of the training images, one number per band, in reflectance. */
export interface Normalisation {
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** Reflectance is clipped to this before it is standardised. Default: not clipped. */
  readonly clip?: readonly [low: number, high: number];
}

/** Everything about a lake segmenter but its weights: plain JSON. */
export interface SegmenterConfig {
  readonly formatVersion: typeof BUNDLE_FORMAT_VERSION;
  readonly name: string;
  /** Input channels, in this order. */
  readonly bands: readonly BandName[];
  readonly normalisation: Normalisation;
  /** With every default written out. `imageSizePx` is the size of the training crops. */
  readonly backbone: Dinov2Config;
  /** Blocks of the backbone (0-based) whose features the decoder gets, shallow to deep. */
  readonly featureLayers: readonly number[];
  readonly decoder: VitUnetConfig;
  /** Probability from which a pixel counts as lake. */
  readonly threshold: number;
  /** Side of the tiles that scenes are mapped with, a multiple of the patch. */
  readonly tilePx: number;
  readonly overlapPx: number;
}

/**
 * Checks a config from a file or a caller. What concerns backbone and decoder alone is checked where they are built.
 *
 * @param where for messages, such as the bundle's path
 * @throws GlofError `bundle-mismatch` for another format version; `bad-config`; `unknown-band`
 */
export function checkSegmenterConfig(config: unknown, where: string): SegmenterConfig {
  const fields = requireRecord(config, "an object", where);
  if (fields.formatVersion !== BUNDLE_FORMAT_VERSION) {
    throw new GlofError(
      "bundle-mismatch",
      `${where}: expected bundle format version ${BUNDLE_FORMAT_VERSION}, got ${JSON.stringify(fields.formatVersion)}. ` +
        "Update glof, or save the model again with this version.",
      { expected: BUNDLE_FORMAT_VERSION, got: fields.formatVersion },
    );
  }
  for (const name of ["backbone", "decoder"]) requireRecord(fields[name], `an object as ${name}`, where);
  const candidate = config as SegmenterConfig;
  checkBands(candidate, where);
  checkNormalisation(candidate, where);
  checkNumbers(candidate, where);
  return candidate;
}

function checkBands({ bands, backbone }: SegmenterConfig, where: string): void {
  if (!Array.isArray(bands) || bands.length === 0) throw bad(where, "a list of bands", bands);
  for (const band of bands) {
    if (typeof band !== "string" || toBandName(band) !== band) {
      throw new GlofError(
        "unknown-band",
        `${where}: expected names of Sentinel-2 bands such as B02, got ${JSON.stringify(band)}. Correct the config.`,
        { band },
      );
    }
  }
  if (new Set(bands).size !== bands.length) throw bad(where, "each band once", bands);
  if (JSON.stringify(backbone.bands) !== JSON.stringify(bands)) {
    throw bad(where, `a backbone for the same bands, ${bands.join(", ")},`, backbone.bands);
  }
}

function checkNormalisation({ bands, normalisation }: SegmenterConfig, where: string): void {
  const { mean, std, clip } = requireRecord(normalisation, "an object as normalisation", where);
  if (!isNumbers(mean, bands.length)) throw bad(where, `${bands.length} means`, mean);
  if (!isNumbers(std, bands.length) || !std.every((value) => value > 0)) {
    throw bad(where, `${bands.length} positive standard deviations`, std);
  }
  if (clip !== undefined && !(isNumbers(clip, 2) && clip[0]! < clip[1]!)) {
    throw bad(where, "a clip range [low, high]", clip);
  }
}

function checkNumbers(config: SegmenterConfig, where: string): void {
  const { name, featureLayers, threshold, tilePx, overlapPx, backbone } = config;
  if (typeof name !== "string" || name === "") throw bad(where, "a name", name);
  if (!Array.isArray(featureLayers) || featureLayers.length === 0) {
    throw bad(where, "a list of feature layers", featureLayers);
  }
  if (!(threshold > 0 && threshold < 1)) throw bad(where, "a threshold between 0 and 1", threshold);
  checkTiling({ tilePx, overlapPx }, backbone.patchSizePx, where);
}

/** Throws `bad-config` unless a model with this patch can map a scene with these tiles. */
export function checkTiling(
  { tilePx, overlapPx }: Pick<SegmenterConfig, "tilePx" | "overlapPx">,
  patchPx: number,
  where: string,
): void {
  if (!Number.isSafeInteger(patchPx) || patchPx < 1) throw bad(where, "a patch size above 0", patchPx);
  if (!Number.isSafeInteger(tilePx) || tilePx < patchPx || tilePx % patchPx !== 0) {
    throw bad(where, `a tile size that is a multiple of the patch of ${patchPx} pixels`, tilePx);
  }
  if (!Number.isSafeInteger(overlapPx) || overlapPx < 0 || overlapPx >= tilePx) {
    throw bad(where, `an overlap from 0 to ${tilePx - 1} pixels`, overlapPx);
  }
}

function requireRecord(value: unknown, what: string, where: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw bad(where, what, value);
  return value as Record<string, unknown>;
}

function isNumbers(value: unknown, length: number): value is readonly number[] {
  return Array.isArray(value) && value.length === length && value.every((one) => Number.isFinite(one));
}

function bad(where: string, expected: string, got: unknown): GlofError {
  return new GlofError(
    "bad-config",
    `${where}: expected ${expected}, got ${JSON.stringify(got) ?? "nothing"}. Correct the config.`,
    { got },
  );
}
