/** Bits of the constants' fractions, and of what is kept between the passes. */
const [constBits, passBits] = [13, 2];
const fix = (value: number): number => Math.round(value * 2 ** constBits);

const f0298 = fix(0.298631336);
const f0390 = fix(0.390180644);
const f0541 = fix(0.5411961);
const f0765 = fix(0.765366865);
const f0899 = fix(0.899976223);
const f1175 = fix(1.175875602);
const f1501 = fix(1.50132111);
const f1847 = fix(1.847759065);
const f1961 = fix(1.96157056);
const f2053 = fix(2.053119869);
const f2562 = fix(2.562915447);
const f3072 = fix(3.072711026);

const work = new Int32Array(64);

/**
 * Inverse cosine transform of one block with the integer arithmetic of libjpeg's accurate method, after Loeffler, Ligtenberg
 * and Moschytz, "Practical fast 1-D DCT algorithms with 11 multiplications" (1989): the same samples to the last bit.
 *
 * @param coefficients 64, row by row, dequantised
 * @param out samples 0 to 255, written at `start` in rows of `stride`
 */
export function inverseDct(coefficients: Int32Array, out: Uint8Array, start: number, stride: number): void {
  for (let col = 0; col < 8; col++) pass(coefficients, col, 8, work, col, 8, constBits - passBits);
  for (let row = 0; row < 8; row++) {
    pass(work, 8 * row, 1, work, 8 * row, 1, constBits + passBits + 3);
    for (let col = 0; col < 8; col++) {
      out[start + row * stride + col] = Math.min(Math.max(work[8 * row + col]! + 128, 0), 255);
    }
  }
}

/** One line of eight values, `step` apart; results are rounded and shifted right by `shift`. */
function pass(
  values: Int32Array,
  from: number,
  step: number,
  out: Int32Array,
  to: number,
  toStep: number,
  shift: number,
): void {
  const v = (index: number): number => values[from + index * step]!;
  // Even part.
  const even = (v(2) + v(6)) * f0541;
  const low = even - v(6) * f1847;
  const high = even + v(2) * f0765;
  const sum = (v(0) + v(4)) * 2 ** constBits;
  const difference = (v(0) - v(4)) * 2 ** constBits;
  const e0 = sum + high;
  const e3 = sum - high;
  const e1 = difference + low;
  const e2 = difference - low;
  // Odd part.
  const [a, b, c, d] = [v(7), v(5), v(3), v(1)];
  const z5 = (a + c + b + d) * f1175;
  const z1 = -(a + d) * f0899;
  const z2 = -(b + c) * f2562;
  const z3 = z5 - (a + c) * f1961;
  const z4 = z5 - (b + d) * f0390;
  const o0 = a * f0298 + z1 + z3;
  const o1 = b * f2053 + z2 + z4;
  const o2 = c * f3072 + z2 + z3;
  const o3 = d * f1501 + z1 + z4;
  const half = 2 ** (shift - 1);
  out[to] = (e0 + o3 + half) >> shift;
  out[to + 7 * toStep] = (e0 - o3 + half) >> shift;
  out[to + toStep] = (e1 + o2 + half) >> shift;
  out[to + 6 * toStep] = (e1 - o2 + half) >> shift;
  out[to + 2 * toStep] = (e2 + o1 + half) >> shift;
  out[to + 5 * toStep] = (e2 - o1 + half) >> shift;
  out[to + 3 * toStep] = (e3 + o0 + half) >> shift;
  out[to + 4 * toStep] = (e3 - o0 + half) >> shift;
}
