// General matrix product, blocked for the caches after Goto & van de Geijn, "Anatomy of High-Performance Matrix
// Multiplication" (2008): a panel of B stays in the first-level cache, a block of A in the second.
//
// Arithmetic: 2 M N K FLOP; A is read and packed once per 1024 columns, B once, C read and written once per 384 steps of
// depth. A block of 96 rows does 192 FLOP for each float of B and 2 N for each of A, so memory is no bound: the bound is
// four lanes times the fused multiply-adds a core starts per cycle. Measured on one core of Zen 1, whose bound is 40 GFLOPS:
// 33 to 34 GFLOPS fused, 20 in plain SIMD, in every transposed form.

import { finish } from "./epilogue";
import { block } from "./micro";
import { packA, packB } from "./pack";
import { at } from "./simd";

export const DEPTH_BLOCK: i32 = 384;
export const ROW_BLOCK: i32 = 96;
export const COLUMN_BLOCK: i32 = 1024;

// Scratch, in floats: one edge tile, a block of A, a block of B.
export const EDGE_FLOATS: i32 = 48;
export const BLOCK_A_FLOATS: i32 = ROW_BLOCK * DEPTH_BLOCK;

// @ts-ignore: decorator
@inline
function up8(n: i32): i32 {
  return (n + 7) & ~7;
}

/** Bytes of scratch `gemm` needs for a product with `columns` columns. */
export function gemmScratchBytes(columns: i32): i32 {
  return (EDGE_FLOATS + BLOCK_A_FLOATS + DEPTH_BLOCK * up8(min(columns, COLUMN_BLOCK))) << 2;
}

/**
 * C[M x N] = activation(A[M x K] B[K x N] + bias), or C += A B with `add` (then without bias and activation).
 *
 * Element (i, k) of A is at `A + 4 (i aRow + k aDepth)`, element (k, j) of B at `B + 4 (k bDepth + j bColumn)`: a
 * transposed operand swaps its two strides. K >= 1.
 */
export function gemm(
  M: i32,
  N: i32,
  K: i32,
  A: usize,
  aRow: i32,
  aDepth: i32,
  B: usize,
  bDepth: i32,
  bColumn: i32,
  C: usize,
  ldc: i32,
  add: bool,
  bias: usize,
  activation: i32,
  scratch: usize,
): void {
  const packedA = at(scratch, EDGE_FLOATS);
  const packedB = at(packedA, BLOCK_A_FLOATS);
  for (let j = 0; j < N; j += COLUMN_BLOCK) {
    const columns = min(COLUMN_BLOCK, N - j);
    const biasHere = bias == 0 ? 0 : at(bias, j);
    for (let k = 0; k < K; k += DEPTH_BLOCK) {
      const depth = min(DEPTH_BLOCK, K - k);
      packB(at(B, k * bDepth + j * bColumn), bDepth, bColumn, depth, columns, packedB);
      for (let i = 0; i < M; i += ROW_BLOCK) {
        const rows = min(ROW_BLOCK, M - i);
        packA(at(A, i * aRow + k * aDepth), aRow, aDepth, rows, depth, packedA);
        const c = at(C, i * ldc + j);
        block(rows, columns, depth, packedA, packedB, c, ldc, add || k > 0, scratch);
        if (k + depth >= K) finish(c, ldc, rows, columns, biasHere, activation, 0, 0);
      }
    }
  }
}

// A product shared by several threads takes two steps: the right operand is packed once, then each thread multiplies some
// rows with it. A packed operand of `wide` columns (a multiple of 8) holds, for each block of depth, its panels side by
// side: columns [j, j + 8) of the block from step k on lie at `k wide + j depth` floats.

/** Packs columns [from, to) of B[K x N]; `from` is a multiple of 8, and `to` is one too or N. */
export function packRight(B: usize, bDepth: i32, bColumn: i32, K: i32, N: i32, from: i32, to: i32, out: usize): void {
  const wide = up8(N);
  for (let k = 0; k < K; k += DEPTH_BLOCK) {
    const depth = min(DEPTH_BLOCK, K - k);
    const target = at(out, k * wide + from * depth);
    packB(at(B, k * bDepth + from * bColumn), bDepth, bColumn, depth, to - from, target);
  }
}

/** Bytes of scratch `gemmPacked` needs. */
export function gemmPackedScratchBytes(): i32 {
  return (EDGE_FLOATS + BLOCK_A_FLOATS) << 2;
}

/**
 * C[M x N] = residual + gamma activation(A[M x K] B + bias) with columns [from, from + N) of a B that `packRight` packed
 * to `wide` columns. `A` is the first row's address, `C`, `bias`, `gamma` and `residual` those of the first column; the
 * last three may be 0. Rows of C and of the residual lie `ldc` floats apart.
 */
export function gemmPacked(
  M: i32,
  N: i32,
  K: i32,
  A: usize,
  aRow: i32,
  aDepth: i32,
  packed: usize,
  wide: i32,
  from: i32,
  C: usize,
  ldc: i32,
  bias: usize,
  activation: i32,
  gamma: usize,
  residual: usize,
  scratch: usize,
): void {
  const packedA = at(scratch, EDGE_FLOATS);
  for (let i = 0; i < M; i += ROW_BLOCK) {
    const rows = min(ROW_BLOCK, M - i);
    const c = at(C, i * ldc);
    for (let k = 0; k < K; k += DEPTH_BLOCK) {
      const depth = min(DEPTH_BLOCK, K - k);
      packA(at(A, i * aRow + k * aDepth), aRow, aDepth, rows, depth, packedA);
      block(rows, N, depth, packedA, at(packed, k * wide + from * depth), c, ldc, k > 0, scratch);
    }
    finish(c, ldc, rows, N, bias, activation, gamma, residual == 0 ? 0 : at(residual, i * ldc));
  }
}
