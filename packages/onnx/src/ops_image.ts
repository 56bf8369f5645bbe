import type { OnnxGraph } from "./graph.js";
import { arithmetic, gather, reshape, single } from "./ops_basic.js";
import { fixedSize, wrongShapes } from "./shapes.js";
import type { OnnxValue } from "./types.js";

/** Weights and geometry of a convolution. */
export interface ConvOptions {
  /** [out, in, rows, cols]; of a transposed one [in, out, rows, cols]. */
  readonly weight: OnnxValue;
  /** [out] */
  readonly bias?: OnnxValue | undefined;
  /** Default 1. */
  readonly stride?: number | undefined;
  /** Zeros on every side. Default 0. */
  readonly padding?: number | undefined;
}

/**
 * Convolution of images [N, C, H, W].
 *
 * @throws GlofError `shape-mismatch`
 */
export function conv2d(graph: OnnxGraph, x: OnnxValue, options: ConvOptions): OnnxValue {
  const { weight, bias, stride = 1, padding = 0 } = options;
  const [out, , rows, cols] = weight.shape as readonly number[];
  if (x.shape.length !== 4 || x.shape[1] !== weight.shape[1] || (bias && bias.shape[0] !== out)) {
    throw wrongShapes("conv2d", "[N, C, H, W] and [out, C, rows, cols]", [x, weight]);
  }
  const sized = (axis: number, kernel: number): number =>
    Math.floor((fixedSize("conv2d", x, axis) + 2 * padding - kernel) / stride) + 1;
  return single(
    graph.node("Conv", {
      inputs: [x, weight, bias],
      shapes: [[x.shape[0]!, out!, sized(2, rows!), sized(3, cols!)]],
      attributes: convAttributes([rows!, cols!], stride, padding),
    }),
  );
}

/**
 * Transposed convolution of images [N, C, H, W].
 *
 * @throws GlofError `shape-mismatch`
 */
export function convTranspose2d(graph: OnnxGraph, x: OnnxValue, options: ConvOptions): OnnxValue {
  const { weight, bias, stride = 1, padding = 0 } = options;
  const [, out, rows, cols] = weight.shape as readonly number[];
  if (x.shape.length !== 4 || x.shape[1] !== weight.shape[0] || (bias && bias.shape[0] !== out)) {
    throw wrongShapes("convTranspose2d", "[N, C, H, W] and [C, out, rows, cols]", [x, weight]);
  }
  const sized = (axis: number, kernel: number): number =>
    (fixedSize("convTranspose2d", x, axis) - 1) * stride - 2 * padding + kernel;
  return single(
    graph.node("ConvTranspose", {
      inputs: [x, weight, bias],
      shapes: [[x.shape[0]!, out!, sized(2, rows!), sized(3, cols!)]],
      attributes: convAttributes([rows!, cols!], stride, padding),
    }),
  );
}

function convAttributes(kernel: readonly [number, number], stride: number, padding: number) {
  return {
    kernel_shape: { ints: kernel },
    strides: { ints: [stride, stride] },
    pads: { ints: [padding, padding, padding, padding] },
  };
}

/** Learned scale and shift [C] of a normalisation. */
export interface NormWeights {
  readonly weight: OnnxValue;
  readonly bias: OnnxValue;
  readonly epsilon: number;
}

/**
 * Normalises by running statistics [C], as a trained batch normalisation does.
 *
 * @throws GlofError `shape-mismatch`
 */
export function batchNorm(
  graph: OnnxGraph,
  x: OnnxValue,
  statistics: NormWeights & { readonly mean: OnnxValue; readonly variance: OnnxValue },
): OnnxValue {
  const { weight, bias, mean, variance, epsilon } = statistics;
  const all = [weight, bias, mean, variance];
  if (!all.every(({ shape }) => shape.length === 1 && shape[0] === x.shape[1])) {
    throw wrongShapes("batchNorm", "[N, C, H, W] and four [C]", [x, ...all]);
  }
  const node = { inputs: [x, ...all], shapes: [x.shape], attributes: { epsilon: { float: epsilon } } };
  return single(graph.node("BatchNormalization", node));
}

