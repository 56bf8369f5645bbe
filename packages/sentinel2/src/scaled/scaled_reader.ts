import type { BandScaling } from "@glof/core";
import { type RasterSource, visitWindow, type WindowPiece } from "@glof/geo";
import { type BandLayer, RAW_ZERO } from "../band_layer.js";
import { type ClassLayer, readClasses } from "../class_layer.js";
import { addClassReasons } from "../validity/apply_policy.js";
import type { ValidityPolicy } from "../validity/policy.js";
import { INVALID_REASONS } from "../validity/reasons.js";
import { forSetBytes } from "../validity/set_bytes.js";
import { type NumberTable, numberTable } from "./number_table.js";
import type { ScaledReader } from "./read_scaled.js";

/** What decides about pixels beside their numbers. */
interface ValidityLayers {
  readonly classification?: ClassLayer | undefined;
  readonly cloudProbability?: ClassLayer | undefined;
  readonly policy?: ValidityPolicy | undefined;
}

/** Tables kept: a model has one per band. */
const tablesKept = 64;

/**
 * The fast way of `readScaled`: each raw number goes through a table, without an array of reflectance in between. For layers of
 * 16-bit whole numbers on the scene's own grid; it leaves scenes with a margin around missing pixels (`erodeEdgePx`) to the
 * general way.
 */
export function scaledReader(layers: readonly BandLayer[], beside: ValidityLayers): ScaledReader {
  const { policy, classification, cloudProbability } = beside;
  const tables = new Map<string, NumberTable>();
  const tableOf = (layer: BandLayer, scaling: BandScaling): NumberTable => {
    const key = JSON.stringify([layer.band, scaling.mean, scaling.std, scaling.clip]);
    const table = tables.get(key) ?? numberTable(layer, scaling);
    if (tables.size < tablesKept) tables.set(key, table);
    return table;
  };
  return async (window, bands, scaling, { pixels, validMask }, signal) => {
    const asked = bands.map((band) => layers.find((layer) => layer.band === band));
    const wanted = asked.filter((layer) => layer !== undefined);
    if (wanted.length < asked.length || !wanted.every(isPlain) || (policy?.erodeEdgePx ?? 0) > 0)
      return false;
    const seesClouds = policy?.maxCloudProbability !== undefined;
    const found = new FoundFlags(validMask.length, bands.length);
    const target = { pixels, width: window.width, bandCount: bands.length, found };
    const tablesOf = wanted.map((layer, band) => tableOf(layer, scaling[band]!));
    const lookUpAll = (raster: RasterSource): Promise<void> => {
      const places = [...wanted.keys()].filter((band) => wanted[band]!.raster === raster);
      const visit = (piece: WindowPiece): void => {
        const bands = piece.bands.map(({ place, start }) => {
          const band = places[place]!;
          return { start, band, table: tablesOf[band]! };
        });
        lookUp(piece, bands, target);
      };
      const index = places.map((band) => wanted[band]!.index);
      return visitWindow(raster, window, visit, { bands: index, ...(signal && { signal }) });
    };
    const [classes, cloudPercent] = await Promise.all([
      policy && classification && readClasses(classification, window, { signal }),
      seesClouds && cloudProbability ? readClasses(cloudProbability, window, { signal }) : undefined,
      ...[...new Set(wanted.map(({ raster }) => raster))].map(lookUpAll),
    ]);
    if (policy) addClassReasons(found.reasons(), policy, classes, cloudPercent);
    validMask.fill(1);
    found.forEachInvalid((pixel) => {
      validMask[pixel] = 0;
      pixels.fill(0, pixel * bands.length, (pixel + 1) * bands.length);
    });
    return true;
  };
}

/** Whether the numbers of a layer can go through a table as they are. */
function isPlain({ raster, index, ratio }: BandLayer): boolean {
  return ratio === 1 && raster.bands[index]!.dtype === "uint16";
}

interface LookUpTarget {
  /** [height, width, bands]. */
  readonly pixels: Float32Array;
  readonly width: number;
  readonly bandCount: number;
  readonly found: FoundFlags;
}

/** A band of a piece, and where its first number stands there. */
interface PieceBand {
  readonly start: number;
  readonly band: number;
  readonly table: NumberTable;
}

/** Puts a piece through the tables of its bands: row by row, so that a row is in the cache when its next band comes. */
function lookUp(
  piece: WindowPiece,
  bands: readonly PieceBand[],
  { pixels, width, bandCount, found }: LookUpTarget,
): void {
  const numbers = piece.pixels as Uint16Array;
  for (let row = 0; row < piece.height; row++) {
    const pixel = (piece.y + row) * width + piece.x;
    for (const { start, band, table } of bands) {
      const from = { at: start + row * piece.rowStep, step: piece.pixelStep };
      const to = { at: pixel * bandCount + band, step: bandCount };
      if (!lookUpRow(numbers, from, table.scaled, pixels, to, piece.width)) continue;
      for (let col = 0; col < piece.width; col++) {
        const at = to.at + col * bandCount;
        const number = numbers[from.at + col * from.step]!;
        if (Number.isNaN(pixels[at])) pixels[at] = found.add(pixel + col, number, table);
      }
    }
  }
}

interface Stride {
  readonly at: number;
  readonly step: number;
}

/** Returns whether there is one of the few numbers that mean something else among them: their NaN stays in the sum. */
function lookUpRow(
  numbers: Uint16Array,
  { at: first, step: sourceStep }: Stride,
  scaled: Float32Array,
  pixels: Float32Array,
  { at: begin, step: targetStep }: Stride,
  count: number,
): boolean {
  const end = begin + count * targetStep;
  let sum = 0;
  for (let source = first, target = begin; target < end; source += sourceStep, target += targetStep) {
    const value = scaled[numbers[source]!]!;
    pixels[target] = value;
    sum += value;
  }
  return Number.isNaN(sum);
}

/** Flags of the numbers in a window. Most windows have none, and then there is no array for them. */
class FoundFlags {
  private flags: Uint8Array | undefined;
  /** Bands whose raw number is 0. */
  private zeros: Uint8Array | undefined;

  constructor(
    private readonly pixelCount: number,
    private readonly bandCount: number,
  ) {}

  /** Notes a number with a flag; what stands for it unless the pixel turns out to be invalid. */
  add(pixel: number, number: number, { flags, scaledZero }: NumberTable): number {
    const flag = flags[number]!;
    if (flag === RAW_ZERO) {
      this.zeros ??= new Uint8Array(this.pixelCount);
      this.zeros[pixel]!++;
      return scaledZero;
    }
    this.reasons()[pixel]! |= flag;
    return 0;
  }

  /** Reasons against each pixel, to add to; made when first asked for. */
  reasons(): Uint8Array {
    this.flags ??= new Uint8Array(this.pixelCount);
    return this.flags;
  }

  forEachInvalid(visit: (pixel: number) => void): void {
    const { zeros } = this;
    if (zeros !== undefined) {
      forSetBytes(zeros, (pixel) => {
        if (zeros[pixel] === this.bandCount) this.reasons()[pixel]! |= INVALID_REASONS.noData;
      });
    }
    if (this.flags !== undefined) forSetBytes(this.flags, visit);
  }
}
