// Sums along rows: of the numbers themselves, and of their products with one vector (a 1 x 1 convolution to one channel, and its
// gradients).
//
// One or two FLOP for 4 bytes: bound by memory, 10 GB/s a thread out of cache.

import { ACTIVATION_NONE, finish } from "./epilogue";
import { at, horizontalSum, madd, zero } from "./simd";

/** Floats that are summed apart in single precision, and then in double: the error of long sums stays small. */
const BLOCK: i32 = 1024;

/** out[r] = the sum of row r of x [rows, width]. */
export function rowSums(x: usize, rows: i32, width: i32, out: usize): void {
  for (let r = 0; r < rows; r++) {
    const row = at(x, r * width);
    let total: f64 = 0;
    for (let first = 0; first < width; first += BLOCK) {
      total += blockSum(at(row, first), min(BLOCK, width - first));
    }
    store<f32>(at(out, r), <f32>total);
  }
}

/** The sum of `count` floats; in single precision, so not of many. */
export function blockSum(x: usize, count: i32): f32 {
  let a = f32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  let i = 0;
  for (; i + 16 <= count; i += 16) {
    a = f32x4.add(a, v128.load(at(x, i)));
    b = f32x4.add(b, v128.load(at(x, i), 16));
    c = f32x4.add(c, v128.load(at(x, i), 32));
    d = f32x4.add(d, v128.load(at(x, i), 48));
  }
  for (; i + 4 <= count; i += 4) a = f32x4.add(a, v128.load(at(x, i)));
  let sum = horizontalSum(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)));
  for (; i < count; i++) sum += load<f32>(at(x, i));
  return sum;
}

/** y[r] = activation(x[r] . w + bias) of x [rows, width]; `bias` 0 means none. A row's result is its own, wherever it stands. */
export function rowDots(
  x: usize,
  w: usize,
  y: usize,
  bias: usize,
  activation: i32,
  rows: i32,
  width: i32,
): void {
  const shift: f32 = bias == 0 ? 0 : load<f32>(bias);
  let r = 0;
  // Four rows side by side hide the latency of the sums.
  for (; r + 4 <= rows; r += 4) fourDots(at(x, r * width), w, at(y, r), shift, width);
  for (; r < rows; r++) {
    const row = at(x, r * width);
    let sum = f32x4.splat(0);
    let i = 0;
    for (; i + 4 <= width; i += 4) sum = madd(v128.load(at(row, i)), v128.load(at(w, i)), sum);
    store<f32>(at(y, r), withRest(horizontalSum(sum), row, w, i, width) + shift);
  }
  if (activation != ACTIVATION_NONE) finish(y, rows, 1, rows, 0, activation, 0, 0);
}

function fourDots(x: usize, w: usize, y: usize, shift: f32, width: i32): void {
  const x1 = at(x, width);
  const x2 = at(x1, width);
  const x3 = at(x2, width);
  let a = f32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  let i = 0;
  for (; i + 4 <= width; i += 4) {
    const factor = v128.load(at(w, i));
    a = madd(v128.load(at(x, i)), factor, a);
    b = madd(v128.load(at(x1, i)), factor, b);
    c = madd(v128.load(at(x2, i)), factor, c);
    d = madd(v128.load(at(x3, i)), factor, d);
  }
  store<f32>(y, withRest(horizontalSum(a), x, w, i, width) + shift);
  store<f32>(y, withRest(horizontalSum(b), x1, w, i, width) + shift, 4);
  store<f32>(y, withRest(horizontalSum(c), x2, w, i, width) + shift, 8);
  store<f32>(y, withRest(horizontalSum(d), x3, w, i, width) + shift, 12);
}

/** `sum` and the products from `i` on. */
// @ts-ignore: decorator
@inline
function withRest(sum: f32, row: usize, w: usize, i: i32, width: i32): f32 {
  for (; i < width; i++) sum += load<f32>(at(row, i)) * load<f32>(at(w, i));
  return sum;
}

/** out[r] = factors[r] v: `rows` rows of `width` floats. */
export function scaledCopies(factors: usize, v: usize, out: usize, rows: i32, width: i32): void {
  for (let r = 0; r < rows; r++) {
    const factor = v128.load32_splat(at(factors, r));
    let i = 0;
    for (; i + 4 <= width; i += 4) v128.store(at(out, i), f32x4.mul(factor, v128.load(at(v, i))));
    for (; i < width; i++) store<f32>(at(out, i), load<f32>(at(factors, r)) * load<f32>(at(v, i)));
    out = at(out, width);
  }
}

/** Rows that are added up before they join the total, for the same reason. */
const ROW_BLOCK: i32 = 256;

/** out[width] = the sum over `rows` rows of factors[r] x[r]. */
export function weightedSum(x: usize, factors: usize, out: usize, rows: i32, width: i32): void {
  zero(out, width);
  for (let first = 0; first < rows; first += ROW_BLOCK) {
    const count = min(ROW_BLOCK, rows - first);
    const block = at(x, first * width);
    const weights = at(factors, first);
    let i = 0;
    for (; i + 16 <= width; i += 16) addSixteen(at(block, i), weights, at(out, i), count, width);
    for (; i < width; i++) {
      let sum: f32 = 0;
      for (let r = 0; r < count; r++) sum += load<f32>(at(weights, r)) * load<f32>(at(block, r * width + i));
      store<f32>(at(out, i), load<f32>(at(out, i)) + sum);
    }
  }
}

function addSixteen(x: usize, factors: usize, out: usize, rows: i32, width: i32): void {
  let a = f32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  for (let r = 0; r < rows; r++) {
    const factor = v128.load32_splat(at(factors, r));
    a = madd(factor, v128.load(x), a);
    b = madd(factor, v128.load(x, 16), b);
    c = madd(factor, v128.load(x, 32), c);
    d = madd(factor, v128.load(x, 48), d);
    x = at(x, width);
  }
  v128.store(out, f32x4.add(v128.load(out), a));
  v128.store(out, f32x4.add(v128.load(out, 16), b), 16);
  v128.store(out, f32x4.add(v128.load(out, 32), c), 32);
  v128.store(out, f32x4.add(v128.load(out, 48), d), 48);
}
