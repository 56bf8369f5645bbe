import { createRasterArray, isFloatDtype } from "../raster/array_types.js";
import type { RasterArray, RasterBand } from "../types.js";

/** The pixels of one scene under a part of a mosaic. */
export interface Layer {
  readonly pixels: readonly RasterArray[];
  /** 1 where a band has a value. */
  readonly valid: readonly Uint8Array[];
  /** Smaller is better. */
  readonly score: number | RasterArray | undefined;
  /** 1 where a raster of scores has a value. */
  readonly scoreValid: Uint8Array | undefined;
}

/** Takes every pixel from one scene: the first or last valid one, or the one of the smallest score. */
export function bestPixels(
  layers: readonly Layer[],
  bands: readonly RasterBand[],
  size: number,
  rule: "first" | "last" | "least-cloud",
): RasterArray[] {
  const out = bands.map(({ dtype, nodata }) => createRasterArray(dtype, size).fill(nodata ?? 0));
  const ordered = rule === "last" ? [...layers].reverse() : layers;
  for (let pixel = 0; pixel < size; pixel++) {
    let chosen: Layer | undefined;
    let lowest = Number.POSITIVE_INFINITY;
    for (const layer of ordered) {
      if (!layer.valid.every((band) => band[pixel] === 1)) continue;
      if (rule !== "least-cloud") {
        chosen = layer;
        break;
      }
      const score = typeof layer.score === "number" ? layer.score : (layer.score?.[pixel] ?? Number.NaN);
      if (layer.scoreValid?.[pixel] === 0 || !(chosen === undefined ? !Number.isNaN(score) : score < lowest))
        continue;
      [chosen, lowest] = [layer, score];
    }
    if (chosen === undefined) continue;
    for (const [index, band] of chosen.pixels.entries()) out[index]![pixel] = band[pixel]!;
  }
  return out;
}

/** Mean or median of the valid pixels of all scenes, band by band; integers round half up. */
export function blendPixels(
  layers: readonly Layer[],
  bands: readonly RasterBand[],
  size: number,
  isMean: boolean,
): RasterArray[] {
  const values = new Float64Array(layers.length);
  return bands.map(({ dtype, nodata }, band) => {
    const out = createRasterArray(dtype, size).fill(nodata ?? 0);
    const isFloat = isFloatDtype(dtype);
    for (let pixel = 0; pixel < size; pixel++) {
      let count = 0;
      for (const layer of layers) {
        if (layer.valid[band]![pixel] === 1) values[count++] = layer.pixels[band]![pixel]!;
      }
      if (count === 0) continue;
      const value = isMean ? mean(values, count) : median(values, count);
      out[pixel] = isFloat ? value : asideFrom(Math.floor(value + 0.5), nodata);
    }
    return out;
  });
}

function mean(values: Float64Array, count: number): number {
  let sum = 0;
  for (let index = 0; index < count; index++) sum += values[index]!;
  return sum / count;
}

/** The middle value; between the two middle ones of an even count. */
function median(values: Float64Array, count: number): number {
  const sorted = values.subarray(0, count).sort();
  return count % 2 === 1 ? sorted[count >> 1]! : (sorted[count / 2 - 1]! + sorted[count / 2]!) / 2;
}

/** A blend of valid pixels is valid, even where it happens to fall on the no-data value. */
const asideFrom = (value: number, nodata: number | undefined): number =>
  value !== nodata ? value : value === 0 ? 1 : value - 1;
