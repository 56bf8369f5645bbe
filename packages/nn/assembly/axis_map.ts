// Banded matrices applied to one axis of a tensor, or to rows and columns of an image: resizing, average pooling and padding, and
// their adjoints.
//
// Arithmetic: 2 FLOP a tap, two taps for a bilinear axis, for 4 bytes written and rows read from cache: bound by memory. Both axes
// at once keep what lies between them, a line of the image, in cache.

import { at, copy, madd, zero } from "./simd";

/**
 * y[o, i, :] = sum over k < counts[i] of weights[i][k] x[o, firsts[i] + k, :], with `inner` floats in the last place.
 * `weights` holds the rows' weights one after the other.
 */
export function mapAxis(
  x: usize,
  y: usize,
  outer: i32,
  inSize: i32,
  outSize: i32,
  inner: i32,
  firsts: usize,
  counts: usize,
  weights: usize,
): void {
  for (let o = 0; o < outer; o++) {
    let row = weights;
    for (let i = 0; i < outSize; i++) {
      const count = load<i32>(at(counts, i));
      const src = at(x, load<i32>(at(firsts, i)) * inner);
      if (count == 0) zero(y, inner);
      else if (count == 1 && load<f32>(row) == 1) copy(y, src, inner);
      else mixRows(src, y, inner, row, count);
      row = at(row, count);
      y = at(y, inner);
    }
    x = at(x, inSize * inner);
  }
}

/**
 * Rows, then columns, of one image: y[i, j, :] = sum over k, l of rowWeights[i][k] colWeights[j][l] x[rowFirsts[i] + k, colFirsts[j] + l, :]
 * for `outRows` rows of the result, from the first of the given row tables on. `mixed` has room for a line of x.
 */
export function mapImage(
  x: usize,
  y: usize,
  outRows: i32,
  inCols: i32,
  outCols: i32,
  channels: i32,
  rowFirsts: usize,
  rowCounts: usize,
  rowWeights: usize,
  colFirsts: usize,
  colCounts: usize,
  colWeights: usize,
  mixed: usize,
): void {
  const line = inCols * channels;
  for (let i = 0; i < outRows; i++) {
    const count = load<i32>(at(rowCounts, i));
    let source = at(x, load<i32>(at(rowFirsts, i)) * line);
    if (count != 1 || load<f32>(rowWeights) != 1) {
      if (count == 0) zero(mixed, line);
      else mixRows(source, mixed, line, rowWeights, count);
      source = mixed;
    }
    mapAxis(source, y, 1, inCols, outCols, channels, colFirsts, colCounts, colWeights);
    rowWeights = at(rowWeights, count);
    y = at(y, outCols * channels);
  }
}

/** y = sum of `count` rows of `inner` floats, weighted. */
function mixRows(src: usize, y: usize, inner: i32, weights: usize, count: i32): void {
  const rowBytes = (<usize>inner) << 2;
  let j = 0;
  if (count == 2) {
    const w = v128.load32_splat(weights);
    const v = v128.load32_splat(weights, 4);
    for (; j + 8 <= inner; j += 8) {
      const from = at(src, j);
      const to = at(y, j);
      v128.store(to, madd(v, v128.load(from + rowBytes), f32x4.mul(w, v128.load(from))));
      v128.store(to, madd(v, v128.load(from + rowBytes, 16), f32x4.mul(w, v128.load(from, 16))), 16);
    }
  }
  for (; j + 16 <= inner; j += 16) {
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    let from = at(src, j);
    for (let k = 0; k < count; k++) {
      const w = v128.load32_splat(at(weights, k));
      s0 = madd(w, v128.load(from), s0);
      s1 = madd(w, v128.load(from, 16), s1);
      s2 = madd(w, v128.load(from, 32), s2);
      s3 = madd(w, v128.load(from, 48), s3);
      from += rowBytes;
    }
    const to = at(y, j);
    v128.store(to, s0);
    v128.store(to, s1, 16);
    v128.store(to, s2, 32);
    v128.store(to, s3, 48);
  }
  for (; j + 4 <= inner; j += 4) {
    let s = f32x4.splat(0);
    let from = at(src, j);
    for (let k = 0; k < count; k++) {
      s = madd(v128.load32_splat(at(weights, k)), v128.load(from), s);
      from += rowBytes;
    }
    v128.store(at(y, j), s);
  }
  for (; j < inner; j++) {
    let s: f32 = 0;
    for (let k = 0; k < count; k++) s += load<f32>(at(weights, k)) * load<f32>(at(src, k * inner + j));
    store<f32>(at(y, j), s);
  }
}
