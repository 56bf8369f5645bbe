// Cross-entropy and region losses over classes, for a group of four pixels (class_lanes.ts): the terms of their sums, and their
// derivatives by the logits.
//
// Each kind has up to three sums per class, vectors of four pixels in `sums`, and up to two coefficients per class.

import { add, atVector, exponentialsOf, softmaxOf, topOf } from "./class_lanes";
import { log } from "./elementary";
import { sigmoid } from "./logistic";
import { at, madd } from "./simd";

/** The weight of class c; `weights` 0 means none. */
// @ts-ignore: decorator
@inline
function weightOf(weights: usize, c: i32): v128 {
  return weights == 0 ? f32x4.splat(1) : v128.load32_splat(at(weights, c));
}

/** What cross-entropy wants of class c: w ((1 - s) t + s / K). */
// @ts-ignore: decorator
@inline
function wantedOf(group: usize, classes: i32, c: i32, weights: usize, smoothing: f32): v128 {
  const spread = f32x4.splat(smoothing / <f32>classes);
  const t = madd(v128.load(atVector(group, classes + c)), f32x4.splat(1 - smoothing), spread);
  return f32x4.mul(t, weightOf(weights, c));
}

/** Cross-entropy of a softmax: the loss, and the weights of the true classes, both in the first class. */
export function entropyTerms(group: usize, classes: i32, weights: usize, smoothing: f32, sums: usize): void {
  const top = topOf(group, classes);
  const counts = v128.load(atVector(group, 2 * classes));
  let off = f32x4.splat(0);
  let mass = off;
  let share = off;
  for (let c = 0; c < classes; c++) {
    const wanted = wantedOf(group, classes, c, weights, smoothing);
    mass = f32x4.add(mass, wanted);
    off = madd(wanted, f32x4.sub(top, v128.load(atVector(group, c))), off);
    share = madd(weightOf(weights, c), v128.load(atVector(group, classes + c)), share);
  }
  const spread = log(exponentialsOf(group, classes, top));
  add(sums, v128.and(madd(mass, spread, off), counts));
  add(atVector(sums, classes), share);
}

/** coefficient (mass softmax - wanted), in place of the logits. */
export function entropySlopes(
  group: usize,
  classes: i32,
  weights: usize,
  smoothing: f32,
  coefficients: usize,
): void {
  softmaxOf(group, classes);
  const factor = v128.and(v128.load32_splat(coefficients), v128.load(atVector(group, 2 * classes)));
  let mass = f32x4.splat(0);
  for (let c = 0; c < classes; c++) mass = f32x4.add(mass, wantedOf(group, classes, c, weights, smoothing));
  for (let c = 0; c < classes; c++) {
    const wanted = wantedOf(group, classes, c, weights, smoothing);
    const slope = f32x4.sub(f32x4.mul(v128.load(atVector(group, c)), mass), wanted);
    v128.store(atVector(group, c), f32x4.mul(slope, factor));
  }
}

/** Turns logits into probabilities: a softmax, or a sigmoid of each. */
function probabilitiesOf(group: usize, classes: i32, multilabel: bool): void {
  if (!multilabel) {
    softmaxOf(group, classes);
    return;
  }
  for (let c = 0; c < classes; c++) {
    const x = v128.load(atVector(group, c));
    v128.store(atVector(group, c), sigmoid(x));
  }
}

/** Of the pixels that count: probabilities, their distances from the targets, and targets. */
export function regionTerms(group: usize, classes: i32, multilabel: bool, sums: usize): void {
  probabilitiesOf(group, classes, multilabel);
  for (let c = 0; c < classes; c++) {
    const p = v128.and(v128.load(atVector(group, c)), v128.load(atVector(group, 2 * classes + c)));
    const t = v128.load(atVector(group, classes + c));
    add(atVector(sums, c), p);
    add(atVector(sums, classes + c), f32x4.abs(f32x4.sub(p, t)));
    add(atVector(sums, 2 * classes + c), t);
  }
}

/** By the probability: coefficients[0] r + coefficients[1], r being 1 below the target, 0 above it and 1/2 on it; by the logits. */
export function regionSlopesOf(group: usize, classes: i32, multilabel: bool, coefficients: usize): void {
  const half = f32x4.splat(0.5);
  const one = f32x4.splat(1);
  const slopes = atVector(group, classes);
  probabilitiesOf(group, classes, multilabel);
  let along = f32x4.splat(0);
  for (let c = 0; c < classes; c++) {
    const p = v128.load(atVector(group, c));
    const t = v128.load(atVector(slopes, c));
    const rises = f32x4.add(v128.and(half, f32x4.le(p, t)), v128.and(half, f32x4.lt(p, t)));
    const level = v128.load32_splat(at(coefficients, classes + c));
    const byP = madd(rises, v128.load32_splat(at(coefficients, c)), level);
    const slope = v128.and(byP, v128.load(atVector(group, 2 * classes + c)));
    v128.store(atVector(slopes, c), slope);
    along = madd(p, slope, along);
  }
  for (let c = 0; c < classes; c++) {
    const p = v128.load(atVector(group, c));
    const slope = v128.load(atVector(slopes, c));
    const centred = multilabel ? f32x4.mul(slope, f32x4.sub(one, p)) : f32x4.sub(slope, along);
    v128.store(atVector(group, c), f32x4.mul(p, centred));
  }
}
