// Layer normalisation over the last axis (Ba et al. 2016), biased variance, two passes over centred values.
//
// Arithmetic: 8 FLOP a number forward and 20 backward, for 8 and 16 bytes to and from memory: a row stays in cache between the
// passes, so it is bound by memory. Measured on one core of Zen 1:
// 1.4 ns a number and 2.2 ns in the gradient, 5.5 GB/s.

import { at, horizontalSum, madd, zero } from "./simd";

function rowMean(x: usize, width: i32): f32 {
  let sums = f32x4.splat(0);
  let i = 0;
  for (; i + 4 <= width; i += 4) sums = f32x4.add(sums, v128.load(at(x, i)));
  let sum = horizontalSum(sums);
  for (; i < width; i++) sum += load<f32>(at(x, i));
  return sum / <f32>width;
}

/** 1 / sqrt(mean((x - mean)^2) + epsilon). */
function rowInverseStd(x: usize, mean: f32, width: i32, epsilon: f32): f32 {
  const means = f32x4.splat(mean);
  let sums = f32x4.splat(0);
  let i = 0;
  for (; i + 4 <= width; i += 4) {
    const centred = f32x4.sub(v128.load(at(x, i)), means);
    sums = madd(centred, centred, sums);
  }
  let sum = horizontalSum(sums);
  for (; i < width; i++) {
    const centred = load<f32>(at(x, i)) - mean;
    sum += centred * centred;
  }
  return <f32>1 / sqrt<f32>(sum / <f32>width + epsilon);
}

/** y = (x - mean) / std * gamma + beta for `rows` rows of `width` floats. */
export function layerNorm(x: usize, gamma: usize, beta: usize, y: usize, rows: i32, width: i32, epsilon: f32): void {
  for (let r = 0; r < rows; r++) {
    const mean = rowMean(x, width);
    const inverse = rowInverseStd(x, mean, width, epsilon);
    const means = f32x4.splat(mean);
    const inverses = f32x4.splat(inverse);
    let i = 0;
    for (; i + 4 <= width; i += 4) {
      const normed = f32x4.mul(f32x4.sub(v128.load(at(x, i)), means), inverses);
      v128.store(at(y, i), madd(normed, v128.load(at(gamma, i)), v128.load(at(beta, i))));
    }
    for (; i < width; i++) {
      const normed = (load<f32>(at(x, i)) - mean) * inverse;
      store<f32>(at(y, i), normed * load<f32>(at(gamma, i)) + load<f32>(at(beta, i)));
    }
    x = at(x, width);
    y = at(y, width);
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
    const mean = rowMean(x, width);
    const inverse = rowInverseStd(x, mean, width, epsilon);
    rowGradient(x, gamma, dy, dx, dGamma, dBeta, width, mean, inverse);
    x = at(x, width);
    dy = at(dy, width);
    dx = at(dx, width);
  }
}

function rowGradient(
  x: usize,
  gamma: usize,
  dy: usize,
  dx: usize,
  dGamma: usize,
  dBeta: usize,
  width: i32,
  mean: f32,
  inverse: f32,
): void {
  const means = f32x4.splat(mean);
  const inverses = f32x4.splat(inverse);
  let sums = f32x4.splat(0);
  let alongs = f32x4.splat(0);
  let i = 0;
  for (; i + 4 <= width; i += 4) {
    const normed = f32x4.mul(f32x4.sub(v128.load(at(x, i)), means), inverses);
    const out = v128.load(at(dy, i));
    const g = f32x4.mul(out, v128.load(at(gamma, i)));
    sums = f32x4.add(sums, g);
    alongs = madd(g, normed, alongs);
    v128.store(at(dGamma, i), madd(out, normed, v128.load(at(dGamma, i))));
    v128.store(at(dBeta, i), f32x4.add(out, v128.load(at(dBeta, i))));
  }
  let sum = horizontalSum(sums);
  let along = horizontalSum(alongs);
  for (; i < width; i++) {
    const normed = (load<f32>(at(x, i)) - mean) * inverse;
    const out = load<f32>(at(dy, i));
    const g = out * load<f32>(at(gamma, i));
    sum += g;
    along += g * normed;
    store<f32>(at(dGamma, i), load<f32>(at(dGamma, i)) + out * normed);
    store<f32>(at(dBeta, i), load<f32>(at(dBeta, i)) + out);
  }
  sum /= <f32>width;
  along /= <f32>width;
  for (i = 0; i + 4 <= width; i += 4) {
    const normed = f32x4.mul(f32x4.sub(v128.load(at(x, i)), means), inverses);
    const g = f32x4.mul(v128.load(at(dy, i)), v128.load(at(gamma, i)));
    const rest = f32x4.sub(f32x4.sub(g, f32x4.splat(sum)), f32x4.mul(normed, f32x4.splat(along)));
    v128.store(at(dx, i), f32x4.mul(rest, inverses));
  }
  for (; i < width; i++) {
    const normed = (load<f32>(at(x, i)) - mean) * inverse;
    const g = load<f32>(at(dy, i)) * load<f32>(at(gamma, i));
    store<f32>(at(dx, i), (g - sum - normed * along) * inverse);
  }
}
