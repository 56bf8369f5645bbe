// Gradients of a convolution, again as matrix products over patches that are never stored as a whole.
//
// Arithmetic: the forward pass's FLOP for each of both. The filter's gradient gathers the patches as the forward pass does; the
// input's, where strides rule out a convolution with the flipped filter, also adds each patch to the image: 8 bytes for
// 2 outChannels FLOP. Measured on one core of Zen 1 (bound 40 GFLOPS): the filter's 23 to 30 GFLOPS, 31 with strides.

import {
  ORIGIN_BYTES,
  dilationColumns,
  dilationRows,
  filterColumns,
  filterRows,
  gatherRun,
  hasColumn,
  hasRow,
  inChannels,
  inColumns,
  inRows,
  isRunInside,
  outChannels,
  outColumns,
  outRows,
  padTop,
  strideRows,
  writeOrigins,
} from "./conv_geometry";
import { BLOCK_A_FLOATS, EDGE_FLOATS, ROW_BLOCK, gemm, gemmScratchBytes } from "./gemm";
import { block } from "./micro";
import { PANEL_ROWS, packB } from "./pack";
import { accumulate, at, copy, zero } from "./simd";

// Pixels per step of the filter's gradient. Not a power of two: the panels written side by side by `packRuns` would
// otherwise all fall on the same lines of the first-level cache.
const PIXEL_BLOCK: i32 = 248;
const ORIGIN_FLOATS: i32 = (PIXEL_BLOCK * ORIGIN_BYTES) >> 2;

export function convBackwardFilterScratchBytes(): i32 {
  const run = filterColumns * inChannels;
  const wide = (outChannels + 7) & ~7;
  return (EDGE_FLOATS + BLOCK_A_FLOATS + ORIGIN_FLOATS + ((run + 3) & ~3) + PIXEL_BLOCK * wide) << 2;
}

/**
 * dFilter[taps x outChannels] = patches^T dy, summed over the output pixels [first, first + count) of the batch. Sums over
 * several ranges are added up by the caller.
 */
export function convBackwardFilter(x: usize, dy: usize, dFilter: usize, first: i32, count: i32, scratch: usize): void {
  const run = filterColumns * inChannels;
  const N = outChannels;
  const packedA = at(scratch, EDGE_FLOATS);
  const origins = at(packedA, BLOCK_A_FLOATS);
  const spare = at(origins, ORIGIN_FLOATS);
  const packedB = at(spare, (run + 3) & ~3);
  const end = first + count;
  for (let p = first; p < end; p += PIXEL_BLOCK) {
    const depth = min(PIXEL_BLOCK, end - p);
    writeOrigins(x, p, depth, origins);
    packB(at(dy, p * N), N, 1, depth, N, packedB);
    for (let r = 0; r < filterRows; r++) {
      for (let m = 0; m < run; m += ROW_BLOCK) {
        const rows = min(ROW_BLOCK, run - m);
        packRuns(origins, depth, r, m, m + rows, spare, packedA);
        block(rows, N, depth, packedA, packedB, at(dFilter, (r * run + m) * N), N, p > first, scratch);
      }
    }
  }
}

/** Packs floats [from, to) of filter row `r`'s run of each of `depth` patches: panel g holds [pixel][6 floats]. */
function packRuns(origins: usize, depth: i32, r: i32, from: i32, to: i32, spare: usize, out: usize): void {
  const count = to - from;
  const panelBytes = at(0, depth * PANEL_ROWS);
  for (let k = 0; k < depth; k++) {
    const origin = origins + <usize>(k * ORIGIN_BYTES);
    const column = load<i32>(origin, 8);
    let src = at(load<usize>(origin), r * dilationRows * inColumns * inChannels);
    if (!hasRow(load<i32>(origin, 4) + r * dilationRows)) {
      zero(spare, count);
      src = spare;
    } else if (isRunInside(column)) {
      src = at(src, from);
    } else {
      gatherRun(src, column, from, to, spare);
      src = spare;
    }
    let target = at(out, k * PANEL_ROWS);
    let i = 0;
    for (; i + PANEL_ROWS <= count; i += PANEL_ROWS) {
      v128.store(target, v128.load(at(src, i)));
      store<u64>(target, load<u64>(at(src, i), 16), 16);
      target += panelBytes;
    }
    if (i < count) copy(target, at(src, i), count - i);
  }
}

