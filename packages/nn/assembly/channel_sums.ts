// Sums down rows of channels [rows, channels] that batch and group normalisation need: the moments of x, and the sums of slopes
// from which gradients come.
//
// Arithmetic, a number: moments 5 FLOP for 4 bytes, slopes 6 for 8: bound by memory, since a block of rows is small enough to
// stay in cache between its mean and its squares. Few channels go in strips down the rows (channel_strips.ts), many as the rows lie
// (channel_rows.ts). Measured on one core of Zen 1, beyond the cache: moments of 268,324 x 16 numbers 0.52 ns each, 7.7 GB/s, slopes
// 0.67 ns, 12 GB/s.
//
// Sums leave in double precision, block by block in single: long sums keep their digits, and parts of the rows, which
// threads sum apart, join as if they had been one.

import { floorOf } from "./channel_norm";
import { momentsOf, slopesOf } from "./channel_rows";
import { momentsOf16, slopesOf8 } from "./channel_strips";
import { at } from "./simd";

/** Floats of a block, which stays in cache while it is gone over twice, and its rows at least. */
const BLOCK_FLOATS: i32 = 3072;
const BLOCK_ROWS: i32 = 64;

// @ts-ignore: decorator
@inline
function rowsPerBlock(channels: i32): i32 {
  return max(BLOCK_ROWS, (BLOCK_FLOATS / channels) & ~3);
}

/** Whether strips of so many channels cover rows of at most `most`. */
// @ts-ignore: decorator
@inline
function isStrips(channels: i32, strip: i32, most: i32): bool {
  return channels <= most && channels % strip == 0;
}

/** Byte offset of double `index`. */
// @ts-ignore: decorator
@inline
function atDouble(base: usize, index: i32): usize {
  return base + ((<usize>index) << 3);
}

/** Two floats as doubles, or the only one left as the first. */
// @ts-ignore: decorator
@inline
function promoted(address: usize, two: bool): v128 {
  return f64x2.promote_low_f32x4(two ? v128.load64_zero(address) : v128.load32_zero(address));
}

// @ts-ignore: decorator
@inline
function doubles(address: usize, two: bool): v128 {
  return two ? v128.load(address) : v128.load64_zero(address);
}

// @ts-ignore: decorator
@inline
function putDoubles(address: usize, values: v128, two: bool): void {
  if (two) v128.store(address, values);
  else v128.store64_lane(address, values, 0);
}

/** Scratch of `moments` and `slopeSums`: three rows of channels. */
export function channelSumsScratchBytes(channels: i32): i32 {
  return 12 * channels;
}

/** `totals` gets doubles [2, channels]: the sums of x, and of the squares of x about its mean. */
export function moments(x: usize, rows: i32, channels: i32, totals: usize, scratch: usize): void {
  const step = rowsPerBlock(channels);
  memory.fill(totals, 0, <usize>channels << 4);
  for (let first = 0; first < rows; first += step) {
    const count = min(step, rows - first);
    const block = at(x, first * channels);
    if (isStrips(channels, 16, 32)) {
      for (let c = 0; c < channels; c += 16) momentsOf16(at(block, c), count, channels, at(scratch, c));
    } else {
      momentsOf(block, count, channels, scratch);
    }
    joinMoments(scratch, channels, <f64>first, <f64>count, totals);
  }
}

/**
 * Chan et al. 1979: the squares of two parts, of n and m numbers, add up with n m / (n + m) times the squared difference of
 * their means. A block comes as its mean, rounded, the sum of what is left beside it, and the squares of that, which gives
 * back what rounding took.
 */
function joinMoments(block: usize, channels: i32, before: f64, count: f64, totals: usize): void {
  const perBefore = before == 0 ? 0 : 1 / before;
  const weight = (before * count) / (before + count);
  let c = 0;
  for (; c + 2 <= channels; c += 2) joinSome(at(block, c), atDouble(totals, c), channels, perBefore, count, weight, true);
  if (c < channels) joinSome(at(block, c), atDouble(totals, c), channels, perBefore, count, weight, false);
}

/** Of two channels, or the last one. */
// @ts-ignore: decorator
@inline
function joinSome(
  block: usize,
  totals: usize,
  channels: i32,
  perBefore: f64,
  count: f64,
  weight: f64,
  two: bool,
): void {
  const perCount = f64x2.splat(1 / count);
  const left = promoted(at(block, channels), two);
  const mean = f64x2.add(promoted(block, two), f64x2.mul(left, perCount));
  const squares = f64x2.sub(promoted(at(block, 2 * channels), two), f64x2.mul(f64x2.mul(left, left), perCount));
  const soFar = doubles(totals, two);
  const apart = f64x2.sub(mean, f64x2.mul(soFar, f64x2.splat(perBefore)));
  const between = f64x2.mul(f64x2.splat(weight), f64x2.mul(apart, apart));
  const totalSquares = atDouble(totals, channels);
  putDoubles(totals, f64x2.add(soFar, f64x2.mul(mean, f64x2.splat(count))), two);
  putDoubles(totalSquares, f64x2.add(doubles(totalSquares, two), f64x2.add(squares, between)), two);
}

/**
 * `totals` gets doubles [2, channels]: the sums of d (x - means), and of d, which is what ReLU after (x - means) factors + shifts
 * lets through of dy.
 */
export function slopeSums(
  x: usize,
  dy: usize,
  rows: i32,
  channels: i32,
  means: usize,
  factors: usize,
  shifts: usize,
  relu: bool,
  totals: usize,
  scratch: usize,
): void {
  const step = rowsPerBlock(channels);
  const sums = at(scratch, channels);
  const floor = f32x4.splat(floorOf(relu));
  memory.fill(totals, 0, <usize>channels << 4);
  for (let first = 0; first < rows; first += step) {
    const count = min(step, rows - first);
    const skip = first * channels;
    if (isStrips(channels, 8, 64)) {
      for (let c = 0; c < channels; c += 8) {
        slopesOf8(at(x, skip + c), at(dy, skip + c), count, channels, at(means, c), at(factors, c), at(shifts, c), floor, at(scratch, c), at(sums, c));
      }
    } else {
      slopesOf(at(x, skip), at(dy, skip), count, channels, means, factors, shifts, floor, scratch);
    }
    for (let c = 0; c < 2 * channels; c += 2) {
      const total = atDouble(totals, c);
      v128.store(total, f64x2.add(v128.load(total), promoted(at(scratch, c), true)));
    }
  }
}
