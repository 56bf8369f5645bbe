// What follows a product while its block is still in cache: bias, then an activation.

import { geluOf } from "./gelu";
import { at } from "./simd";

export const ACTIVATION_NONE: i32 = 0;
export const ACTIVATION_RELU: i32 = 1;
export const ACTIVATION_RELU6: i32 = 2;
export const ACTIVATION_GELU: i32 = 3;

// @ts-ignore: decorator
@inline
function activate(v: v128, activation: i32): v128 {
  if (activation == ACTIVATION_NONE) return v;
  if (activation == ACTIVATION_GELU) return geluOf(v);
  v = f32x4.max(v, f32x4.splat(0));
  return activation == ACTIVATION_RELU6 ? f32x4.min(v, f32x4.splat(6)) : v;
}

/** C = activation(C + bias) on a block; `bias` 0 means none, else it holds one float per column. */
export function finish(C: usize, ldc: i32, rows: i32, columns: i32, bias: usize, activation: i32): void {
  if (bias == 0 && activation == ACTIVATION_NONE) return;
  for (let i = 0; i < rows; i++) {
    const row = at(C, i * ldc);
    let j = 0;
    for (; j + 4 <= columns; j += 4) {
      let v = v128.load(at(row, j));
      if (bias != 0) v = f32x4.add(v, v128.load(at(bias, j)));
      v128.store(at(row, j), activate(v, activation));
    }
    for (; j < columns; j++) {
      let x = load<f32>(at(row, j));
      if (bias != 0) x += load<f32>(at(bias, j));
      store<f32>(at(row, j), f32x4.extract_lane(activate(f32x4.splat(x), activation), 0));
    }
  }
}
