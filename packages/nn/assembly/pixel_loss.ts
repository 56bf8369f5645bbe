// Losses that are functions of sums over pixels, from logits: one pass for the sums, one for the derivative. Binary
// cross-entropy, the sums that Dice, Jaccard and Tversky losses are made of, and soft counts of true and false pixels.
//
// Arithmetic: some 35 instructions and a division on four lanes for 8 bytes read (and 4 written): bound by arithmetic.
// Measured on one core of Zen 1, a pixel: cross-entropy 4.8 ns (its logarithm), the sums of regions 2.7, of counts 3.2;
// derivatives 2.6 (cross-entropy and regions) and 1.8 (counts).

import { logOnePlus } from "./elementary";
import { decay, largerSide, sigmoid, sigmoidOf } from "./logistic";
import { at, madd } from "./simd";

// Numbers added up in single precision before they join the total in double precision.
const BLOCK: i32 = 256;

// Sums go over whole vectors and then, lane 0 alone, over the rest: which of both is known where it is compiled, for a loop that asked
// at each vector takes half as long again. Derivatives go over two vectors side by side, which share their constants.

/** The label that does not count; NaN, which no label equals, where all do. */
// @ts-ignore: decorator
@inline
function skipped(hasIgnore: bool, ignored: f32): v128 {
  return f32x4.splat(hasIgnore ? ignored : f32.NaN);
}

/** All bits where the label counts; of a single pixel, in the first lane alone. */
// @ts-ignore: decorator
@inline
function countsOf(label: v128, skip: v128, isWhole: bool): v128 {
  const counts = f32x4.ne(label, skip);
  return isWhole ? counts : v128.and(counts, i32x4(-1, 0, 0, 0));
}

/** (1 - t) x + softplus(-x) (1 + t extra). */
// @ts-ignore: decorator
@inline
function entropy(x: v128, t: v128, extra: v128): v128 {
  const one = f32x4.splat(1);
  const softplus = f32x4.add(f32x4.pmax(f32x4.neg(x), f32x4.splat(0)), logOnePlus(decay(x)));
  return f32x4.add(f32x4.mul(f32x4.sub(one, t), x), f32x4.mul(softplus, madd(t, extra, one)));
}

/** p (1 - p) of a sigmoid p: the sides of `sigmoidOf` multiplied. */
// @ts-ignore: decorator
@inline
function slopeOf(u: v128, larger: v128): v128 {
  return f32x4.mul(f32x4.mul(u, larger), larger);
}

// @ts-ignore: decorator
@inline
function loadLanes(x: usize, i: i32, isWhole: bool): v128 {
  return isWhole ? v128.load(at(x, i)) : v128.load32_splat(at(x, i));
}

/** Adds the four lanes to a double. */
// @ts-ignore: decorator
@inline
function addLanes(sum: usize, lanes: v128): void {
  const left = <f64>f32x4.extract_lane(lanes, 0) + <f64>f32x4.extract_lane(lanes, 1);
  const right = <f64>f32x4.extract_lane(lanes, 2) + <f64>f32x4.extract_lane(lanes, 3);
  store<f64>(sum, load<f64>(sum) + left + right);
}

// @ts-ignore: decorator
@inline
function clear(sums: usize): void {
  v128.store(sums, i64x2.splat(0));
  v128.store(sums, i64x2.splat(0), 16);
}

/** sums = cross-entropy, pixels that count, 0, 0; doubles. Targets are moved to t (1 - 2 smooth) + smooth. */
export function bceSums(
  logits: usize,
  labels: usize,
  count: i32,
  hasIgnore: bool,
  ignored: f32,
  smooth: f32,
  posWeight: f32,
  sums: usize,
): void {
  clear(sums);
  addEntropies(logits, labels, 0, count & ~3, true, hasIgnore, ignored, smooth, posWeight, sums);
  addEntropies(logits, labels, count & ~3, count, false, hasIgnore, ignored, smooth, posWeight, sums);
}

// @ts-ignore: decorator
@inline
function addEntropies(
  logits: usize,
  labels: usize,
  from: i32,
  to: i32,
  isWhole: bool,
  hasIgnore: bool,
  ignored: f32,
  smooth: f32,
  posWeight: f32,
  sums: usize,
): void {
  const skip = skipped(hasIgnore, ignored);
  const extra = f32x4.splat(posWeight - 1);
  for (let first = from; first < to; first += BLOCK) {
    const end = min(first + BLOCK, to);
    let losses = f32x4.splat(0);
    let seen = losses;
    for (let i = first; i < end; i += isWhole ? 4 : 1) {
      const label = loadLanes(labels, i, isWhole);
      const counts = countsOf(label, skip, isWhole);
      const t = madd(label, f32x4.splat(1 - 2 * smooth), f32x4.splat(smooth));
      losses = f32x4.add(losses, v128.and(entropy(loadLanes(logits, i, isWhole), t, extra), counts));
      seen = f32x4.add(seen, v128.and(f32x4.splat(1), counts));
    }
    addLanes(sums, losses);
    addLanes(sums + 8, seen);
  }
}

