// Softmax of rows, stable: the largest value is taken off first.

import { exp } from "./elementary";
import { at, horizontalMax, horizontalSum } from "./simd";

/** x = softmax(scale x) in place. */
export function softmaxRow(x: usize, count: i32, scale: f32): void {
  const top = scaleAndFindMax(x, count, scale);
  const tops = f32x4.splat(top);
  let sums = f32x4.splat(0);
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    const e = exp(f32x4.sub(v128.load(at(x, i)), tops));
    v128.store(at(x, i), e);
    sums = f32x4.add(sums, e);
  }
  let sum = horizontalSum(sums);
  for (; i < count; i++) {
    const e = f32x4.extract_lane(exp(f32x4.splat(load<f32>(at(x, i)) - top)), 0);
    store<f32>(at(x, i), e);
    sum += e;
  }
  const inverse = <f32>1 / sum;
  for (i = 0; i + 4 <= count; i += 4) {
    v128.store(at(x, i), f32x4.mul(v128.load(at(x, i)), f32x4.splat(inverse)));
  }
  for (; i < count; i++) store<f32>(at(x, i), load<f32>(at(x, i)) * inverse);
}

function scaleAndFindMax(x: usize, count: i32, scale: f32): f32 {
  let tops = f32x4.splat(-f32.MAX_VALUE);
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    const scaled = f32x4.mul(v128.load(at(x, i)), f32x4.splat(scale));
    v128.store(at(x, i), scaled);
    tops = f32x4.max(tops, scaled);
  }
  let top = horizontalMax(tops);
  for (; i < count; i++) {
    const scaled = load<f32>(at(x, i)) * scale;
    store<f32>(at(x, i), scaled);
    top = max(top, scaled);
  }
  return top;
}
