// Sums, differences, products and maxima of a tensor with another of its shape, with one row for all rows, or with one number.
//
// One FLOP for 8 to 12 bytes: bound by memory, some 5 to 10 GB/s a thread out of cache.

import { at } from "./simd";

const ADD: i32 = 0;
const SUBTRACT: i32 = 1;
const MULTIPLY: i32 = 2;
const MAXIMUM: i32 = 3;

// @ts-ignore: decorator
@inline
function combineLanes(a: v128, b: v128, operation: i32): v128 {
  if (operation == ADD) return f32x4.add(a, b);
  if (operation == SUBTRACT) return f32x4.sub(a, b);
  // Of a number and NaN it is NaN, whichever comes first.
  return operation == MULTIPLY ? f32x4.mul(a, b) : f32x4.max(a, b);
}

/** y = a op b over `count` floats; b moves by `step` floats for each of a: 1, or 0 for one number. */
// @ts-ignore: decorator
@inline
function combineRow(a: usize, b: usize, y: usize, count: i32, step: i32, operation: i32): void {
  let i = 0;
  if (step == 0) {
    const same = v128.load32_splat(b);
    for (; i + 4 <= count; i += 4) v128.store(at(y, i), combineLanes(v128.load(at(a, i)), same, operation));
  } else {
    for (; i + 4 <= count; i += 4) {
      v128.store(at(y, i), combineLanes(v128.load(at(a, i)), v128.load(at(b, i)), operation));
    }
  }
  for (; i < count; i++) {
    const lanes = combineLanes(v128.load32_splat(at(a, i)), v128.load32_splat(at(b, i * step)), operation);
    store<f32>(at(y, i), f32x4.extract_lane(lanes, 0));
  }
}

/**
 * y = a op b for `rows` rows of `width` floats, op being 0 +, 1 -, 2 *, 3 the larger one. Within a row b moves by `step` (0: one number), from
 * row to row it stays.
 */
export function combine(a: usize, b: usize, y: usize, rows: i32, width: i32, step: i32, operation: i32): void {
  for (let r = 0; r < rows; r++) {
    const skip = r * width;
    if (operation == ADD) combineRow(at(a, skip), b, at(y, skip), width, step, ADD);
    else if (operation == SUBTRACT) combineRow(at(a, skip), b, at(y, skip), width, step, SUBTRACT);
    else if (operation == MULTIPLY) combineRow(at(a, skip), b, at(y, skip), width, step, MULTIPLY);
    else combineRow(at(a, skip), b, at(y, skip), width, step, MAXIMUM);
  }
}
