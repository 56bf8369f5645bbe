import type { RasterArray } from "../types.js";

/** Running statistics of the valid pixels of a band. */
export interface BandStatistics {
  add(pixels: RasterArray, count: number): void;
  /** Names and values as GDAL stores them; none when no pixel was valid. */
  items(): readonly (readonly [name: string, value: number])[];
}

/**
 * Starts statistics that leave out no-data and NaN. Mean and variance are merged from parts by the formula of Chan, Golub
 * and LeVeque (1983), so that large means do not drown small spreads.
 */
export function createBandStatistics(nodata: number | undefined): BandStatistics {
  let [count, mean, squares] = [0, 0, 0];
  let lowest = Number.POSITIVE_INFINITY;
  let highest = Number.NEGATIVE_INFINITY;
  return {
    add(pixels, length) {
      let [n, sum] = [0, 0];
      for (let index = 0; index < length; index++) {
        const value = pixels[index]!;
        if (Number.isNaN(value) || value === nodata) continue;
        n++;
        sum += value;
        if (value < lowest) lowest = value;
        if (value > highest) highest = value;
      }
      if (n === 0) return;
      const partMean = sum / n;
      let partSquares = 0;
      for (let index = 0; index < length; index++) {
        const value = pixels[index]!;
        if (!Number.isNaN(value) && value !== nodata) partSquares += (value - partMean) ** 2;
      }
      const delta = partMean - mean;
      squares += partSquares + (delta * delta * count * n) / (count + n);
      mean += (delta * n) / (count + n);
      count += n;
    },
    items: () =>
      count === 0
        ? []
        : [
            ["MINIMUM", lowest],
            ["MAXIMUM", highest],
            ["MEAN", mean],
            ["STDDEV", Math.sqrt(squares / count)],
          ],
  };
}
