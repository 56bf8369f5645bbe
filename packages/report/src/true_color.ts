import { GlofError } from "@glof/core";
import type { RasterGrid } from "@glof/geo";
import { blankCanvas, type Canvas } from "./canvas.js";

/** Gathers a true-colour overview while the rows of a scene pass by. */
export interface OverviewBuilder {
  /** Scene pixels per overview pixel, at least 1. */
  readonly step: number;
  /**
   * Adds the next rows from the top. Arrays are row-major reflectance with the scene's width; nothing is kept of them.
   * @throws GlofError `bad-argument` when there are more rows than the scene has
   */
  addRows(
    rows: { red: Float32Array; green: Float32Array; blue: Float32Array; validMask: Uint8Array },
    rowCount: number,
  ): void;
  /** The picture, stretched to 8 bits; dark grey where there is no data. */
  toCanvas(): Canvas;
}

/** Longest side of an overview in pixels, by default. */
export const DEFAULT_OVERVIEW_SIDE_PX = 1600;

/** Colour of pixels without data. */
const NO_DATA_GREY = 48;
/** Shares of the valid pixels that are cut to black and to white. */
const STRETCH_LOW = 0.01;
const STRETCH_HIGH = 0.99;

/** Starts an overview whose longer side is at most `maxSidePx`; each of its pixels is the mean of the valid pixels under it. */
export function beginOverview(
  grid: Pick<RasterGrid, "width" | "height">,
  options: { maxSidePx?: number } = {},
): OverviewBuilder {
  const { maxSidePx = DEFAULT_OVERVIEW_SIDE_PX } = options;
  const step = Math.max(1, Math.ceil(Math.max(grid.width, grid.height) / maxSidePx));
  const width = Math.ceil(grid.width / step);
  const height = Math.ceil(grid.height / step);
  const sums = [0, 1, 2].map(() => new Float32Array(width * height));
  const counts = new Uint32Array(width * height);
  let nextRow = 0;
  return {
    step,
    addRows: ({ red, green, blue, validMask }, rowCount) => {
      if (nextRow + rowCount > grid.height) {
        throw new GlofError(
          "bad-argument",
          `beginOverview: expected ${grid.height} rows, got more. Add each row once.`,
        );
      }
      for (let row = 0; row < rowCount; row++, nextRow++) {
        const target = Math.floor(nextRow / step) * width;
        for (let column = 0; column < grid.width; column++) {
          const from = row * grid.width + column;
          if (validMask[from] === 0) continue;
          const to = target + Math.floor(column / step);
          sums[0]![to]! += red[from]!;
          sums[1]![to]! += green[from]!;
          sums[2]![to]! += blue[from]!;
          counts[to]!++;
        }
      }
    },
    toCanvas: () => stretchToCanvas(width, height, sums, counts),
  };
}

/**
 * One stretch for all three bands, so that colours stay true: linear between two quantiles of all valid values, then a
 * square root that opens the shadows.
 */
function stretchToCanvas(
  width: number,
  height: number,
  sums: readonly Float32Array[],
  counts: Uint32Array,
): Canvas {
  const { rgba, ...canvas } = blankCanvas(width, height);
  const [low, high] = stretchLimits(sums, counts);
  sums.forEach((sum, channel) => {
    for (let pixel = 0, at = channel; pixel < counts.length; pixel++, at += 4) {
      const unit = (sum[pixel]! / counts[pixel]! - low) / (high - low);
      // Without data the mean is not a number, and passes both comparisons.
      const shade = unit <= 0 ? 0 : unit >= 1 ? 255 : Math.round(255 * Math.sqrt(unit));
      rgba[at] = counts[pixel] === 0 ? NO_DATA_GREY : shade;
    }
  });
  return { ...canvas, rgba };
}

function stretchLimits(sums: readonly Float32Array[], counts: Uint32Array): [low: number, high: number] {
  const values: number[] = [];
  // A sample of the pixels tells the quantiles well enough and keeps the sort short.
  const stride = Math.max(1, Math.floor(counts.length / 100_000));
  for (let pixel = 0; pixel < counts.length; pixel += stride) {
    if (counts[pixel] === 0) continue;
    for (const sum of sums) values.push(sum[pixel]! / counts[pixel]!);
  }
  if (values.length === 0) return [0, 1];
  const sorted = Float32Array.from(values).sort();
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))]!;
  const [low, high] = [at(STRETCH_LOW), at(STRETCH_HIGH)];
  return high > low ? [low, high] : [low, low + 1];
}
