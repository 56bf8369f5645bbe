import * as tf from "@tensorflow/tfjs-core";
import { useKernel } from "../kernels/door.js";
import { type ConvGeometry, kernelSpan } from "./conv_geometry.js";
import { matMul } from "./mat_mul.js";

/*
 * The three linear maps behind convolutions, off the tape and for one group:
 * forward x, w -> y; its adjoint in x; its adjoint in w. A convolution and a transposed convolution are both made of
 * them. x is NHWC of geometry.inSize, y of geometry.outSize, w is HWIO.
 */

type Window = readonly [before: number, after: number];

/** What follows a convolution. */
export interface ConvEnd {
  readonly b?: tf.Tensor | undefined;
  readonly activation?: "relu" | undefined;
}

/** y = activation(conv(x, w) + b). */
export function convForward(
  x: tf.Tensor4D,
  w: tf.Tensor4D,
  geometry: ConvGeometry,
  { b, activation }: ConvEnd = {},
): tf.Tensor4D {
  const fast = useKernel("GlofConv2D");
  if (fast !== undefined) {
    const attributes = { ...convAttributes(geometry), activation: activation ?? "linear" };
    return fast({ x, filter: w, bias: b }, attributes) as tf.Tensor4D;
  }
  return endConv(composedForward(x, w, geometry), { b, activation });
}

/** What follows a convolution, for one that has not done it. */
export function endConv(y: tf.Tensor4D, { b, activation }: ConvEnd): tf.Tensor4D {
  const shifted = b === undefined ? y : tf.add<tf.Tensor4D>(y, b);
  return activation === "relu" ? tf.relu(shifted) : shifted;
}

function composedForward(x: tf.Tensor4D, w: tf.Tensor4D, geometry: ConvGeometry): tf.Tensor4D {
  if (isPatchwise(geometry)) return patchForward(x, w, geometry);
  const { stride, padding, dilation } = geometry;
  const hasBoth = Math.max(...stride) > 1 && Math.max(...dilation) > 1;
  // tfjs takes strides or dilation, not both: then the kernel's holes become zeros.
  const filter = hasBoth ? spreadKernel(w, dilation) : w;
  const pad: [Window, Window, Window, Window] = [
    [0, 0],
    [padding[0], padding[0]],
    [padding[1], padding[1]],
    [0, 0],
  ];
  return tf.conv2d(
    x,
    filter,
    [...stride] as [number, number],
    pad as Parameters<typeof tf.conv2d>[3],
    "NHWC",
    hasBoth ? 1 : ([...dilation] as [number, number]),
  );
}

/** dx from dy, activation(dx + b): the forward pass of a transposed convolution. */
export function convTransposed(
  dy: tf.Tensor4D,
  w: tf.Tensor4D,
  geometry: ConvGeometry,
  end: ConvEnd,
): tf.Tensor4D {
  const { kernel, inSize, outSize } = geometry;
  const isWhole = ([0, 1] as const).every((axis) => inSize[axis] === outSize[axis] * kernel[axis]);
  const linear = isWhole && isPatchwise(geometry) ? useKernel("GlofLinear") : undefined;
  if (linear === undefined) return endConv(convInputGradient(dy, w, geometry), end);
  // The product of patches ends with what follows: each of its columns is a tap and a channel.
  const outWidth = w.shape[3];
  const inputs = {
    x: tf.reshape(dy, [-1, outWidth]),
    w: tf.transpose(tf.reshape(w, [-1, outWidth])),
    b: end.b && tf.tile(end.b, [kernel[0] * kernel[1]]),
  };
  return fromPatches(linear(inputs, { activation: end.activation ?? "none" }), w.shape[2], geometry);
}

/** dx from dy: a convolution of dy, spread out by the stride, with the flipped kernel. */
export function convInputGradient(dy: tf.Tensor4D, w: tf.Tensor4D, geometry: ConvGeometry): tf.Tensor4D {
  // Each pixel is under one tap: a kernel that visits all of them would multiply zeros most of the time.
  if (isPatchwise(geometry)) return patchInputGradient(dy, w, geometry);
  const fast = useKernel("GlofConv2DInputGradient");
  if (fast !== undefined) {
    const inputShape = [dy.shape[0], ...geometry.inSize, w.shape[2]];
    return fast({ dy, filter: w }, { ...convAttributes(geometry), inputShape }) as tf.Tensor4D;
  }
  const { stride, padding, dilation, inSize } = geometry;
  const span = kernelSpan(geometry);
  const flipped = tf.transpose(tf.reverse(w, [0, 1]), [0, 1, 3, 2]);
  const spread = spreadPixels(dy, stride);
  // Full correlation needs span - 1 zeros on each side, less the padding; what the strides never reached is added behind.
  const windows = ([0, 1] as const).map((axis): Window => {
    const before = span[axis]! - 1 - padding[axis];
    return [before, inSize[axis] + span[axis]! - 1 - spread.shape[axis + 1]! - before];
  });
  const framed = padOrCrop(spread, windows[0]!, windows[1]!);
  return tf.conv2d(framed, flipped as tf.Tensor4D, 1, "valid", "NHWC", [...dilation] as [number, number]);
}

