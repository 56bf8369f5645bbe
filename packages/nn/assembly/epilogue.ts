// What follows a product while its block is still in cache: bias, activation, LayerScale, residual.

import { gelu } from "./gelu";
import { at } from "./simd";

export const ACTIVATION_NONE: i32 = 0;
export const ACTIVATION_RELU: i32 = 1;
export const ACTIVATION_RELU6: i32 = 2;
export const ACTIVATION_GELU: i32 = 3;

/** All but GELU. */
// @ts-ignore: decorator
@inline
function activate(v: v128, activation: i32): v128 {
  if (activation == ACTIVATION_NONE) return v;
  v = f32x4.pmax(v, f32x4.splat(0));
  return activation == ACTIVATION_RELU6 ? f32x4.pmin(v, f32x4.splat(6)) : v;
}

/** Four floats of a row at column `j`, finished as `finish` says. */
// @ts-ignore: decorator
@inline
function finishLanes(v: v128, j: i32, bias: usize, activation: i32, gamma: usize, residual: usize): v128 {
  if (bias != 0) v = f32x4.add(v, v128.load(at(bias, j)));
  v = activate(v, activation);
  if (gamma != 0) v = f32x4.mul(v, v128.load(at(gamma, j)));
  return residual == 0 ? v : f32x4.add(v128.load(at(residual, j)), v);
}

/**
 * C = residual + gamma activation(C + bias) on a block. `bias` and `gamma` hold one float per column, `residual` has rows
 * `ldc` floats apart as C has; each may be 0, which means none.
 */
export function finish(
  C: usize,
  ldc: i32,
  rows: i32,
  columns: i32,
  bias: usize,
  activation: i32,
  gamma: usize,
  residual: usize,
): void {
  if (activation == ACTIVATION_GELU) {
    // A row at a time, which stays in cache: GELU's own loop is faster than one that asks what else there is to do.
    finish(C, ldc, rows, columns, bias, ACTIVATION_NONE, 0, 0);
    for (let i = 0; i < rows; i++) gelu(at(C, i * ldc), at(C, i * ldc), columns);
    bias = 0;
    activation = ACTIVATION_NONE;
  }
  if (bias == 0 && activation == ACTIVATION_NONE && gamma == 0 && residual == 0) return;
  for (let i = 0; i < rows; i++) {
    const row = at(C, i * ldc);
    const shortcut = residual == 0 ? 0 : at(residual, i * ldc);
    let j = 0;
    for (; j + 4 <= columns; j += 4) {
      v128.store(at(row, j), finishLanes(v128.load(at(row, j)), j, bias, activation, gamma, shortcut));
    }
    for (; j < columns; j++) {
      let x = load<f32>(at(row, j));
      if (bias != 0) x += load<f32>(at(bias, j));
      x = f32x4.extract_lane(activate(f32x4.splat(x), activation), 0);
      if (gamma != 0) x *= load<f32>(at(gamma, j));
      store<f32>(at(row, j), shortcut == 0 ? x : load<f32>(at(shortcut, j)) + x);
    }
  }
}
