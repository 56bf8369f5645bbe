// Four pixels side by side, class by class: what the losses over classes share. A group of scratch holds, in vectors of four
// pixels, K logits, K targets and K masks of what counts, one behind the other.

import { exp } from "./elementary";
import { at } from "./simd";

/** Byte offset of vector `index`. */
// @ts-ignore: decorator
@inline
export function atVector(base: usize, index: i32): usize {
  return base + ((<usize>index) << 4);
}

/** Adds four lanes to those at `place`. */
// @ts-ignore: decorator
@inline
export function add(place: usize, lanes: v128): void {
  v128.store(place, f32x4.add(v128.load(place), lanes));
}

/** Four floats `stride` floats apart; those from `rest` on are the last one again. */
// @ts-ignore: decorator
@inline
function gather(x: usize, stride: i32, rest: i32): v128 {
  let lanes = v128.load32_splat(x);
  lanes = v128.load32_lane(at(x, stride * min(1, rest - 1)), lanes, 1);
  lanes = v128.load32_lane(at(x, stride * min(2, rest - 1)), lanes, 2);
  return v128.load32_lane(at(x, stride * min(3, rest - 1)), lanes, 3);
}

/**
 * Gathers `rest` pixels, four at most. A label is a pixel's class number, and the target then 1 in that class; or, if
 * `multilabel`, the target itself, one per class. Targets that do not count are 0.
 */
export function loadGroup(
  logits: usize,
  labels: usize,
  rest: i32,
  classes: i32,
  multilabel: bool,
  hasIgnore: bool,
  ignored: f32,
  group: usize,
): void {
  const isPixel = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(rest));
  const one = f32x4.splat(1);
  loadLogits(logits, rest, classes, group);
  let label = gather(labels, multilabel ? classes : 1, rest);
  for (let c = 0; c < classes; c++) {
    if (multilabel) label = gather(at(labels, c), classes, rest);
    const counts = hasIgnore ? v128.and(f32x4.ne(label, f32x4.splat(ignored)), isPixel) : isPixel;
    const target = multilabel ? label : v128.and(one, f32x4.eq(label, f32x4.splat(<f32>c)));
    v128.store(atVector(group, classes + c), v128.and(target, counts));
    v128.store(atVector(group, 2 * classes + c), counts);
  }
}

/** Gathers the logits of `rest` pixels alone. */
export function loadLogits(logits: usize, rest: i32, classes: i32, group: usize): void {
  for (let c = 0; c < classes; c++) v128.store(atVector(group, c), gather(at(logits, c), classes, rest));
}

/** Writes the slopes of `rest` pixels, one vector per class in `lanes`, to dx. */
export function storeGroup(lanes: usize, dx: usize, rest: i32, classes: i32): void {
  for (let c = 0; c < classes; c++) {
    const slopes = v128.load(atVector(lanes, c));
    v128.store32_lane(at(dx, c), slopes, 0);
    if (rest > 1) v128.store32_lane(at(dx, classes + c), slopes, 1);
    if (rest > 2) v128.store32_lane(at(dx, 2 * classes + c), slopes, 2);
    if (rest > 3) v128.store32_lane(at(dx, 3 * classes + c), slopes, 3);
  }
}

/** Largest logit of each pixel. */
// @ts-ignore: decorator
@inline
export function topOf(group: usize, classes: i32): v128 {
  let top = v128.load(group);
  for (let c = 1; c < classes; c++) top = f32x4.max(top, v128.load(atVector(group, c)));
  return top;
}

/** Turns the logits of each pixel into e^(x - top); gives their sum. */
// @ts-ignore: decorator
@inline
export function exponentialsOf(group: usize, classes: i32, top: v128): v128 {
  let sum = f32x4.splat(0);
  for (let c = 0; c < classes; c++) {
    const e = exp(f32x4.sub(v128.load(atVector(group, c)), top));
    v128.store(atVector(group, c), e);
    sum = f32x4.add(sum, e);
  }
  return sum;
}

/** Turns the logits of each pixel into their softmax. */
export function softmaxOf(group: usize, classes: i32): void {
  const share = f32x4.div(f32x4.splat(1), exponentialsOf(group, classes, topOf(group, classes)));
  for (let c = 0; c < classes; c++) {
    v128.store(atVector(group, c), f32x4.mul(v128.load(atVector(group, c)), share));
  }
}
