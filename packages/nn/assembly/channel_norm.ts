// What batch and group normalisation do to every number, x being rows of channels [rows, channels]. A channel has a mean, a factor
// (gamma / std) and a shift (beta); channel_sums.ts has what these come from.
//
// Arithmetic, a number: 3 FLOP for 8 bytes forwards, 7 for 12 backwards: bound by memory. Measured on one core of Zen 1, 63,504 x
// 16 numbers: 0.9 ns a number, 8.5 GB/s; batch norm's whole gradient, sums included, 2.4 ns for 20 bytes. ReLU costs nothing in either: its slope
// is seen from the result, which is computed again by the same instructions, bit for bit.

import { at, madd } from "./simd";

/** (x - mean) factor + shift. */
// @ts-ignore: decorator
@inline
function normed(centred: v128, factor: v128, shift: v128): v128 {
  return madd(centred, factor, shift);
}

/** dy where ReLU lets it through: where the result is above `floor`, which is 0, or -Infinity for no ReLU at all. */
// @ts-ignore: decorator
@inline
export function passed(dy: v128, centred: v128, factor: v128, shift: v128, floor: v128): v128 {
  return v128.andnot(dy, f32x4.le(normed(centred, factor, shift), floor));
}

/** The result below which ReLU cuts. */
export function floorOf(relu: bool): f32 {
  return relu ? <f32>0 : -Infinity;
}

/** y = (x - means) factors + shifts, and ReLU if that is wanted. */
export function normalise(
  x: usize,
  y: usize,
  rows: i32,
  channels: i32,
  means: usize,
  factors: usize,
  shifts: usize,
  relu: bool,
): void {
  const floor = f32x4.splat(floorOf(relu));
  for (let r = 0; r < rows; r++) {
    let c = 0;
    for (; c + 4 <= channels; c += 4) {
      const centred = f32x4.sub(v128.load(at(x, c)), v128.load(at(means, c)));
      const y4 = normed(centred, v128.load(at(factors, c)), v128.load(at(shifts, c)));
      v128.store(at(y, c), f32x4.max(y4, floor));
    }
    for (; c < channels; c++) {
      const centred = f32x4.sub(v128.load32_splat(at(x, c)), v128.load32_splat(at(means, c)));
      const one = normed(centred, v128.load32_splat(at(factors, c)), v128.load32_splat(at(shifts, c)));
      v128.store32_lane(at(y, c), f32x4.max(one, floor), 0);
    }
    x = at(x, channels);
    y = at(y, channels);
  }
}

/**
 * dx = d factors + (x - means) along + level, d being what ReLU lets through of dy. The last two terms are what the mean and the
 * variance depend on x by; both rows are 0 where these are given numbers.
 */
export function pullBackNormalise(
  x: usize,
  dy: usize,
  dx: usize,
  rows: i32,
  channels: i32,
  means: usize,
  factors: usize,
  shifts: usize,
  along: usize,
  level: usize,
  relu: bool,
): void {
  const floor = f32x4.splat(floorOf(relu));
  for (let r = 0; r < rows; r++) {
    let c = 0;
    for (; c + 4 <= channels; c += 4) {
      const centred = f32x4.sub(v128.load(at(x, c)), v128.load(at(means, c)));
      const factor = v128.load(at(factors, c));
      const d = passed(v128.load(at(dy, c)), centred, factor, v128.load(at(shifts, c)), floor);
      const rest = madd(centred, v128.load(at(along, c)), v128.load(at(level, c)));
      v128.store(at(dx, c), madd(d, factor, rest));
    }
    for (; c < channels; c++) {
      const centred = f32x4.sub(v128.load32_splat(at(x, c)), v128.load32_splat(at(means, c)));
      const factor = v128.load32_splat(at(factors, c));
      const d = passed(v128.load32_splat(at(dy, c)), centred, factor, v128.load32_splat(at(shifts, c)), floor);
      const rest = madd(centred, v128.load32_splat(at(along, c)), v128.load32_splat(at(level, c)));
      v128.store32_lane(at(dx, c), madd(d, factor, rest), 0);
    }
    x = at(x, channels);
    dy = at(dy, channels);
    dx = at(dx, channels);
  }
}
