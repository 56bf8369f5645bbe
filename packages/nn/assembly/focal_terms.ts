// Focal loss of logits, each class for itself, for a group of four pixels (class_lanes.ts). With e the cross-entropy, p_t = e^-e and
// m = 1 - p_t: the factor is m^gamma, or, if there is a threshold, 1 where p_t is below it and (m / threshold)^gamma above; the
// loss is factor e (rise t + level).
//
// One exponential and two divisions where targets are 0 or 1 and gamma is 2; a logarithm and a second exponential for another
// gamma, two more of them for targets in between.

import { add, atVector } from "./class_lanes";
import { exp, log, logOnePlus } from "./elementary";
import { decay } from "./logistic";
import { at, madd } from "./simd";

// Vectors of a class behind a group: what `partsOf` finds.
const ENTROPY: i32 = 0;
const MISS: i32 = 1;
const HIT: i32 = 2;
const SLOPE: i32 = 3;

/** Writes e, m, p_t and the derivative of e by x. */
function partsOf(x: v128, t: v128, out: usize): void {
  const none = f32x4.splat(0);
  const one = f32x4.splat(1);
  const u = decay(x);
  const large = f32x4.div(one, f32x4.add(one, u));
  const small = f32x4.mul(u, large);
  const isUp = f32x4.ge(x, none);
  const p = v128.bitselect(large, small, isUp);
  const q = v128.bitselect(small, large, isUp);
  const softplus = f32x4.add(f32x4.pmax(f32x4.neg(x), none), logOnePlus(u));
  const e = madd(f32x4.sub(one, t), x, softplus);
  const isTrue = f32x4.eq(t, one);
  let miss = v128.bitselect(q, p, isTrue);
  let hit = v128.bitselect(p, q, isTrue);
  let slope = v128.bitselect(f32x4.neg(q), p, isTrue);
  const isHard = v128.or(isTrue, f32x4.eq(t, none));
  if (!i32x4.all_true(isHard)) {
    const between = exp(f32x4.neg(e));
    hit = v128.bitselect(hit, between, isHard);
    miss = v128.bitselect(miss, f32x4.sub(one, between), isHard);
    slope = v128.bitselect(slope, f32x4.sub(p, t), isHard);
  }
  v128.store(atVector(out, ENTROPY), e);
  v128.store(atVector(out, MISS), miss);
  v128.store(atVector(out, HIT), hit);
  v128.store(atVector(out, SLOPE), slope);
}

/** m^(gamma - 1), over threshold^gamma if there is one. */
// @ts-ignore: decorator
@inline
function lessOf(miss: v128, gamma: f32, threshold: f32): v128 {
  if (gamma == 2 && threshold <= 0) return miss;
  const power = f32x4.mul(log(miss), f32x4.splat(gamma - 1));
  if (threshold <= 0) return exp(power);
  return exp(f32x4.sub(power, f32x4.mul(log(f32x4.splat(threshold)), f32x4.splat(gamma))));
}

/** Sums per class: losses, factors, ones. */
export function focalTerms(
  group: usize,
  classes: i32,
  gamma: f32,
  rise: f32,
  level: f32,
  threshold: f32,
  sums: usize,
  parts: usize,
): void {
  const one = f32x4.splat(1);
  for (let c = 0; c < classes; c++) {
    const t = v128.load(atVector(group, classes + c));
    const counts = v128.load(atVector(group, 2 * classes + c));
    partsOf(v128.load(atVector(group, c)), t, parts);
    const miss = v128.load(atVector(parts, MISS));
    const full = f32x4.lt(v128.load(atVector(parts, HIT)), f32x4.splat(threshold));
    const factor = v128.bitselect(one, f32x4.mul(lessOf(miss, gamma, threshold), miss), full);
    const weight = madd(t, f32x4.splat(rise), f32x4.splat(level));
    const loss = f32x4.mul(f32x4.mul(factor, v128.load(atVector(parts, ENTROPY))), weight);
    add(atVector(sums, c), v128.and(loss, counts));
    add(atVector(sums, classes + c), v128.and(factor, counts));
    add(atVector(sums, 2 * classes + c), v128.and(one, counts));
  }
}

/** coefficients[0] times the derivative of the loss, and coefficients[1] times that of the factor, in place of the logits. */
export function focalSlopesOf(
  group: usize,
  classes: i32,
  gamma: f32,
  rise: f32,
  level: f32,
  threshold: f32,
  coefficients: usize,
  parts: usize,
): void {
  const one = f32x4.splat(1);
  for (let c = 0; c < classes; c++) {
    const t = v128.load(atVector(group, classes + c));
    partsOf(v128.load(atVector(group, c)), t, parts);
    const e = v128.load(atVector(parts, ENTROPY));
    const miss = v128.load(atVector(parts, MISS));
    const hit = v128.load(atVector(parts, HIT));
    const byE = v128.load(atVector(parts, SLOPE));
    const full = f32x4.lt(hit, f32x4.splat(threshold));
    const less = lessOf(miss, gamma, threshold);
    const rate = f32x4.mul(f32x4.mul(less, f32x4.splat(gamma)), f32x4.mul(hit, byE));
    const byFactor = v128.andnot(rate, full);
    const factor = v128.bitselect(one, f32x4.mul(less, miss), full);
    const weight = madd(t, f32x4.splat(rise), f32x4.splat(level));
    const slope = f32x4.mul(madd(byFactor, e, f32x4.mul(factor, byE)), weight);
    const through = f32x4.mul(byFactor, v128.load32_splat(at(coefficients, classes + c)));
    const whole = madd(slope, v128.load32_splat(at(coefficients, c)), through);
    v128.store(atVector(group, c), v128.and(whole, v128.load(atVector(group, 2 * classes + c))));
  }
}
