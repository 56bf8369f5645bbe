import * as tf from "@tensorflow/tfjs-core";
import { useGradientKernel, useKernel } from "../kernels/door.js";
import { withGradient } from "../with_gradient.js";
import { type ConvGeometry, convGeometry } from "./conv_geometry.js";
import { padOrCrop, spreadPixels, tapView } from "./conv_parts.js";
import { type Pair, toPair } from "./pair.js";
import { type AxisMap, emptyAxisMap, separableMap } from "./separable_map.js";

/** Options of `maxPool2d`, with PyTorch's meanings. */
export interface PoolOptions {
  /** Default: the window's size. */
  readonly stride?: Pair;
  /** Symmetric. Default 0. */
  readonly padding?: Pair;
}

/** Options of `avgPool2d`. */
export interface AvgPoolOptions extends PoolOptions {
  /** Whether padding counts as zeros in the mean. Default true. */
  readonly countIncludePad?: boolean;
}

/** What padding counts as when a gradient looks for the first of equal values: no result, be it -Infinity, is this number. */
const noResult = -3.4e38;

/**
 * Largest value of each window, NaN where one is NaN. Padding never wins; of equal values the first (row by row) gets the
 * gradient, which does not reach a window whose result is NaN.
 *
 * @param x [N, H, W, C]
 * @param size window, a number or [rows, cols]
 * @throws GlofError `bad-argument`, `shape-mismatch`
 */
export function maxPool2d(x: tf.Tensor4D, size: Pair, options: PoolOptions = {}): tf.Tensor4D {
  const geometry = poolGeometry(x, size, options, "maxPool2d");
  return withGradient<tf.Tensor4D, "x", "x" | "y">({
    inputs: { x },
    forward: () => {
      const kernel = useKernel("GlofMaxPool");
      const value = kernel ? (kernel({ x }, { ...geometry }) as tf.Tensor4D) : largestOfTaps(x, geometry);
      return { value, saved: { x, y: value } };
    },
    backward: (dy, { x, y }) => {
      const kernel = useGradientKernel("GlofMaxPoolGrad");
      if (kernel) return { x: kernel({ x, y, dy }, { ...geometry })[0] };
      return { x: maxPoolPullback(dy as tf.Tensor4D, x, y, geometry) };
    },
  });
}

/**
 * Mean of each window.
 *
 * @param x [N, H, W, C]
 * @param size window, a number or [rows, cols]
 * @throws GlofError `bad-argument`, `shape-mismatch`
 */
export function avgPool2d(x: tf.Tensor4D, size: Pair, options: AvgPoolOptions = {}): tf.Tensor4D {
  const { countIncludePad = true } = options;
  const geometry = poolGeometry(x, size, options, "avgPool2d");
  return separableMap(x, meanMap(geometry, 0, countIncludePad), meanMap(geometry, 1, countIncludePad));
}

function poolGeometry(x: tf.Tensor4D, size: Pair, options: PoolOptions, where: string): ConvGeometry {
  const window = toPair(size, 1, `${where} size`);
  const { stride = window, padding = 0 } = options;
  return convGeometry(window, [x.shape[1], x.shape[2]], { stride, padding }, where);
}

function meanMap(
  { kernel, stride, padding, inSize, outSize }: ConvGeometry,
  axis: 0 | 1,
  all: boolean,
): AxisMap {
  const map = emptyAxisMap(outSize[axis], inSize[axis]);
  for (let index = 0; index < outSize[axis]; index++) {
    const start = index * stride[axis] - padding[axis];
    const first = Math.max(start, 0);
    const end = Math.min(start + kernel[axis], inSize[axis]);
    const share = 1 / (all ? kernel[axis] : end - first);
    for (let tap = first; tap < end; tap++) map.values[index * inSize[axis] + tap] = share;
  }
  return map;
}

function taps({ kernel }: ConvGeometry): [number, number][] {
  return Array.from({ length: kernel[0] * kernel[1] }, (_, tap) => [
    Math.floor(tap / kernel[1]),
    tap % kernel[1],
  ]);
}

/** Rows and columns the windows need beyond the image, negative where they leave some out. */
function frameOf({ kernel, stride, padding, inSize, outSize }: ConvGeometry): [number, number][] {
  return ([0, 1] as const).map((axis) => [
    padding[axis],
    (outSize[axis] - 1) * stride[axis] + kernel[axis] - inSize[axis] - padding[axis],
  ]);
}

function frame(x: tf.Tensor4D, geometry: ConvGeometry, border: number): tf.Tensor4D {
  const [rows, cols] = frameOf(geometry) as [[number, number], [number, number]];
  const keep = ([before, after]: [number, number]): [number, number] => [before, Math.max(after, 0)];
  const cropped = padOrCrop(x, [0, Math.min(rows[1], 0)], [0, Math.min(cols[1], 0)]);
  return tf.pad(cropped, [[0, 0], keep(rows), keep(cols), [0, 0]], border);
}

function largestOfTaps(x: tf.Tensor4D, geometry: ConvGeometry): tf.Tensor4D {
  const framed = frame(x, geometry, Number.NEGATIVE_INFINITY);
  const views = taps(geometry).map((offset) => tapView(framed, offset, geometry));
  return views.reduce((best, seen) => tf.maximum(best, seen));
}

function maxPoolPullback(dy: tf.Tensor4D, x: tf.Tensor, y: tf.Tensor, geometry: ConvGeometry): tf.Tensor4D {
  const { stride, inSize } = geometry;
  const framed = frame(x as tf.Tensor4D, geometry, noResult);
  const [rows, cols] = frameOf(geometry) as [[number, number], [number, number]];
  let unclaimed: tf.Tensor = tf.onesLike(dy);
  let sum: tf.Tensor4D = tf.zeros(x.shape as [number, number, number, number]);
  for (const offset of taps(geometry)) {
    const wins = tf.mul(tf.cast(tf.equal(tapView(framed, offset, geometry), y), "float32"), unclaimed);
    unclaimed = tf.sub(unclaimed, wins);
    const spread = spreadPixels(tf.mul(dy, wins), stride);
    const placed = ([0, 1] as const).map((axis): [number, number] => {
      const before = offset[axis] - [rows, cols][axis]![0];
      return [before, inSize[axis] - spread.shape[axis + 1]! - before];
    });
    sum = tf.add(sum, padOrCrop(spread, placed[0]!, placed[1]!));
  }
  return sum;
}