/** sums = probabilities, |probability - label|, labels, pixels, over those that count; doubles. */
export function regionSums(
  logits: usize,
  labels: usize,
  count: i32,
  hasIgnore: bool,
  ignored: f32,
  sums: usize,
): void {
  clear(sums);
  addRegions(logits, labels, 0, count & ~7, true, hasIgnore, ignored, sums);
  addRegions(logits, labels, count & ~7, count, false, hasIgnore, ignored, sums);
}

// @ts-ignore: decorator
@inline
function addRegions(
  logits: usize,
  labels: usize,
  from: i32,
  to: i32,
  isWhole: bool,
  hasIgnore: bool,
  ignored: f32,
  sums: usize,
): void {
  const skip = skipped(hasIgnore, ignored);
  for (let first = from; first < to; first += BLOCK) {
    const end = min(first + BLOCK, to);
    let seen = f32x4.splat(0);
    let apart = seen;
    let truth = seen;
    let pixels = seen;
    for (let i = first; i < end; i += isWhole ? 8 : 1) {
      const label = loadLanes(labels, i, isWhole);
      const counts = countsOf(label, skip, isWhole);
      const p = v128.and(sigmoid(loadLanes(logits, i, isWhole)), counts);
      const t = v128.and(label, counts);
      seen = f32x4.add(seen, p);
      apart = f32x4.add(apart, f32x4.abs(f32x4.sub(p, t)));
      truth = f32x4.add(truth, t);
      pixels = f32x4.add(pixels, v128.and(f32x4.splat(1), counts));
      // A second vector beside it shares the constants.
      if (isWhole) {
        const nextLabel = v128.load(at(labels, i), 16);
        const nextCounts = countsOf(nextLabel, skip, true);
        const nextP = v128.and(sigmoid(v128.load(at(logits, i), 16)), nextCounts);
        const nextT = v128.and(nextLabel, nextCounts);
        seen = f32x4.add(seen, nextP);
        apart = f32x4.add(apart, f32x4.abs(f32x4.sub(nextP, nextT)));
        truth = f32x4.add(truth, nextT);
        pixels = f32x4.add(pixels, v128.and(f32x4.splat(1), nextCounts));
      }
    }
    addLanes(sums, seen);
    addLanes(sums + 8, apart);
    addLanes(sums + 16, truth);
    addLanes(sums + 24, pixels);
  }
}

/** sums = soft counts of true positives, false positives, false negatives and true negatives; doubles. */
export function countSums(
  logits: usize,
  labels: usize,
  count: i32,
  hasIgnore: bool,
  ignored: f32,
  sums: usize,
): void {
  clear(sums);
  addCounts(logits, labels, 0, count & ~3, true, hasIgnore, ignored, sums);
  addCounts(logits, labels, count & ~3, count, false, hasIgnore, ignored, sums);
}

// @ts-ignore: decorator
@inline
function addCounts(
  logits: usize,
  labels: usize,
  from: i32,
  to: i32,
  isWhole: bool,
  hasIgnore: bool,
  ignored: f32,
  sums: usize,
): void {
  const skip = skipped(hasIgnore, ignored);
  for (let first = from; first < to; first += BLOCK) {
    const end = min(first + BLOCK, to);
    let truePositives = f32x4.splat(0);
    let falsePositives = truePositives;
    let falseNegatives = truePositives;
    let trueNegatives = truePositives;
    for (let i = first; i < end; i += isWhole ? 4 : 1) {
      const x = loadLanes(logits, i, isWhole);
      const label = loadLanes(labels, i, isWhole);
      const counts = countsOf(label, skip, isWhole);
      const t = v128.and(label, counts);
      const other = f32x4.sub(v128.and(f32x4.splat(1), counts), t);
      const u = decay(x);
      const larger = largerSide(u);
      const p = sigmoidOf(x, u, larger, false);
      const q = sigmoidOf(x, u, larger, true);
      truePositives = madd(p, t, truePositives);
      falsePositives = madd(p, other, falsePositives);
      falseNegatives = madd(q, t, falseNegatives);
      trueNegatives = madd(q, other, trueNegatives);
    }
    addLanes(sums, truePositives);
    addLanes(sums + 8, falsePositives);
    addLanes(sums + 16, falseNegatives);
    addLanes(sums + 24, trueNegatives);
  }
}

