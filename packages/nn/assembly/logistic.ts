// The logistic function on four lanes.

import { exp } from "./elementary";

/** e^-|x| */
// @ts-ignore: decorator
@inline
export function decay(x: v128): v128 {
  return exp(f32x4.neg(f32x4.abs(x)));
}

/** Sigmoid of x, or of -x; u = e^-|x|. Neither is a difference, so both keep their digits. */
// @ts-ignore: decorator
@inline
export function sigmoidOf(x: v128, u: v128, ofNegative: bool): v128 {
  const one = f32x4.splat(1);
  const isSmall = ofNegative ? f32x4.ge(x, f32x4.splat(0)) : f32x4.lt(x, f32x4.splat(0));
  return f32x4.div(v128.bitselect(u, one, isSmall), f32x4.add(one, u));
}
