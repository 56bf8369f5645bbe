// Layer normalisation over the last axis (Ba et al. 2016), biased variance, two passes over centred values.
//
// Arithmetic: 8 FLOP a number forward and 18 backward, for 8 and 12 bytes to and from memory; a row stays in cache between its
// passes. Where the tensors stay in cache too, as a model's do, instructions bound it, not memory. Sixteen numbers go at once,
// with four sums side by side: a sum waits five cycles for the one before it. Measured on one core of Zen 1, 1370 x 384:
// 0.60 ns a number and 1.35 ns in the gradient (1.35 and 2.05 ns with four numbers at once; a copy takes 0.2 ns).

import { blockSum } from "./row_sums";
import { at, horizontalSum, madd, zero } from "./simd";

/** sum + (x - mean)^2. */
// @ts-ignore: decorator
@inline
function addSquare(x: v128, mean: v128, sum: v128): v128 {
  const centred = f32x4.sub(x, mean);
  return madd(centred, centred, sum);
}

/** 1 / sqrt(mean((x - mean)^2) + epsilon). */
function rowInverseStd(x: usize, mean: f32, width: i32, epsilon: f32): f32 {
  const means = f32x4.splat(mean);
  let a = f32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  let i = 0;
  for (; i + 16 <= width; i += 16) {
    const from = at(x, i);
    a = addSquare(v128.load(from), means, a);
    b = addSquare(v128.load(from, 16), means, b);
    c = addSquare(v128.load(from, 32), means, c);
    d = addSquare(v128.load(from, 48), means, d);
  }
  for (; i + 4 <= width; i += 4) a = addSquare(v128.load(at(x, i)), means, a);
  let sum = horizontalSum(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)));
  for (; i < width; i++) {
    const centred = load<f32>(at(x, i)) - mean;
    sum += centred * centred;
  }
  return <f32>1 / sqrt<f32>(sum / <f32>width + epsilon);
}

/** (x - mean) / std * gamma + beta. */
// @ts-ignore: decorator
@inline
function normed(x: v128, gamma: v128, beta: v128, mean: v128, inverse: v128): v128 {
  return madd(f32x4.mul(f32x4.sub(x, mean), inverse), gamma, beta);
}

/** y = (x - mean) / std * gamma + beta for `rows` rows of `width` floats. */
export function layerNorm(x: usize, gamma: usize, beta: usize, y: usize, rows: i32, width: i32, epsilon: f32): void {
  for (let r = 0; r < rows; r++) {
    const mean = blockSum(x, width) / <f32>width;
    normaliseRow(x, gamma, beta, y, width, mean, rowInverseStd(x, mean, width, epsilon));
    x = at(x, width);
    y = at(y, width);
  }
}

function normaliseRow(x: usize, gamma: usize, beta: usize, y: usize, width: i32, mean: f32, inverse: f32): void {
  const m = f32x4.splat(mean);
  const f = f32x4.splat(inverse);
  let i = 0;
  for (; i + 16 <= width; i += 16) {
    const from = at(x, i);
    const scale = at(gamma, i);
    const shift = at(beta, i);
    const to = at(y, i);
    v128.store(to, normed(v128.load(from), v128.load(scale), v128.load(shift), m, f));
    v128.store(to, normed(v128.load(from, 16), v128.load(scale, 16), v128.load(shift, 16), m, f), 16);
    v128.store(to, normed(v128.load(from, 32), v128.load(scale, 32), v128.load(shift, 32), m, f), 32);
    v128.store(to, normed(v128.load(from, 48), v128.load(scale, 48), v128.load(shift, 48), m, f), 48);
  }
  for (; i + 4 <= width; i += 4) {
    v128.store(at(y, i), normed(v128.load(at(x, i)), v128.load(at(gamma, i)), v128.load(at(beta, i)), m, f));
  }
  for (; i < width; i++) {
    const one = (load<f32>(at(x, i)) - mean) * inverse;
    store<f32>(at(y, i), one * load<f32>(at(gamma, i)) + load<f32>(at(beta, i)));
  }
}

/**
 * Gradients of `layerNorm`. With n the normalised row and g = dy gamma:
 * dx = (g - mean(g) - n mean(g n)) / std, dgamma = sum of dy n, dbeta = sum of dy over the rows.
 */