/** dw [kh, kw, in, out] from x and dy: one product per kernel tap. */
export function convFilterGradient(x: tf.Tensor4D, dy: tf.Tensor4D, geometry: ConvGeometry): tf.Tensor4D {
  const { kernel, stride, padding, dilation, inSize, outSize } = geometry;
  const [inWidth, outWidth] = [x.shape[3], dy.shape[3]];
  const dyRows = tf.reshape(dy, [-1, outWidth]);
  const shape: [number, number, number, number] = [kernel[0], kernel[1], inWidth, outWidth];
  const fast = useKernel("GlofConv2DFilterGradient");
  if (fast !== undefined) {
    return fast({ x, dy }, { ...convAttributes(geometry), filterShape: shape }) as tf.Tensor4D;
  }
  if (isPatchwise(geometry)) {
    return tf.reshape(matMul(toPatches(x, geometry), dyRows, true, false), shape);
  }
  const span = kernelSpan(geometry);
  const windows = ([0, 1] as const).map((axis): Window => {
    const needed = (outSize[axis] - 1) * stride[axis] + span[axis]!;
    return [padding[axis], needed - inSize[axis] - padding[axis]];
  });
  const framed = padOrCrop(x, windows[0]!, windows[1]!);
  const taps: tf.Tensor[] = [];
  for (let row = 0; row < kernel[0]; row++) {
    for (let col = 0; col < kernel[1]; col++) {
      const seen = tapView(framed, [row * dilation[0], col * dilation[1]], geometry);
      taps.push(matMul(tf.reshape(seen, [-1, inWidth]), dyRows, true, false));
    }
  }
  return tf.reshape(tf.stack(taps), shape);
}

/** The pixels that one kernel tap sees, one per output pixel: [N, outRows, outCols, C]. */
export function tapView(
  framed: tf.Tensor4D,
  offset: readonly [number, number],
  { stride, outSize }: Pick<ConvGeometry, "stride" | "outSize">,
): tf.Tensor4D {
  const [batch, , , width] = framed.shape;
  const begin: [number, number, number, number] = [0, offset[0], offset[1], 0];
  if (stride[0] === 1 && stride[1] === 1)
    return tf.slice(framed, begin, [batch, outSize[0], outSize[1], width]);
  const end: [number, number, number, number] = [
    batch,
    offset[0] + (outSize[0] - 1) * stride[0] + 1,
    offset[1] + (outSize[1] - 1) * stride[1] + 1,
    width,
  ];
  return tf.stridedSlice(framed, begin, end, [1, stride[0], stride[1], 1]) as tf.Tensor4D;
}

/** Puts zeros between pixels: pixel i goes to i * stride. The result ends with the last pixel. */
export function spreadPixels(x: tf.Tensor4D, stride: readonly [number, number]): tf.Tensor4D {
  const [batch, rows, cols, width] = x.shape;
  if (stride[0] === 1 && stride[1] === 1) return x;
  const cells = tf.pad(tf.reshape(x, [batch * rows, cols, 1, width]), [
    [0, 0],
    [0, 0],
    [0, stride[1] - 1],
    [0, 0],
  ]);
  const lines = tf.pad(tf.reshape(cells, [batch, rows, 1, cols * stride[1] * width]), [
    [0, 0],
    [0, 0],
    [0, stride[0] - 1],
    [0, 0],
  ]);
  const full = tf.reshape(lines, [batch, rows * stride[0], cols * stride[1], width]) as tf.Tensor4D;
  return tf.slice(full, [0, 0, 0, 0], [batch, (rows - 1) * stride[0] + 1, (cols - 1) * stride[1] + 1, width]);
}

