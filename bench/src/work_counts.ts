/** Arithmetic and memory traffic of one run of a case. */
export interface WorkCount {
  /** Floating-point operations, a multiply-add as two. */
  readonly flop: number;
  /** Bytes that must cross between memory and processor at least: each input read once, each output written once. */
  readonly bytes: number;
}

const F32 = 4;

/** y = x w + b, [rows, inner] by [inner, cols]. With gradients: dX and dW too, twice the products again. */
export function linearWork(rows: number, inner: number, cols: number, withGradient: boolean): WorkCount {
  const products = 2 * rows * inner * cols;
  const [x, w, y] = [rows * inner, inner * cols, rows * cols];
  return withGradient
    ? { flop: 3 * products, bytes: F32 * (3 * x + 3 * w + 2 * y) }
    : { flop: products, bytes: F32 * (x + w + y) };
}

/**
 * Attention over packed qkv [batch, tokens, 3 width]: two products of tokens^2 x width per image. Its gradient takes
 * five such products where the scores are not kept (they are formed again), four where they are: four are counted.
 */
export function attentionWork(
  batch: number,
  tokens: number,
  width: number,
  withGradient: boolean,
): WorkCount {
  const product = 2 * batch * tokens * tokens * width;
  const values = batch * tokens * width;
  return withGradient
    ? { flop: 6 * product, bytes: F32 * (3 + 1 + 3 + 1 + 3) * values }
    : { flop: 2 * product, bytes: F32 * 4 * values };
}

/** A convolution over NHWC with `kernel` x `kernel` taps and an output of outRows x outCols. */
export function convWork(
  input: readonly [rows: number, cols: number, channels: number],
  output: readonly [rows: number, cols: number, channels: number],
  kernel: number,
  withGradient: boolean,
): WorkCount {
  const taps = kernel * kernel * input[2];
  const outValues = output[0] * output[1] * output[2];
  const products = 2 * outValues * taps;
  const [x, w] = [input[0] * input[1] * input[2], taps * output[2]];
  return withGradient
    ? { flop: 3 * products, bytes: F32 * (3 * x + 3 * w + 2 * outValues) }
    : { flop: products, bytes: F32 * (x + w + outValues) };
}

/** An operation that takes `flopPerValue` operations for each of `values` values and reads and writes them once. */
export function elementwiseWork(values: number, flopPerValue: number, withGradient: boolean): WorkCount {
  // Backward reads x and dy and writes dx, on top of the forward pass.
  return withGradient
    ? { flop: 3 * flopPerValue * values, bytes: F32 * 5 * values }
    : { flop: flopPerValue * values, bytes: F32 * 2 * values };
}

/** A step of Adam over `values` parameters: parameter, gradient and two moments read, all but the gradient written. */
export function adamWork(values: number): WorkCount {
  return { flop: 13 * values, bytes: F32 * 7 * values };
}

/** silu(gate) * value over [rows, 2 width] -> [rows, width]. With gradients: input and dY read, dX written, on top. */
export function gatedWork(rows: number, width: number, withGradient: boolean): WorkCount {
  const values = rows * width;
  return withGradient
    ? { flop: (13 + 18) * values, bytes: F32 * (3 + 5) * values }
    : { flop: 13 * values, bytes: F32 * 3 * values };
}

/** Highest rates of a device. */
export interface Ceiling {
  /** Floating-point operations per second. */
  readonly flops: number;
  /** Bytes per second, reads and writes added. */
  readonly bandwidth: number;
}

/**
 * Share of what the device could reach on this work: the roofline model (Williams, Waterman and Patterson 2009), where
 * the bound is the slower of arithmetic and memory traffic.
 *
 * @param seconds of one run
 * @returns 1 at the bound; above 1 where caches serve what is counted as memory traffic
 */
export function shareOfCeiling({ flop, bytes }: WorkCount, seconds: number, ceiling: Ceiling): number {
  return Math.max(flop / ceiling.flops, bytes / ceiling.bandwidth) / seconds;
}
