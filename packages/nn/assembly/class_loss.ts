// Losses over classes from logits [P, K]: one pass for sums per class, one for the derivative. Cross-entropy of a softmax, the sums
// that Dice, Jaccard and Tversky losses are made of, focal loss.
//
// Arithmetic, a vector of four logits: some 40 instructions and a share of two divisions for a softmax, 70 and two divisions for
// focal loss, for 16 to 32 bytes: bound by arithmetic. Four pixels go side by side, so that any number of classes fills the lanes.
// Measured on one core of Zen 1, a logit of four classes: cross-entropy 8.9 ns and 8.2 for the derivative, region 7.2 and 8.6, focal 14.8
// and 16.5.

import { atVector, loadGroup, storeGroup } from "./class_lanes";
import { entropySlopes, entropyTerms, regionSlopesOf, regionTerms } from "./class_terms";
import { focalSlopesOf, focalTerms } from "./focal_terms";
import { at, zero } from "./simd";

const ENTROPY: i32 = 0;
const REGION: i32 = 1;

/** Pixels that are added up in single precision before they join the total in double precision. */
const BLOCK: i32 = 256;

/** Scratch of `classSums` and `classSlopes`: a group, three vectors of sums per class, and four to spare. */
export function classLossScratchBytes(classes: i32): i32 {
  return 16 * (6 * classes + 4);
}

/**
 * `sums` gets doubles [3, classes], see class_terms.ts. `kind` is 0 cross-entropy, 1 region, 2 focal; a, b, c, d are the smoothing;
 * none; gamma, rise, level and threshold. `weights` 0 means none.
 */
export function classSums(
  logits: usize,
  labels: usize,
  pixels: i32,
  classes: i32,
  kind: i32,
  multilabel: bool,
  hasIgnore: bool,
  ignored: f32,
  a: f32,
  b: f32,
  c: f32,
  d: f32,
  weights: usize,
  sums: usize,
  scratch: usize,
): void {
  const lanes = atVector(scratch, 3 * classes);
  const parts = atVector(lanes, 3 * classes);
  const labelsEach = multilabel ? classes : 1;
  for (let i = 0; i < 3 * classes; i++) store<f64>(sums + ((<usize>i) << 3), 0);
  for (let first = 0; first < pixels; first += BLOCK) {
    const end = min(first + BLOCK, pixels);
    zero(lanes, 12 * classes);
    for (let p = first; p < end; p += 4) {
      const x = at(logits, p * classes);
      loadGroup(x, at(labels, p * labelsEach), min(4, end - p), classes, multilabel, hasIgnore, ignored, scratch);
      if (kind == ENTROPY) entropyTerms(scratch, classes, weights, a, lanes);
      else if (kind == REGION) regionTerms(scratch, classes, multilabel, lanes);
      else focalTerms(scratch, classes, a, b, c, d, lanes, parts);
    }
    for (let i = 0; i < 3 * classes; i++) {
      const place = sums + ((<usize>i) << 3);
      store<f64>(place, load<f64>(place) + sumOf(v128.load(atVector(lanes, i))));
    }
  }
}

// @ts-ignore: decorator
@inline
function sumOf(lanes: v128): f64 {
  return (
    <f64>f32x4.extract_lane(lanes, 0) +
    <f64>f32x4.extract_lane(lanes, 1) +
    (<f64>f32x4.extract_lane(lanes, 2) + <f64>f32x4.extract_lane(lanes, 3))
  );
}

/** dx, the derivative by the logits, from `coefficients` [2, classes]; 0 where a target does not count. */
export function classSlopes(
  logits: usize,
  labels: usize,
  dx: usize,
  pixels: i32,
  classes: i32,
  kind: i32,
  multilabel: bool,
  hasIgnore: bool,
  ignored: f32,
  a: f32,
  b: f32,
  c: f32,
  d: f32,
  weights: usize,
  coefficients: usize,
  scratch: usize,
): void {
  const labelsEach = multilabel ? classes : 1;
  const parts = atVector(scratch, 6 * classes);
  for (let p = 0; p < pixels; p += 4) {
    const rest = min(4, pixels - p);
    const x = at(logits, p * classes);
    loadGroup(x, at(labels, p * labelsEach), rest, classes, multilabel, hasIgnore, ignored, scratch);
    if (kind == ENTROPY) entropySlopes(scratch, classes, weights, a, coefficients);
    else if (kind == REGION) regionSlopesOf(scratch, classes, multilabel, coefficients);
    else focalSlopesOf(scratch, classes, a, b, c, d, coefficients, parts);
    storeGroup(scratch, at(dx, p * classes), rest, classes);
  }
}
