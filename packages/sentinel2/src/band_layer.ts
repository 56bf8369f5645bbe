import type { RasterArray, RasterSource } from "@glof/geo";
import type { BandName, BandRadiometry } from "./types.js";

/** One band of a scene: where its numbers are and what they mean. */
export interface BandLayer {
  readonly band: BandName;
  readonly raster: RasterSource;
  /** 0-based band of the raster. */
  readonly index: number;
  readonly radiometry: BandRadiometry;
  /** Pixels of the scene along one side of a pixel of this layer. */
  readonly ratio: number;
}

/** Reflectance of one band with what the raw numbers said. All row-major, of one size. */
export interface LayerPixels {
  readonly refl: Float32Array;
  /** 0 where the number is the file's no-data value, NaN or infinite. */
  readonly usable: Uint8Array;
  /** 0 where the raw number is 0, which Sentinel-2 products keep for no data. */
  readonly nonZero: Uint8Array;
}

/** Converts raw numbers of a layer to reflectance. */
export function toReflectance(raw: RasterArray, layer: BandLayer): LayerPixels {
  const { offsetDn, quantification } = layer.radiometry;
  const { nodata, dtype } = layer.raster.bands[layer.index]!;
  // The tag is decimal text; the pixels hold the nearest float.
  const nodataRaw = nodata !== undefined && dtype === "float32" ? Math.fround(nodata) : nodata;
  const refl = new Float32Array(raw.length);
  const usable = new Uint8Array(raw.length);
  const nonZero = new Uint8Array(raw.length);
  for (let pixel = 0; pixel < raw.length; pixel++) {
    const value = raw[pixel]!;
    if (value === nodataRaw || !Number.isFinite(value)) continue;
    usable[pixel] = 1;
    if (value !== 0) nonZero[pixel] = 1;
    refl[pixel] = (value + offsetDn) / quantification;
  }
  return { refl, usable, nonZero };
}
