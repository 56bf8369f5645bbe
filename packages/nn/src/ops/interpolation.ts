import { type AxisMap, emptyAxisMap } from "./separable_map.js";

/** How an axis is resampled, PyTorch's terms. */
export interface InterpolationOptions {
  /** Corner pixels keep their places and values. */
  readonly alignCorners: boolean;
  /** Widen the filter when shrinking, as Pillow does. */
  readonly antialias: boolean;
  /** Magnification as given by a caller; undefined: outSize / inSize. */
  readonly scale: number | undefined;
}

/** Filters of `torch.nn.functional.interpolate`. */
export type InterpolationFilter = "bilinear" | "bicubic";

/** Source pixels per result pixel, as the float32 that PyTorch holds it in: at 37 cells the rest is worth 1e-6. */
export function sourceStep(inSize: number, outSize: number, options: InterpolationOptions): number {
  if (options.alignCorners) return outSize > 1 ? Math.fround((inSize - 1) / (outSize - 1)) : 0;
  return Math.fround(options.scale === undefined ? inSize / outSize : 1 / options.scale);
}

/** The matrix of a bilinear or bicubic resampling of one axis, equal to PyTorch's. */
export function interpolationMap(
  filter: InterpolationFilter,
  inSize: number,
  outSize: number,
  options: InterpolationOptions,
): AxisMap {
  const step = sourceStep(inSize, outSize, options);
  if (options.antialias) return antialiasedMap(filter, inSize, outSize, step);
  return filter === "bilinear"
    ? bilinearMap(inSize, outSize, step, options.alignCorners)
    : bicubicMap(inSize, outSize, step, options.alignCorners);
}

function sourcePosition(index: number, step: number, alignCorners: boolean): number {
  return alignCorners ? step * index : step * (index + 0.5) - 0.5;
}

function bilinearMap(inSize: number, outSize: number, step: number, alignCorners: boolean): AxisMap {
  const map = emptyAxisMap(outSize, inSize);
  for (let index = 0; index < outSize; index++) {
    const source = Math.max(0, sourcePosition(index, step, alignCorners));
    const low = Math.min(Math.floor(source), inSize - 1);
    const high = Math.min(low + 1, inSize - 1);
    const share = Math.min(1, source - low);
    map.values[index * inSize + low]! += 1 - share;
    map.values[index * inSize + high]! += share;
  }
  return map;
}

/** Cubic convolution (Keys 1981) with the sharpness `a`. */
function cubic(distance: number, a: number): number {
  const d = Math.abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  if (d < 2) return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  return 0;
}

/** a = -0.75; the border pixel stands for all pixels beyond it. */
function bicubicMap(inSize: number, outSize: number, step: number, alignCorners: boolean): AxisMap {
  const map = emptyAxisMap(outSize, inSize);
  for (let index = 0; index < outSize; index++) {
    const source = sourcePosition(index, step, alignCorners);
    const low = Math.floor(source);
    for (let tap = low - 1; tap <= low + 2; tap++) {
      const clamped = Math.min(Math.max(tap, 0), inSize - 1);
      map.values[index * inSize + clamped]! += cubic(source - tap, -0.75);
    }
  }
  return map;
}

function antialiasedMap(filter: InterpolationFilter, inSize: number, outSize: number, step: number): AxisMap {
  const map = emptyAxisMap(outSize, inSize);
  for (const [index, { first, weights }] of antialiasedTaps(
    filter,
    inSize,
    outSize,
    step,
    Math.fround,
  ).entries()) {
    map.values.set(weights, index * inSize + first);
  }
  return map;
}

/** Source pixels of one result pixel: from `first` on, one weight each. */
export interface FilterTaps {
  readonly first: number;
  readonly weights: readonly number[];
}

/**
 * Filter of each result pixel, as wide as the step, its weights summing to 1; a = -0.5 here, as in Pillow and PyTorch.
 *
 * @param round how the middle of the filter is held: PyTorch rounds it to float32, Pillow does not
 */
export function antialiasedTaps(
  filter: InterpolationFilter,
  inSize: number,
  outSize: number,
  step: number,
  round: (centre: number) => number = (centre) => centre,
): FilterTaps[] {
  const stretch = Math.max(step, 1);
  const support = (filter === "bilinear" ? 1 : 2) * stretch;
  const weight = (d: number): number =>
    filter === "bilinear" ? Math.max(0, 1 - Math.abs(d)) : cubic(d, -0.5);
  return Array.from({ length: outSize }, (_, index) => {
    const centre = round(step * (index + 0.5));
    const first = Math.max(Math.trunc(centre - support + 0.5), 0);
    const end = Math.min(Math.trunc(centre + support + 0.5), inSize);
    const weights: number[] = [];
    for (let tap = first; tap < end; tap++) weights.push(weight((tap - centre + 0.5) / stretch));
    const sum = weights.reduce((a, b) => a + b, 0);
    return { first, weights: sum === 0 ? weights : weights.map((value) => value / sum) };
  });
}

/** Source index of each result pixel of a nearest resize, with PyTorch's float32 arithmetic. */
export function nearestIndices(
  inSize: number,
  outSize: number,
  scale: number | undefined,
  exact: boolean,
): Int32Array {
  const step = Math.fround(scale === undefined ? Math.fround(inSize) / Math.fround(outSize) : 1 / scale);
  return Int32Array.from({ length: outSize }, (_, index) => {
    const source = exact ? Math.fround(Math.fround(index + 0.5) * step) : Math.fround(index * step);
    return Math.min(Math.floor(source), inSize - 1);
  });
}

/** Averages of `torch.nn.functional.adaptive_avg_pool2d` along one axis; also `interpolate(mode="area")`. */
export function areaMap(inSize: number, outSize: number): AxisMap {
  const map = emptyAxisMap(outSize, inSize);
  for (let index = 0; index < outSize; index++) {
    const first = Math.floor((index * inSize) / outSize);
    const end = Math.ceil(((index + 1) * inSize) / outSize);
    for (let tap = first; tap < end; tap++) map.values[index * inSize + tap] = 1 / (end - first);
  }
  return map;
}