/** dst[taps^T]: [rows, columns, C, O] -> [rows, columns, O, C] with both spatial axes reversed. */
export function flipFilter(filter: usize, kernelRows: i32, kernelColumns: i32, C: i32, O: i32, out: usize): void {
  const count = kernelRows * kernelColumns;
  for (let t = 0; t < count; t++) {
    const src = at(filter, (count - 1 - t) * C * O);
    const dst = at(out, t * C * O);
    for (let o = 0; o < O; o++) {
      for (let c = 0; c < C; c++) store<f32>(at(dst, o * C + c), load<f32>(at(src, c * O + o)));
    }
  }
}

/** Output pixels whose patches' gradients are held at once, about a megabyte of them. */
function patchBlock(): i32 {
  return max(16, min(1024, (1 << 18) / (filterRows * filterColumns * inChannels)));
}

export function convBackwardInputScratchBytes(): i32 {
  const taps = filterRows * filterColumns * inChannels;
  const origins = patchBlock() * ORIGIN_BYTES;
  return gemmScratchBytes(taps) + ((patchBlock() * taps) << 2) + origins;
}

/**
 * Rows [fromRow, toRow) of one image of dx = the patches' gradients dy filter^T, added up where patches overlap.
 *
 * Any stride and dilation; for stride 1 a convolution with the flipped filter is faster. Each range of rows computes all
 * patches that reach into it, in the same order: the result does not depend on the ranges.
 */
export function convBackwardInput(
  dy: usize,
  filter: usize,
  dx: usize,
  image: i32,
  fromRow: i32,
  toRow: i32,
  scratch: usize,
): void {
  const taps = filterRows * filterColumns * inChannels;
  const N = outChannels;
  const step = patchBlock();
  const patches = scratch + <usize>gemmScratchBytes(taps);
  const origins = at(patches, step * taps);
  const reach = (filterRows - 1) * dilationRows;
  zero(at(dx, (image * inRows + fromRow) * inColumns * inChannels), (toRow - fromRow) * inColumns * inChannels);
  // Patches from output row o cover input rows o stride - pad to that + reach.
  const firstRow = max(0, (fromRow + padTop - reach + strideRows - 1) / strideRows);
  const endRow = min(outRows, (toRow - 1 + padTop) / strideRows + 1);
  const end = (image * outRows + endRow) * outColumns;
  for (let p = (image * outRows + firstRow) * outColumns; p < end; p += step) {
    const rows = min(step, end - p);
    gemm(rows, taps, N, at(dy, p * N), N, 1, filter, 1, N, patches, taps, false, 0, 0, scratch);
    writeOrigins(dx, p, rows, origins);
    for (let i = 0; i < rows; i++) {
      scatterPatch(origins + <usize>(i * ORIGIN_BYTES), at(patches, i * taps), fromRow, toRow);
    }
  }
}

/** Adds one patch to the rows [fromRow, toRow) of the image at its origin; what lies outside is dropped. */
function scatterPatch(origin: usize, patch: usize, fromRow: i32, toRow: i32): void {
  const column = load<i32>(origin, 8);
  const run = filterColumns * inChannels;
  for (let r = 0; r < filterRows; r++) {
    const row = load<i32>(origin, 4) + r * dilationRows;
    if (row < fromRow || row >= toRow) continue;
    const base = at(load<usize>(origin), r * dilationRows * inColumns * inChannels);
    const src = at(patch, r * run);
    if (isRunInside(column)) {
      accumulate(base, src, run);
      continue;
    }
    for (let s = 0; s < filterColumns; s++) {
      if (!hasColumn(column + s * dilationColumns)) continue;
      accumulate(at(base, s * dilationColumns * inChannels), at(src, s * inChannels), inChannels);
    }
  }
}