export function layerNormGrad(
  x: usize,
  gamma: usize,
  dy: usize,
  dx: usize,
  dGamma: usize,
  dBeta: usize,
  rows: i32,
  width: i32,
  epsilon: f32,
): void {
  zero(dGamma, width);
  zero(dBeta, width);
  for (let r = 0; r < rows; r++) {
    const mean = blockSum(x, width) / <f32>width;
    const inverse = rowInverseStd(x, mean, width, epsilon);
    const sums = rowSlopes(x, gamma, dy, dGamma, dBeta, width, mean, inverse);
    const level = f32x4.extract_lane(sums, 0) / <f32>width;
    const along = f32x4.extract_lane(sums, 1) / <f32>width;
    pullBackRow(x, gamma, dy, dx, width, mean, inverse, level, -inverse * inverse * along);
    x = at(x, width);
    dy = at(dy, width);
    dx = at(dx, width);
  }
}

/** The sums over a row of g and of g n, in the first two lanes; adds dy n and dy to dGamma and dBeta. */
function rowSlopes(
  x: usize,
  gamma: usize,
  dy: usize,
  dGamma: usize,
  dBeta: usize,
  width: i32,
  mean: f32,
  inverse: f32,
): v128 {
  const m = f32x4.splat(mean);
  const f = f32x4.splat(inverse);
  let sumA = f32x4.splat(0);
  let sumB = sumA;
  let alongA = sumA;
  let alongB = sumA;
  let i = 0;
  for (; i + 8 <= width; i += 8) {
    const from = at(x, i);
    const slopes = at(dy, i);
    const scale = at(gamma, i);
    const toGamma = at(dGamma, i);
    const toBeta = at(dBeta, i);
    let slope = v128.load(slopes);
    let normed = f32x4.mul(f32x4.sub(v128.load(from), m), f);
    let g = f32x4.mul(slope, v128.load(scale));
    sumA = f32x4.add(sumA, g);
    alongA = madd(g, normed, alongA);
    v128.store(toGamma, madd(slope, normed, v128.load(toGamma)));
    v128.store(toBeta, f32x4.add(slope, v128.load(toBeta)));
    slope = v128.load(slopes, 16);
    normed = f32x4.mul(f32x4.sub(v128.load(from, 16), m), f);
    g = f32x4.mul(slope, v128.load(scale, 16));
    sumB = f32x4.add(sumB, g);
    alongB = madd(g, normed, alongB);
    v128.store(toGamma, madd(slope, normed, v128.load(toGamma, 16)), 16);
    v128.store(toBeta, f32x4.add(slope, v128.load(toBeta, 16)), 16);
  }
  let sum = horizontalSum(f32x4.add(sumA, sumB));
  let along = horizontalSum(f32x4.add(alongA, alongB));
  for (; i < width; i++) {
    const slope = load<f32>(at(dy, i));
    const normed = (load<f32>(at(x, i)) - mean) * inverse;
    const g = slope * load<f32>(at(gamma, i));
    sum += g;
    along += g * normed;
    store<f32>(at(dGamma, i), load<f32>(at(dGamma, i)) + slope * normed);
    store<f32>(at(dBeta, i), load<f32>(at(dBeta, i)) + slope);
  }
  return f32x4.replace_lane(f32x4.splat(sum), 1, along);
}

/** (g - level) / std + (x - mean) bend. */
// @ts-ignore: decorator
@inline
function pulledBack(x: v128, gamma: v128, dy: v128, mean: v128, inverse: v128, bend: v128, level: v128): v128 {
  return madd(f32x4.sub(f32x4.mul(dy, gamma), level), inverse, f32x4.mul(f32x4.sub(x, mean), bend));
}

/** dx of a row: level = mean(g), bend = -mean(g n) / std^2. */
function pullBackRow(
  x: usize,
  gamma: usize,
  dy: usize,
  dx: usize,
  width: i32,
  mean: f32,
  inverse: f32,
  level: f32,
  bend: f32,
): void {
  const m = f32x4.splat(mean);
  const f = f32x4.splat(inverse);
  const b = f32x4.splat(bend);
  const l = f32x4.splat(level);
  let i = 0;
  for (; i + 16 <= width; i += 16) {
    const from = at(x, i);
    const scale = at(gamma, i);
    const slope = at(dy, i);
    const to = at(dx, i);
    v128.store(to, pulledBack(v128.load(from), v128.load(scale), v128.load(slope), m, f, b, l));
    v128.store(to, pulledBack(v128.load(from, 16), v128.load(scale, 16), v128.load(slope, 16), m, f, b, l), 16);
    v128.store(to, pulledBack(v128.load(from, 32), v128.load(scale, 32), v128.load(slope, 32), m, f, b, l), 32);
    v128.store(to, pulledBack(v128.load(from, 48), v128.load(scale, 48), v128.load(slope, 48), m, f, b, l), 48);
  }
  for (; i < width; i++) {
    const g = load<f32>(at(dy, i)) * load<f32>(at(gamma, i));
    store<f32>(at(dx, i), (g - level) * inverse + (load<f32>(at(x, i)) - mean) * bend);
  }
}
