import type { RasterArray, RasterSource } from "@glof/geo";
import type { BandName, BandRadiometry } from "./types.js";
import { INVALID_REASONS } from "./validity/reasons.js";

/** One band of a scene: where its numbers are and what they mean. */
export interface BandLayer {
  readonly band: BandName;
  readonly raster: RasterSource;
  /** 0-based band of the raster. */
  readonly index: number;
  readonly radiometry: BandRadiometry;
  /** Pixels of the scene along one side of a pixel of this layer: 2 for 20 m on a grid of 10 m, 0.5 for 10 m on 20 m. */
  readonly ratio: number;
}

/**
 * A bit beside those of `INVALID_REASONS` that numbers can give: the raw number is 0, which Sentinel-2 products keep for
 * no data, and the file does not declare it so. It counts only where all asked bands have it.
 */
export const RAW_ZERO = 128;

/** Reflectance of one band with what the raw numbers said. Row-major, of one size. */
export interface LayerPixels {
  /** 0 where a flag other than `RAW_ZERO` is set. */
  readonly refl: Float32Array;
  /** Bits `noData`, `saturated`, `nonFinite` of `INVALID_REASONS`, and `RAW_ZERO`; 0 for a number like any other. */
  readonly flags: Uint8Array;
}

/** Converts raw numbers of a layer to reflectance. */
export function toReflectance(raw: RasterArray, layer: BandLayer): LayerPixels {
  const { offsetDn, quantification, saturatedDn } = layer.radiometry;
  const { nodata, dtype } = layer.raster.bands[layer.index]!;
  // The tag is decimal text; the pixels hold the nearest float.
  const nodataRaw = nodata !== undefined && dtype === "float32" ? Math.fround(nodata) : nodata;
  const nanIsNodata = Number.isNaN(nodataRaw);
  const refl = new Float32Array(raw.length);
  const flags = new Uint8Array(raw.length);
  if (raw instanceof Uint16Array) {
    // What Sentinel-2's own products hold, and every pixel of a scene comes through here.
    for (let pixel = 0; pixel < raw.length; pixel++) {
      const value = raw[pixel]!;
      if (value === nodataRaw) flags[pixel] = INVALID_REASONS.noData;
      else if (value === saturatedDn) flags[pixel] = INVALID_REASONS.saturated;
      else {
        if (value === 0) flags[pixel] = RAW_ZERO;
        refl[pixel] = (value + offsetDn) / quantification;
      }
    }
    return { refl, flags };
  }
  for (let pixel = 0; pixel < raw.length; pixel++) {
    const value = raw[pixel]!;
    if (value === nodataRaw) flags[pixel] = INVALID_REASONS.noData;
    else if (!Number.isFinite(value)) {
      flags[pixel] = nanIsNodata && Number.isNaN(value) ? INVALID_REASONS.noData : INVALID_REASONS.nonFinite;
    } else if (value === saturatedDn) flags[pixel] = INVALID_REASONS.saturated;
    else {
      if (value === 0) flags[pixel] = RAW_ZERO;
      refl[pixel] = (value + offsetDn) / quantification;
    }
  }
  return { refl, flags };
}
