import { dtypeRange, isFloatDtype } from "../raster/array_types.js";
import type { PixelWindow, RasterArray, RasterBand, RasterGrid } from "../types.js";
import {
  averageOver,
  kernelRadius,
  type PointSampler,
  type SourcePiece,
  sampleBilinear,
  sampleCubic,
  sampleNearest,
  stretchedSampler,
  type WarpResampling,
} from "./kernels.js";
import type { PixelMap } from "./pixel_map.js";

/** Where the pixels of a part of the output fall in the source. */
export interface PartPoints {
  /** Centres; or, for `"average"`, upper left corners. */
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** Lower right corners, for `"average"` alone. */
  readonly right: Float64Array;
  readonly lower: Float64Array;
  /** Points outside it have no value, even where a kernel would reach in. */
  readonly source: RasterGrid;
  /** The source pixels that the kernels reach; `undefined` when none. */
  readonly sourceWindow: PixelWindow | undefined;
}

/** A way of resampling, made for one pair of grids. */
export interface Sampling {
  /** The value at a point; `undefined` for `"average"`, which looks at rectangles. */
  readonly sample: PointSampler | undefined;
  locate(part: PixelWindow, source: RasterGrid): PartPoints;
}

/** Outputs finer than this, in output pixels per source pixel, use the plain kernels, as GDAL does. */
const plainScale = 0.95;

/** Chooses kernels, and stretches them where the output is coarser than the source. */
export function resolveSampling(method: WarpResampling, map: PixelMap, grid: RasterGrid): Sampling {
  const [scaleX, scaleY] = scales(map, grid);
  const isStretched = scaleX < plainScale || scaleY < plainScale;
  const reach = [kernelRadius[method] / Math.min(scaleX, 1), kernelRadius[method] / Math.min(scaleY, 1)];
  const locate = (part: PixelWindow, source: RasterGrid): PartPoints =>
    locatePart(map, part, source, method === "average", [Math.ceil(reach[0]!) + 1, Math.ceil(reach[1]!) + 1]);
  if (method === "average") return { sample: undefined, locate };
  if (method === "nearest") return { sample: sampleNearest, locate };
  if (isStretched)
    return { sample: stretchedSampler(method, Math.min(scaleX, 1), Math.min(scaleY, 1)), locate };
  return { sample: method === "cubic" ? sampleCubic : sampleBilinear, locate };
}

/** Output pixels per source pixel along both axes of the source: the middle one of places all over the output. */
function scales(map: PixelMap, { width, height }: RasterGrid): readonly [number, number] {
  const found: (readonly [number, number])[] = [];
  for (let place = 0; place < 25; place++) {
    const col = (width * ((place % 5) + 0.5)) / 5;
    const row = (height * (Math.floor(place / 5) + 0.5)) / 5;
    const [[x, y], [x1, y1], [x2, y2]] = [map.at(col, row), map.at(col + 1, row), map.at(col, row + 1)];
    const [wide, tall] = [Math.hypot(x1 - x, x2 - x), Math.hypot(y1 - y, y2 - y)];
    if (Number.isFinite(wide + tall) && wide > 0 && tall > 0) found.push([1 / wide, 1 / tall]);
  }
  if (found.length === 0) return [1, 1];
  const middle = (axis: 0 | 1): number =>
    found.map((pair) => pair[axis]).sort((a, b) => a - b)[found.length >> 1]!;
  return [roundedScale(middle(0)), roundedScale(middle(1))];
}

/** Whole reductions are meant as such: 1 / 2.0000001 is a half. */
function roundedScale(scale: number): number {
  const inverse = Math.round(1 / scale);
  return inverse >= 1 && Math.abs(1 / scale - inverse) < 0.05 ? 1 / inverse : scale;
}

function locatePart(
  map: PixelMap,
  part: PixelWindow,
  source: RasterGrid,
  isRectangle: boolean,
  reach: readonly [number, number],
): PartPoints {
  const count = part.width * part.height;
  const shift = isRectangle ? 0 : 0.5;
  const x = new Float64Array(count);
  const y = new Float64Array(count);
  const right = new Float64Array(isRectangle ? count : 0);
  const lower = new Float64Array(isRectangle ? count : 0);
  for (let row = 0; row < part.height; row++) {
    const start = row * part.width;
    map.fillRow(part.x + shift, part.y + row + shift, part.width, x, y, start);
    if (isRectangle) map.fillRow(part.x + 1, part.y + row + 1, part.width, right, lower, start);
  }
  const across = span([x, right], source.width, reach[0]);
  const down = span([y, lower], source.height, reach[1]);
  const sourceWindow =
    across === undefined || down === undefined
      ? undefined
      : { x: across[0], y: down[0], width: across[1] - across[0], height: down[1] - down[0] };
  return { x, y, right, lower, source, sourceWindow };
}

/** First pixel and the one after the last that the places, widened by `reach`, touch. */
function span(
  lists: readonly Float64Array[],
  size: number,
  reach: number,
): readonly [number, number] | undefined {
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const list of lists) {
    for (const value of list) {
      if (value < lowest) lowest = value;
      if (value > highest) highest = value;
    }
  }
  const from = Math.max(Math.floor(lowest - reach), 0);
  const to = Math.min(Math.ceil(highest + reach) + 1, size);
  return lowest <= highest && from < to && lowest <= size && highest >= 0 ? [from, to] : undefined;
}

/** Fills the output pixels of a part from the piece of one band under it, and marks those that got a value. */
export function samplePart(
  points: PartPoints,
  piece: SourcePiece,
  { sample }: Sampling,
  part: PixelWindow,
  window: PixelWindow,
  out: RasterArray,
  valid: Uint8Array,
  band: RasterBand,
): void {
  const finish = finisher(band);
  const { x, y, right, lower } = points;
  for (let row = 0, at = 0; row < part.height; row++) {
    let target = (part.y - window.y + row) * window.width + part.x - window.x;
    for (let col = 0; col < part.width; col++, at++, target++) {
      const [px, py] = [x[at]!, y[at]!];
      const value =
        sample === undefined
          ? averageOver(
              piece,
              Math.min(px, right[at]!),
              Math.min(py, lower[at]!),
              Math.max(px, right[at]!),
              Math.max(py, lower[at]!),
            )
          : isCovered(piece, points.source, px, py)
            ? sample(piece, px, py)
            : Number.NaN;
      if (Number.isNaN(value)) continue;
      out[target] = finish(value);
      valid[target] = 1;
    }
  }
}

/** Whether the pixel under a point is inside and valid: kernels fill no gaps and reach over no edge, as in GDAL. */
const isCovered = (piece: SourcePiece, source: RasterGrid, x: number, y: number): boolean =>
  x >= 0 && y >= 0 && x <= source.width && y <= source.height && !Number.isNaN(sampleNearest(piece, x, y));

/** Rounds to the band's type and steps aside from no-data, as GDAL does. */
function finisher({ dtype, nodata }: RasterBand): (value: number) => number {
  if (isFloatDtype(dtype)) return (value) => value;
  const [lowest, highest] = dtypeRange(dtype);
  return (value) => {
    const rounded = Math.min(Math.max(Math.floor(value + 0.5), lowest), highest);
    if (rounded !== nodata) return rounded;
    return rounded === lowest ? rounded + 1 : rounded - 1;
  };
}
