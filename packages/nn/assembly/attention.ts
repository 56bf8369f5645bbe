// Scaled dot-product attention of one head, softmax(q k^T scale) v, a few queries at a time: the full matrix of weights is
// never stored, and the backward pass computes it again (after Dao et al., "FlashAttention", 2022).
//
// Rows of q, k, v and of the results lie `ld` floats apart, so that heads packed side by side need no copy.

import { exp2OfNegative } from "./elementary";
import { DEPTH_BLOCK, EDGE_FLOATS, ROW_BLOCK } from "./gemm";
import { block, tile } from "./micro";
import { PANEL_COLUMNS, PANEL_ROWS, packA, packB } from "./pack";
import { at } from "./simd";
import { pullBackRow, softmaxRow } from "./softmax";

// @ts-ignore: decorator
@inline
function up8(n: i32): i32 {
  return (n + 7) & ~7;
}

function blockAFloats(width: i32): i32 {
  return ROW_BLOCK * max(DEPTH_BLOCK, width);
}

// The forward pass takes eight queries at a time and works on transposes. The scores k q^T of one panel of queries come
// out of the tile kernel as [keys][8 queries], which is the panel of a right operand: after a softmax down the columns
// they are multiplied with v^T as they lie. Nothing is copied between the two products, and what is read again and again
// (k and v packed, one panel of weights) stays in the second-level cache up to about 1500 keys of width 64.
//
// Arithmetic per head: 4 queries keys width FLOP, keys width floats of k and v packed once per task, and 17 instructions
// for four exponentials. With 1370 tokens of width 64: 0.48 GFLOP against 0.7 MB, so bound by arithmetic. Measured on one
// core of Zen 1 (bound 40 GFLOPS): 28 GFLOPS fused, 16 in plain SIMD, exponentials included but not counted; the backward
// pass (10 queries keys width FLOP) 24 and 15.

/** The queries are scaled by this as well, so that the weights are powers of 2. */
const LOG2_E: f32 = 1.4426950408889634;

/** Queries of one panel. */
const PANEL: i32 = PANEL_COLUMNS;

// @ts-ignore: decorator
@inline
function upToPanel(n: i32): i32 {
  return ((n + PANEL_ROWS - 1) / PANEL_ROWS) * PANEL_ROWS;
}

export function attentionScratchBytes(keys: i32, width: i32): i32 {
  const packed = upToPanel(keys) * width + upToPanel(width) * keys;
  return (packed + PANEL * (width + upToPanel(keys) + upToPanel(width) + 1)) << 2;
}

/** out[queries x width] = softmax(q k^T scale) v with `keys` rows of k and v. */
export function attention(
  q: usize,
  k: usize,
  v: usize,
  out: usize,
  queries: i32,
  keys: i32,
  width: i32,
  ld: i32,
  ldOut: i32,
  scale: f32,
  scratch: usize,
): void {
  const packedK = scratch;
  const packedV = at(packedK, upToPanel(keys) * width);
  const packedQ = at(packedV, upToPanel(width) * keys);
  const weights = at(packedQ, PANEL * width);
  const results = at(weights, PANEL * upToPanel(keys));
  const sums = at(results, PANEL * upToPanel(width));
  packA(k, ld, 1, keys, width, packedK);
  packA(v, 1, ld, width, keys, packedV);
  for (let i = 0; i < queries; i += PANEL) {
    const columns = min(PANEL, queries - i);
    packB(at(q, i * ld), 1, ld, width, columns, packedQ);
    scaleBy(packedQ, PANEL * width, scale * LOG2_E);
    multiplyPanel(packedK, keys, width, packedQ, weights);
    softmaxColumns(weights, keys, sums);
    multiplyPanel(packedV, width, keys, weights, results);
    storeColumns(results, width, columns, sums, at(out, i * ldOut), ldOut);
  }
}

/** C[rows x 8] = A B for A packed by `packA` and B one panel; C has room for a multiple of `PANEL_ROWS` rows. */
function multiplyPanel(packedA: usize, rows: i32, depth: i32, panelB: usize, C: usize): void {
  for (let i = 0; i < rows; i += PANEL_ROWS) {
    tile(depth, at(packedA, i * depth), panelB, at(C, i * PANEL), PANEL << 2, false);
  }
}

/** x = factor x, `count` floats, a multiple of 4. */
function scaleBy(x: usize, count: i32, factor: f32): void {
  const factors = f32x4.splat(factor);
  for (let i = 0; i < count; i += 4) v128.store(at(x, i), f32x4.mul(v128.load(at(x, i)), factors));
}

/** x[rows x 8] = 2^(x - the column's largest), in place; the columns' sums go to `sums`. */
function softmaxColumns(x: usize, rows: i32, sums: usize): void {
  let top0 = f32x4.splat(-f32.MAX_VALUE);
  let top1 = top0;
  for (let r = 0, p = x; r < rows; r++, p += PANEL << 2) {
    top0 = f32x4.pmax(top0, v128.load(p));
    top1 = f32x4.pmax(top1, v128.load(p, 16));
  }
  let sum0 = f32x4.splat(0);
  let sum1 = sum0;
  for (let r = 0, p = x; r < rows; r++, p += PANEL << 2) {
    const e0 = exp2OfNegative(f32x4.sub(v128.load(p), top0));
    const e1 = exp2OfNegative(f32x4.sub(v128.load(p, 16), top1));
    v128.store(p, e0);
    v128.store(p, e1, 16);
    sum0 = f32x4.add(sum0, e0);
    sum1 = f32x4.add(sum1, e1);
  }
  v128.store(sums, sum0);
  v128.store(sums, sum1, 16);
}