/** Zero padding where a number is positive, cropping where it is negative. */
export function padOrCrop(x: tf.Tensor4D, rows: Window, cols: Window): tf.Tensor4D {
  const positive = ([before, after]: Window): [number, number] => [Math.max(before, 0), Math.max(after, 0)];
  const begin: [number, number, number, number] = [0, Math.max(-rows[0], 0), Math.max(-cols[0], 0), 0];
  const size: [number, number, number, number] = [
    x.shape[0],
    x.shape[1] + Math.min(rows[0], 0) + Math.min(rows[1], 0),
    x.shape[2] + Math.min(cols[0], 0) + Math.min(cols[1], 0),
    x.shape[3],
  ];
  const cropped = tf.util.arraysEqual(size, x.shape) ? x : tf.slice(x, begin, size);
  if ([...rows, ...cols].every((count) => count <= 0)) return cropped;
  return tf.pad(cropped, [[0, 0], positive(rows), positive(cols), [0, 0]]);
}

function spreadKernel(w: tf.Tensor4D, dilation: readonly [number, number]): tf.Tensor4D {
  const [rows, cols, inWidth, outWidth] = w.shape;
  const asImage = tf.reshape(w, [1, rows, cols, inWidth * outWidth]) as tf.Tensor4D;
  const spread = spreadPixels(asImage, dilation);
  return tf.reshape(spread, [spread.shape[1], spread.shape[2], inWidth, outWidth]);
}

/** Kernel and stride cover the input without overlap or padding: a patch embedding, a 1 x 1 convolution. */
function isPatchwise({ kernel, stride, padding, dilation }: ConvGeometry): boolean {
  return ([0, 1] as const).every(
    (axis) =>
      kernel[axis] === stride[axis] && padding[axis] === 0 && (dilation[axis] === 1 || kernel[axis] === 1),
  );
}

/** [N, H, W, C] -> [N * rows * cols, kh * kw * C]; pixels beyond the last whole patch are left out. */
function toPatches(x: tf.Tensor4D, { kernel, inSize, outSize }: ConvGeometry): tf.Tensor {
  const [batch, , , width] = x.shape;
  const tail = ([0, 1] as const).map((axis) => outSize[axis] * kernel[axis] - inSize[axis]);
  const whole = padOrCrop(x, [0, tail[0]!], [0, tail[1]!]);
  if (kernel[0] === 1 && kernel[1] === 1) return tf.reshape(whole, [-1, width]);
  const cells = tf.reshape(whole, [batch * outSize[0], kernel[0], outSize[1], kernel[1] * width]);
  return tf.reshape(tf.transpose(cells, [0, 2, 1, 3]), [-1, kernel[0] * kernel[1] * width]);
}

function patchForward(x: tf.Tensor4D, w: tf.Tensor4D, geometry: ConvGeometry): tf.Tensor4D {
  const product = matMul(toPatches(x, geometry), tf.reshape(w, [-1, w.shape[3]]));
  return tf.reshape(product, [x.shape[0], ...geometry.outSize, w.shape[3]]);
}

function patchInputGradient(dy: tf.Tensor4D, w: tf.Tensor4D, geometry: ConvGeometry): tf.Tensor4D {
  const outWidth = w.shape[3];
  const filter = tf.reshape(w, [-1, outWidth]);
  const patches = matMul(tf.reshape(dy, [-1, outWidth]), filter, false, true);
  return fromPatches(patches, w.shape[2], geometry);
}

/** The adjoint of `toPatches`: [N * rows * cols, kh * kw * C] -> [N, H, W, C]. */
function fromPatches(
  patches: tf.Tensor,
  width: number,
  { kernel, inSize, outSize }: ConvGeometry,
): tf.Tensor4D {
  const batch = patches.shape[0]! / (outSize[0] * outSize[1]);
  const cells = tf.reshape(patches, [batch * outSize[0], outSize[1], kernel[0], kernel[1] * width]);
  const pixels = tf.reshape(tf.transpose(cells, [0, 2, 1, 3]), [
    batch,
    outSize[0] * kernel[0],
    outSize[1] * kernel[1],
    width,
  ]) as tf.Tensor4D;
  return padOrCrop(pixels, [0, inSize[0] - pixels.shape[1]], [0, inSize[1] - pixels.shape[2]]);
}

/** Attributes of the convolution kernels, in tfjs's words. */
export function convAttributes({ stride, padding, dilation }: ConvGeometry): Record<string, unknown> {
  const pad = [
    [0, 0],
    [padding[0], padding[0]],
    [padding[1], padding[1]],
    [0, 0],
  ];
  return { strides: [...stride], pad, dilations: [...dilation], dataFormat: "NHWC" };
}
