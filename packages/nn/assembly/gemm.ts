// General matrix product, blocked for the caches after Goto & van de Geijn, "Anatomy of High-Performance Matrix
// Multiplication" (2008): a panel of B stays in the first-level cache, a block of A in the second.

import { finish } from "./epilogue";
import { block } from "./micro";
import { packA, packB } from "./pack";
import { at } from "./simd";

export const DEPTH_BLOCK: i32 = 256;
export const ROW_BLOCK: i32 = 96;
export const COLUMN_BLOCK: i32 = 1024;

// Scratch, in floats: one edge tile, a block of A, a block of B.
export const EDGE_FLOATS: i32 = 32;
export const BLOCK_A_FLOATS: i32 = ROW_BLOCK * DEPTH_BLOCK;

/** Bytes of scratch `gemm` needs for a product with `columns` columns. */
export function gemmScratchBytes(columns: i32): i32 {
  const wide = (min(columns, COLUMN_BLOCK) + 7) & ~7;
  return (EDGE_FLOATS + BLOCK_A_FLOATS + DEPTH_BLOCK * wide) << 2;
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
    for (let k = 0; k < K; k += DEPTH_BLOCK) {
      const depth = min(DEPTH_BLOCK, K - k);
      packB(at(B, k * bDepth + j * bColumn), bDepth, bColumn, depth, columns, packedB);
      for (let i = 0; i < M; i += ROW_BLOCK) {
        const rows = min(ROW_BLOCK, M - i);
        packA(at(A, i * aRow + k * aDepth), aRow, aDepth, rows, depth, packedA);
        const c = at(C, i * ldc + j);
        block(rows, columns, depth, packedA, packedB, c, ldc, add || k > 0, scratch);
        if (k + depth >= K) finish(c, ldc, rows, columns, bias == 0 ? 0 : at(bias, j), activation);
      }
    }
  }
}