// @ts-ignore: decorator
@inline
function bceSlope(x: v128, label: v128, skip: v128, smooth: f32, extra: v128, factor: v128): v128 {
  const t = madd(label, f32x4.splat(1 - 2 * smooth), f32x4.splat(smooth));
  const u = decay(x);
  const larger = largerSide(u);
  const plain = f32x4.sub(sigmoidOf(x, u, larger, false), t);
  const slope = f32x4.sub(plain, f32x4.mul(f32x4.mul(t, extra), sigmoidOf(x, u, larger, true)));
  return v128.and(f32x4.mul(slope, factor), f32x4.ne(label, skip));
}

/** dx = coefficients[0] (p - t - t extra (1 - p)) where the label counts, else 0. */
export function bceSlopes(
  logits: usize,
  labels: usize,
  dx: usize,
  count: i32,
  hasIgnore: bool,
  ignored: f32,
  smooth: f32,
  posWeight: f32,
  coefficients: usize,
): void {
  const skip = skipped(hasIgnore, ignored);
  const extra = f32x4.splat(posWeight - 1);
  const factor = v128.load32_splat(coefficients);
  let i = 0;
  for (; i + 8 <= count; i += 8) {
    const left = bceSlope(v128.load(at(logits, i)), v128.load(at(labels, i)), skip, smooth, extra, factor);
    const right = bceSlope(v128.load(at(logits, i), 16), v128.load(at(labels, i), 16), skip, smooth, extra, factor);
    v128.store(at(dx, i), left);
    v128.store(at(dx, i), right, 16);
  }
  for (; i < count; i++) {
    const one = bceSlope(v128.load32_splat(at(logits, i)), v128.load32_splat(at(labels, i)), skip, smooth, extra, factor);
    store<f32>(at(dx, i), f32x4.extract_lane(one, 0));
  }
}

// @ts-ignore: decorator
@inline
function regionSlope(x: v128, label: v128, skip: v128, byIntersection: v128, bySeen: v128): v128 {
  const half = f32x4.splat(0.5);
  const u = decay(x);
  const larger = largerSide(u);
  const p = sigmoidOf(x, u, larger, false);
  const rises = f32x4.add(v128.and(half, f32x4.le(p, label)), v128.and(half, f32x4.lt(p, label)));
  const slope = f32x4.mul(madd(rises, byIntersection, bySeen), slopeOf(u, larger));
  return v128.and(slope, f32x4.ne(label, skip));
}

/** dx = (coefficients[0] r + coefficients[1]) p (1 - p), r being 1 below the label, 0 above it and 1/2 on it. */
export function regionSlopes(
  logits: usize,
  labels: usize,
  dx: usize,
  count: i32,
  hasIgnore: bool,
  ignored: f32,
  coefficients: usize,
): void {
  const skip = skipped(hasIgnore, ignored);
  const byIntersection = v128.load32_splat(coefficients);
  const bySeen = v128.load32_splat(coefficients, 4);
  let i = 0;
  for (; i + 8 <= count; i += 8) {
    const left = regionSlope(v128.load(at(logits, i)), v128.load(at(labels, i)), skip, byIntersection, bySeen);
    const right = regionSlope(v128.load(at(logits, i), 16), v128.load(at(labels, i), 16), skip, byIntersection, bySeen);
    v128.store(at(dx, i), left);
    v128.store(at(dx, i), right, 16);
  }
  for (; i < count; i++) {
    const one = regionSlope(v128.load32_splat(at(logits, i)), v128.load32_splat(at(labels, i)), skip, byIntersection, bySeen);
    store<f32>(at(dx, i), f32x4.extract_lane(one, 0));
  }
}

// @ts-ignore: decorator
@inline
function countSlope(x: v128, label: v128, skip: v128, rise: v128, level: v128): v128 {
  const u = decay(x);
  const slope = f32x4.mul(madd(label, rise, level), slopeOf(u, largerSide(u)));
  return v128.and(slope, f32x4.ne(label, skip));
}

/** dx = (coefficients[0] t + coefficients[1]) p (1 - p) where the label counts, else 0. */
export function countSlopes(
  logits: usize,
  labels: usize,
  dx: usize,
  count: i32,
  hasIgnore: bool,
  ignored: f32,
  coefficients: usize,
): void {
  const skip = skipped(hasIgnore, ignored);
  const rise = v128.load32_splat(coefficients);
  const level = v128.load32_splat(coefficients, 4);
  let i = 0;
  for (; i + 8 <= count; i += 8) {
    const left = countSlope(v128.load(at(logits, i)), v128.load(at(labels, i)), skip, rise, level);
    const right = countSlope(v128.load(at(logits, i), 16), v128.load(at(labels, i), 16), skip, rise, level);
    v128.store(at(dx, i), left);
    v128.store(at(dx, i), right, 16);
  }
  for (; i < count; i++) {
    const one = countSlope(v128.load32_splat(at(logits, i)), v128.load32_splat(at(labels, i)), skip, rise, level);
    store<f32>(at(dx, i), f32x4.extract_lane(one, 0));
  }
}
