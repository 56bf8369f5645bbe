import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { withGradient } from "../with_gradient.js";
import { areaMap, type InterpolationFilter, nearestIndices } from "./interpolation.js";
import { keptInterpolationMap } from "./kept_maps.js";
import { type AxisMap, applyMaps, emptyAxisMap, separableMap } from "./separable_map.js";

/** Options of `resizeBilinear` and `resizeBicubic`, with the meanings of `torch.nn.functional.interpolate`. */
export interface ResizeOptions {
  /** Corner pixels keep their places and values. Default false. */
  readonly alignCorners?: boolean;
  /** Filter over the whole footprint of a result pixel when shrinking. Default false. */
  readonly antialias?: boolean;
  /**
   * Magnification [rows, cols] that source positions are computed with, as PyTorch does when it is given a
   * `scale_factor`. Default: result size / input size. Without effect on `alignCorners`.
   */
  readonly scale?: number | readonly [rows: number, cols: number];
}

/** Options of `resizeNearest`. */
export interface ResizeNearestOptions {
  readonly scale?: ResizeOptions["scale"];
  /** Round at pixel centres (PyTorch's "nearest-exact") and not at pixel corners ("nearest"). Default false. */
  readonly exact?: boolean;
}

/** `[rows, cols]` of a result. */
export type ImageSize = readonly [rows: number, cols: number];

/**
 * Bilinear resize, equal to `interpolate(mode="bilinear")`.
 *
 * @param x [N, H, W, C]
 * @returns [N, rows, cols, C]
 * @throws GlofError `bad-argument`
 */
export function resizeBilinear(x: tf.Tensor4D, size: ImageSize, options: ResizeOptions = {}): tf.Tensor4D {
  return resizeSmooth("bilinear", x, size, options);
}

/**
 * Bicubic resize, equal to `interpolate(mode="bicubic")`: a = -0.75, and a = -0.5 with `antialias`.
 *
 * @param x [N, H, W, C]
 * @returns [N, rows, cols, C]
 * @throws GlofError `bad-argument`
 */
export function resizeBicubic(x: tf.Tensor4D, size: ImageSize, options: ResizeOptions = {}): tf.Tensor4D {
  return resizeSmooth("bicubic", x, size, options);
}

/**
 * Nearest-neighbour resize, equal to `interpolate(mode="nearest")` or, with `exact`, `"nearest-exact"`.
 *
 * @param x [N, H, W, C]
 * @returns [N, rows, cols, C]
 * @throws GlofError `bad-argument`
 */
export function resizeNearest(
  x: tf.Tensor4D,
  size: ImageSize,
  options: ResizeNearestOptions = {},
): tf.Tensor4D {
  checkSize("resizeNearest", x, size);
  const [batch, rows, cols, width] = x.shape;
  const scale = scalesOf(options.scale, "resizeNearest");
  const maps = ([0, 1] as const).map((axis) =>
    nearestIndices(x.shape[axis + 1]!, size[axis], scale[axis], options.exact === true),
  ) as [Int32Array, Int32Array];
  const factor = [size[0] / rows, size[1] / cols] as const;
  const isRepeat = maps.every((map, axis) => isRepetition(map, factor[axis]!));
  return withGradient<tf.Tensor4D, "x", never>({
    inputs: { x },
    forward: () => ({ value: isRepeat ? repeatPixels(x, factor) : gatherPixels(x, maps), saved: {} }),
    backward: (dy) => {
      if (!isRepeat)
        return { x: applyMaps(dy as tf.Tensor4D, toMap(maps[0], rows), toMap(maps[1], cols), true) };
      const cells = tf.reshape(dy, [batch * rows, factor[0], cols, factor[1] * width]);
      const lines = tf.reshape(tf.sum(cells, 1), [batch * rows * cols, factor[1], width]);
      return { x: tf.reshape(tf.sum(lines, 1), x.shape) };
    },
  });
}

/**
 * Average over the area each result pixel covers: `interpolate(mode="area")`, the same as `adaptiveAvgPool2d`.
 *
 * @param x [N, H, W, C]
 * @returns [N, rows, cols, C]
 * @throws GlofError `bad-argument`
 */
export function adaptiveAvgPool2d(x: tf.Tensor4D, size: ImageSize): tf.Tensor4D {
  checkSize("adaptiveAvgPool2d", x, size);
  return separableMap(x, areaMap(x.shape[1], size[0]), areaMap(x.shape[2], size[1]));
}

function resizeSmooth(
  filter: InterpolationFilter,
  x: tf.Tensor4D,
  size: ImageSize,
  options: ResizeOptions,
): tf.Tensor4D {
  const where = filter === "bilinear" ? "resizeBilinear" : "resizeBicubic";
  checkSize(where, x, size);
  const { alignCorners = false, antialias = false } = options;
  const scale = scalesOf(options.scale, where);
  const map = (axis: 0 | 1): AxisMap | undefined => {
    const inSize = x.shape[axis + 1]!;
    const isSame = inSize === size[axis] && (scale[axis] === undefined || scale[axis] === 1 || alignCorners);
    if (isSame && !(antialias && alignCorners)) return undefined;
    return keptInterpolationMap(filter, inSize, size[axis], { alignCorners, antialias, scale: scale[axis] });
  };
  return separableMap(x, map(0), map(1));
}

function scalesOf(
  scale: ResizeOptions["scale"],
  where: string,
): readonly [number | undefined, number | undefined] {
  if (scale === undefined) return [undefined, undefined];
  const pair = typeof scale === "number" ? ([scale, scale] as const) : scale;
  if (pair.every((value) => value > 0 && Number.isFinite(value))) return pair;
  throw new GlofError(
    "bad-argument",
    `${where}: expected a positive scale, got ${JSON.stringify(scale)}. Pass a number or [rows, cols].`,
  );
}

function checkSize(where: string, x: tf.Tensor, size: ImageSize): void {
  if (x.rank === 4 && size.every((count) => Number.isInteger(count) && count >= 1)) return;
  throw new GlofError(
    "bad-argument",
    `${where}: expected x [N, H, W, C] and a size of at least 1 x 1, got x [${x.shape}] and [${size}]. ` +
      "Pass [rows, cols].",
  );
}

/** Whether every source pixel is taken `factor` times in a row. */
function isRepetition(indices: Int32Array, factor: number): boolean {
  return Number.isInteger(factor) && indices.every((source, index) => source === Math.floor(index / factor));
}

function repeatPixels(x: tf.Tensor4D, [down, across]: readonly [number, number]): tf.Tensor4D {
  const [batch, rows, cols, width] = x.shape;
  const wide = tf.tile(tf.reshape(x, [batch * rows * cols, 1, width]), [1, across, 1]);
  const tall = tf.tile(tf.reshape(wide, [batch * rows, 1, cols * across * width]), [1, down, 1]);
  return tf.reshape(tall, [batch, rows * down, cols * across, width]);
}

function gatherPixels(x: tf.Tensor4D, [rows, cols]: readonly [Int32Array, Int32Array]): tf.Tensor4D {
  return tf.gather(tf.gather(x, tf.tensor1d(rows, "int32"), 1), tf.tensor1d(cols, "int32"), 2);
}

function toMap(indices: Int32Array, inSize: number): AxisMap {
  const map = emptyAxisMap(indices.length, inSize);
  for (const [index, source] of indices.entries()) map.values[index * inSize + source] = 1;
  return map;
}
