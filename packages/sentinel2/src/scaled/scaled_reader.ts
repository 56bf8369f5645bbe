import type { BandScaling } from "@glof/core";
import { type BandLayer, RAW_ZERO } from "../band_layer.js";
import { byRaster } from "../by_raster.js";
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
    const [raw, classes, cloudPercent] = await Promise.all([
      byRaster(wanted, (raster, group) =>
        raster.readWindow(window, { bands: group.map(({ index }) => index), ...(signal && { signal }) }),
      ),
      policy && classification && readClasses(classification, window, { signal }),
      seesClouds && cloudProbability ? readClasses(cloudProbability, window, { signal }) : undefined,
    ]);
    const found = new FoundFlags(validMask.length, bands.length);
    raw.forEach((numbers, band) => {
      const table = tableOf(wanted[band]!, scaling[band]!);
      lookUp(numbers as Uint16Array, table, { pixels, band, bandCount: bands.length, found });
    });
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
  /** [pixels, bands]. */
  readonly pixels: Float32Array;
  readonly band: number;
  readonly bandCount: number;
  readonly found: FoundFlags;
}

function lookUp(numbers: Uint16Array, table: NumberTable, target: LookUpTarget): void {
  const { scaled } = table;
  const { pixels, band, bandCount } = target;
  for (let pixel = 0, at = band; pixel < numbers.length; pixel++, at += bandCount) {
    const value = scaled[numbers[pixel]!]!;
    pixels[at] = value;
    // One of the few numbers that mean something else.
    if (Number.isNaN(value)) pixels[at] = target.found.add(pixel, numbers[pixel]!, table);
  }
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