/**
 * Normalises each group of channels of each image. It is written as the normalisation of long rows, one per group.
 *
 * @param weights [C, 1, 1] each
 * @throws GlofError `shape-mismatch`
 */
export function groupNorm(
  graph: OnnxGraph,
  x: OnnxValue,
  groups: number,
  { weight, bias, epsilon }: NormWeights,
): OnnxValue {
  const width = fixedSize("groupNorm", x, 1);
  const isPerChannel = [weight, bias].every(({ shape }) => shape.join() === `${width},1,1`);
  if (width % groups !== 0 || !isPerChannel) {
    throw wrongShapes("groupNorm", `C a multiple of ${groups}, and two [C, 1, 1]`, [x, weight, bias]);
  }
  const rowLength = (width / groups) * fixedSize("groupNorm", x, 2) * fixedSize("groupNorm", x, 3);
  const rows = reshape(graph, x, [x.shape[0]!, groups, rowLength]);
  const ones = graph.floats(new Array<number>(groups).fill(1));
  const zeros = graph.floats(new Array<number>(groups).fill(0));
  const normed = single(
    graph.node("InstanceNormalization", {
      inputs: [rows, ones, zeros],
      shapes: [rows.shape],
      attributes: { epsilon: { float: epsilon } },
    }),
  );
  const scaled = arithmetic(graph, "Mul", reshape(graph, normed, x.shape), weight);
  return arithmetic(graph, "Add", scaled, bias);
}

/** Mean of each channel over the whole image: [N, C, 1, 1]. */
export function globalAveragePool(graph: OnnxGraph, x: OnnxValue): OnnxValue {
  const shape = [x.shape[0]!, x.shape[1]!, 1, 1];
  return single(graph.node("GlobalAveragePool", { inputs: [x], shapes: [shape] }));
}

/** Bilinear resize of [N, C, H, W] to [rows, cols], pixel centres aligned, as PyTorch without `align_corners`. */
export function resizeBilinear(
  graph: OnnxGraph,
  x: OnnxValue,
  size: readonly [rows: number, cols: number],
): OnnxValue {
  return resize(graph, x, size, {
    mode: { string: "linear" },
    coordinate_transformation_mode: { string: "half_pixel" },
  });
}

/**
 * Nearest resize of [N, C, H, W], as PyTorch's "nearest".
 *
 * @param indices source row of each result row, and source column of each result column
 */
export function resizeNearest(
  graph: OnnxGraph,
  x: OnnxValue,
  [rows, cols]: readonly [rows: Int32Array, cols: Int32Array],
): OnnxValue {
  const isRepetition = [rows, cols].every((indices, axis) => {
    const factor = indices.length / fixedSize("resizeNearest", x, axis + 2);
    return Number.isInteger(factor) && indices.every((from, to) => from === Math.floor(to / factor));
  });
  if (!isRepetition) return gather(graph, gather(graph, x, 2, rows), 3, cols);
  return resize(graph, x, [rows.length, cols.length], {
    mode: { string: "nearest" },
    coordinate_transformation_mode: { string: "asymmetric" },
    nearest_mode: { string: "floor" },
  });
}

function resize(
  graph: OnnxGraph,
  x: OnnxValue,
  [rows, cols]: readonly [rows: number, cols: number],
  attributes: Readonly<Record<string, { readonly string: string }>>,
): OnnxValue {
  const height = fixedSize("resize", x, 2);
  const width = fixedSize("resize", x, 3);
  if (height === rows && width === cols) return x;
  // Scales and not sizes: the first axis may not be known yet. Sizes of the result are floor(size · scale).
  const scales = graph.floats([1, 1, scaleTo(height, rows), scaleTo(width, cols)]);
  return single(
    graph.node("Resize", {
      inputs: [x, undefined, scales],
      shapes: [[x.shape[0]!, x.shape[1]!, rows, cols]],
      attributes,
    }),
  );
}

/** The least float32 not below result / source: programs round the product with the source down to the result's size. */
function scaleTo(from: number, to: number): number {
  const nearest = Math.fround(to / from);
  // A product of a float32 and a size is exact here. One unit in the last place is at most 2^-23 of the number.
  return from * nearest >= to ? nearest : Math.fround(nearest * (1 + 2 ** -23));
}
