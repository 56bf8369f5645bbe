// The logistic function on four lanes.

import { expInRange } from "./elementary";

/** e^-|x|, not below 1.2e-38. */
// @ts-ignore: decorator
@inline
export function decay(x: v128): v128 {
  const negative = v128.or(x, i32x4.splat(0x80000000));
  return expInRange(f32x4.pmax(negative, f32x4.splat(-87.3)));
}

/** 1 / (1 + u), the share of the larger of both sides. */
// @ts-ignore: decorator
@inline
export function largerSide(u: v128): v128 {
  const one = f32x4.splat(1);
  return f32x4.div(one, f32x4.add(one, u));
}

/** Sigmoid of x, or of -x; u = e^-|x|, larger = `largerSide(u)`. Neither is a difference, so both keep their digits. */
// @ts-ignore: decorator
@inline
export function sigmoidOf(x: v128, u: v128, larger: v128, ofNegative: bool): v128 {
  const smaller = f32x4.mul(u, larger);
  const isSmaller = ofNegative ? f32x4.ge(x, f32x4.splat(0)) : f32x4.lt(x, f32x4.splat(0));
  return v128.bitselect(smaller, larger, isSmaller);
}

// @ts-ignore: decorator
@inline
export function sigmoid(x: v128): v128 {
  const u = decay(x);
  return sigmoidOf(x, u, largerSide(u), false);
}