/** out(j, w) = x(w, j) / sums(j) for the first `columns` of x[width x 8]: the sums divide results, the fewer numbers. */
function storeColumns(x: usize, width: i32, columns: i32, sums: usize, out: usize, ldOut: i32): void {
  for (let j = 0; j < columns; j++) {
    const inverse = <f32>1 / load<f32>(at(sums, j));
    const row = at(out, j * ldOut);
    for (let w = 0; w < width; w++) store<f32>(at(row, w), load<f32>(at(x, w * PANEL + j)) * inverse);
  }
}

/** Packs x [rows, width] as the right operand of a product over its rows, in panels `multiplyRows` reads. */
function packRows(x: usize, ld: i32, rows: i32, width: i32, out: usize): void {
  const wide = up8(width);
  for (let k = 0; k < rows; k += DEPTH_BLOCK) {
    packB(at(x, k * ld), ld, 1, min(DEPTH_BLOCK, rows - k), width, at(out, k * wide));
  }
}

/** C[rows x width] = weights[rows x depth] x, with x packed by `packRows`. */
function multiplyRows(
  weights: usize,
  ldw: i32,
  rows: i32,
  depth: i32,
  packed: usize,
  width: i32,
  C: usize,
  ldc: i32,
  packedA: usize,
  edge: usize,
): void {
  const wide = up8(width);
  for (let k = 0; k < depth; k += DEPTH_BLOCK) {
    const count = min(DEPTH_BLOCK, depth - k);
    packA(at(weights, k), ldw, 1, rows, count, packedA);
    block(rows, width, count, packedA, at(packed, k * wide), C, ldc, k > 0, edge);
  }
}

export function attentionGradScratchBytes(keys: i32, width: i32): i32 {
  const packed = 2 * width * up8(keys) + keys * up8(width) + ROW_BLOCK * up8(width);
  return (EDGE_FLOATS + blockAFloats(width) + packed + 2 * ROW_BLOCK * up8(keys)) << 2;
}

/**
 * Gradients of `attention`. With P the weights and S = q k^T scale:
 * dP = dOut v^T, dS = P (dP - rowsum(P dP)), dq = scale dS k, dk = scale dS^T q, dv = P^T dOut.
 * q, k, v, and dq, dk, dv have rows `ld` floats apart, dOut `ldOut`.
 */
export function attentionGrad(
  q: usize,
  k: usize,
  v: usize,
  dOut: usize,
  dq: usize,
  dk: usize,
  dv: usize,
  queries: i32,
  keys: i32,
  width: i32,
  ld: i32,
  ldOut: i32,
  scale: f32,
  scratch: usize,
): void {
  const ldw = up8(keys);
  const packedA = at(scratch, EDGE_FLOATS);
  const packedK = at(packedA, blockAFloats(width));
  const packedV = at(packedK, width * ldw);
  const packedKeyRows = at(packedV, width * ldw);
  const packedB = at(packedKeyRows, keys * up8(width));
  const weights = at(packedB, ROW_BLOCK * up8(width));
  const slopes = at(weights, ROW_BLOCK * ldw);
  packB(k, 1, ld, width, keys, packedK);
  packB(v, 1, ld, width, keys, packedV);
  packRows(k, ld, keys, width, packedKeyRows);
  for (let i = 0; i < queries; i += ROW_BLOCK) {
    const rows = min(ROW_BLOCK, queries - i);
    packA(at(q, i * ld), ld, 1, rows, width, packedA);
    block(rows, keys, width, packedA, packedK, weights, ldw, false, scratch);
    packA(at(dOut, i * ldOut), ldOut, 1, rows, width, packedA);
    block(rows, keys, width, packedA, packedV, slopes, ldw, false, scratch);
    for (let r = 0; r < rows; r++) {
      softmaxRow(at(weights, r * ldw), keys, scale);
      pullBackRow(at(weights, r * ldw), at(slopes, r * ldw), keys, scale);
    }
    multiplyRows(slopes, ldw, rows, keys, packedKeyRows, width, at(dq, i * ld), ld, packedA, scratch);
    packB(at(dOut, i * ldOut), ldOut, 1, rows, width, packedB);
    addTransposed(weights, ldw, keys, rows, packedB, width, dv, ld, i > 0, packedA, scratch);
    packB(at(q, i * ld), ld, 1, rows, width, packedB);
    addTransposed(slopes, ldw, keys, rows, packedB, width, dk, ld, i > 0, packedA, scratch);
  }
}

/** C[columns x width] (+)= weights[rows x columns]^T B, B packed. */
function addTransposed(
  weights: usize,
  ldw: i32,
  columns: i32,
  rows: i32,
  packedB: usize,
  width: i32,
  C: usize,
  ldc: i32,
  add: bool,
  packedA: usize,
  edge: usize,
): void {
  for (let j = 0; j < columns; j += ROW_BLOCK) {
    const count = min(ROW_BLOCK, columns - j);
    packA(at(weights, j), 1, ldw, count, rows, packedA);
    block(count, width, rows, packedA, packedB, at(C, j * ldc), ldc, add, edge);
  }
}
