// Scaled dot-product attention of one head, softmax(q k^T scale) v, a block of query rows at a time: the full matrix of
// weights is never stored, and the backward pass computes it again (after Dao et al., "FlashAttention", 2022).
//
// Rows of q, k, v and of the results lie `ld` floats apart, so that heads packed side by side need no copy.

import { DEPTH_BLOCK, EDGE_FLOATS, ROW_BLOCK } from "./gemm";
import { block } from "./micro";
import { packA, packB } from "./pack";
import { at } from "./simd";
import { exponentials, pullBackRow, scaleRow, softmaxRow } from "./softmax";

// @ts-ignore: decorator
@inline
function up8(n: i32): i32 {
  return (n + 7) & ~7;
}

function blockAFloats(width: i32): i32 {
  return ROW_BLOCK * max(DEPTH_BLOCK, width);
}

export function attentionScratchBytes(keys: i32, width: i32): i32 {
  const packed = width * up8(keys) + keys * up8(width);
  return (EDGE_FLOATS + blockAFloats(width) + packed + ROW_BLOCK * up8(keys) + ROW_BLOCK) << 2;
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
  const ldw = up8(keys);
  const packedA = at(scratch, EDGE_FLOATS);
  const packedK = at(packedA, blockAFloats(width));
  const packedV = at(packedK, width * ldw);
  const weights = at(packedV, keys * up8(width));
  const sums = at(weights, ROW_BLOCK * ldw);
  packB(k, 1, ld, width, keys, packedK);
  packRows(v, ld, keys, width, packedV);
  for (let i = 0; i < queries; i += ROW_BLOCK) {
    const rows = min(ROW_BLOCK, queries - i);
    packA(at(q, i * ld), ld, 1, rows, width, packedA);
    block(rows, keys, width, packedA, packedK, weights, ldw, false, scratch);
    for (let r = 0; r < rows; r++) store<f32>(at(sums, r), exponentials(at(weights, r * ldw), keys, scale));
    const results = at(out, i * ldOut);
    multiplyRows(weights, ldw, rows, keys, packedV, width, results, ldOut, packedA, scratch);
    // The sums divide the results, of which there are fewer than weights.
    for (let r = 0; r < rows; r++) scaleRow(at(results, r * ldOut), width, <f32>1 / load<f32>(at(sums, r)));
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
