// Exponential, logarithm and normal distribution on four lanes.

import { madd } from "./simd";

/** 1.5 * 2^23: a float of this size has no fraction, so adding it rounds to a whole number, which its low bits then hold. */
const ROUNDER: f32 = 12582912;

/**
 * e^x, about 1 ulp; 0 below -87.3, clamped to e^88 above. `pmin` and `pmax` are one instruction each, unlike `min` and `max`, and
 * let a NaN through where it is the first operand.
 */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  const isTiny = f32x4.lt(x, f32x4.splat(-87.3));
  return v128.andnot(expInRange(f32x4.pmax(f32x4.pmin(x, f32x4.splat(88)), f32x4.splat(-87.3))), isTiny);
}

/**
 * e^x for -87.3 <= x <= 88.
 *
 * x = n log 2 + r with |r| <= log(2) / 2, log 2 in two parts (Cody and Waite); 2^n is built in the exponent bits. e^r is
 * 1 + r + r^2 q(r), q fitted by iteratively reweighted least squares on 8000 Chebyshev points, relative error 3e-9. The halves of q
 * are worked out side by side: what a loop waits for is the longest chain of operations, not their number.
 */
// @ts-ignore: decorator
@inline
export function expInRange(x: v128): v128 {
  const rounded = madd(x, f32x4.splat(1.4426950408889634), f32x4.splat(ROUNDER));
  const n = f32x4.sub(rounded, f32x4.splat(ROUNDER));
  // The first part of log 2 has few enough bits that n times it is exact.
  let r = madd(n, f32x4.splat(-0.693145751953125), x);
  r = madd(n, f32x4.splat(-1.4286068203094172e-6), r);
  const square = f32x4.mul(r, r);
  const low = madd(r, f32x4.splat(0.16666520631628645), f32x4.splat(0.4999999344777986));
  const high = madd(r, f32x4.splat(0.008368716887210748), f32x4.splat(0.041668388048639704));
  const q = madd(square, madd(square, f32x4.splat(0.0013814598485734977), high), low);
  const p = f32x4.add(f32x4.splat(1), madd(square, q, r));
  return f32x4.mul(p, i32x4.add(i32x4.shl(rounded, 23), i32x4.splat(127 << 23)));
}

/**
 * 2^x for x <= 0, about 1 ulp; 0 below -126.5: what a softmax takes once its numbers are differences to the largest.
 *
 * x = n + r with whole n and |r| <= 1/2. 2^r is a polynomial that is 1 at 0, fitted by iteratively reweighted least squares
 * on 4000 Chebyshev points; relative error 2e-9. At n = -127 the exponent bits, and so the result, are zero. A NaN
 * passes through.
 */
// @ts-ignore: decorator
@inline
export function exp2OfNegative(x: v128): v128 {
  const bounded = f32x4.pmax(x, f32x4.splat(-127));
  const rounded = f32x4.add(bounded, f32x4.splat(ROUNDER));
  const r = f32x4.sub(bounded, f32x4.sub(rounded, f32x4.splat(ROUNDER)));
  let p = f32x4.splat(0.000153533480277461);
  p = madd(p, r, f32x4.splat(0.0013398874983026957));
  p = madd(p, r, f32x4.splat(0.009618437417933761));
  p = madd(p, r, f32x4.splat(0.055503324694879744));
  p = madd(p, r, f32x4.splat(0.24022647912990483));
  p = madd(p, r, f32x4.splat(0.693147202855846));
  p = madd(p, r, f32x4.splat(1));
  return f32x4.mul(p, i32x4.add(i32x4.shl(rounded, 23), i32x4.splat(127 << 23)));
}

/** log(1 + u) for 0 <= u <= 1: 2 artanh(z), z = u / (2 + u) <= 1/3, by its series to z^15, pairs of terms side by side. */
// @ts-ignore: decorator
@inline
export function logOnePlus(u: v128): v128 {
  const z = f32x4.div(u, f32x4.add(u, f32x4.splat(2)));
  const square = f32x4.mul(z, z);
  const fourth = f32x4.mul(square, square);
  const a = madd(square, f32x4.splat(1.0 / 5.0), f32x4.splat(1.0 / 3.0));
  const b = madd(square, f32x4.splat(1.0 / 9.0), f32x4.splat(1.0 / 7.0));
  const c = madd(square, f32x4.splat(1.0 / 13.0), f32x4.splat(1.0 / 11.0));
  const high = madd(fourth, madd(fourth, f32x4.splat(1.0 / 15.0), c), b);
  const p = madd(square, madd(fourth, high, a), f32x4.splat(1));
  return f32x4.mul(f32x4.add(z, z), p);
}

/**
 * log(x) of normal x > 0, to 1 ulp of the larger of itself and log 2; about -88 for 0 and denormal numbers.
 *
 * x = 2^n f with 1 <= f < 2, log 2 in two parts as in `exp`.
 */
// @ts-ignore: decorator
@inline
export function log(x: v128): v128 {
  const n = f32x4.convert_i32x4_s(i32x4.sub(i32x4.shr_u(x, 23), i32x4.splat(127)));
  const fraction = v128.or(v128.and(x, i32x4.splat(0x007fffff)), f32x4.splat(1));
  const rest = madd(n, f32x4.splat(1.4286068203094172e-6), logOnePlus(f32x4.sub(fraction, f32x4.splat(1))));
  return madd(n, f32x4.splat(0.693145751953125), rest);
}

/**
 * e^(-z^2/2) for 0 <= z <= 15. The square's rounding error is carried along: it would be multiplied by the exponent.
 *
 * z = high + low with high^2 exact in f32; the rest of the exponent, d = -low (z + high) / 2, is below 0.06, and e^d is
 * its Taylor sum to d^3.
 */
// @ts-ignore: decorator
@inline
export function gaussian(z: v128): v128 {
  const high = v128.and(z, i32x4.splat(0xfffff000));
  const low = f32x4.sub(z, high);
  const first = exp(f32x4.mul(f32x4.mul(high, high), f32x4.splat(-0.5)));
  const d = f32x4.mul(f32x4.mul(low, f32x4.add(z, high)), f32x4.splat(-0.5));
  let rest = madd(d, f32x4.splat(1.0 / 6.0), f32x4.splat(0.5));
  rest = madd(rest, d, f32x4.splat(1));
  rest = madd(rest, d, f32x4.splat(1));
  return f32x4.mul(first, rest);
}

/**
 * Upper tail of the standard normal distribution over its Gaussian, e^(z^2/2) erfc(z/sqrt 2)/2, for z >= 0.
 *
 * A polynomial in t = 1/(1 + 0.3 z), fitted by iteratively reweighted least squares on 400 Chebyshev points of
 * z in [0, 13.5]; relative error below 1.3e-7.
 */
// @ts-ignore: decorator
@inline
export function scaledTail(z: v128): v128 {
  const one = f32x4.splat(1);
  const t = f32x4.div(one, madd(z, f32x4.splat(0.3), one));
  let p = f32x4.splat(0.0359324015009467);
  p = madd(p, t, f32x4.splat(-0.15827862903776202));
  p = madd(p, t, f32x4.splat(0.2082108595333933));
  p = madd(p, t, f32x4.splat(-0.055397493090837725));
  p = madd(p, t, f32x4.splat(0.12947098284239134));
  p = madd(p, t, f32x4.splat(0.09963699751993234));
  p = madd(p, t, f32x4.splat(0.12079843089745163));
  p = madd(p, t, f32x4.splat(0.11962638541856895));
  return f32x4.mul(p, t);
}
