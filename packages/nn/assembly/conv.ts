// Convolution as a matrix product [pixels x taps] [taps x outChannels] whose left operand is never built: the packing
// step reads the patches straight from the image, a few hundred floats at a time.
//
// Arithmetic: 2 pixels taps outChannels FLOP; every tap of every pixel is gathered once, 4 bytes for 2 outChannels FLOP. From
// some 16 output channels on it is bound by arithmetic, below that by gathering, and one channel fills one lane of eight.
// Measured on one core of Zen 1 (bound 40 GFLOPS): 30 GFLOPS with 32 channels out, 21 with 16, 1 with one.

import {
  ORIGIN_BYTES,
  dilationRows,
  filterColumns,
  filterRows,
  gatherRun,
  hasRow,
  inChannels,
  inColumns,
  isRunInside,
  outChannels,
  writeOrigins,
} from "./conv_geometry";
import { finish } from "./epilogue";
import { BLOCK_A_FLOATS, DEPTH_BLOCK, EDGE_FLOATS, ROW_BLOCK } from "./gemm";
import { block } from "./micro";
import { PANEL_ROWS, interleave6 } from "./pack";
import { at, zero } from "./simd";

const ORIGIN_FLOATS: i32 = (ROW_BLOCK * ORIGIN_BYTES) >> 2;

/** Bytes of scratch `convForward` needs for the geometry set last. */
export function convForwardScratchBytes(): i32 {
  return (EDGE_FLOATS + BLOCK_A_FLOATS + ORIGIN_FLOATS + 7 * filterColumns * inChannels) << 2;
}

/**
 * y = activation(conv(x, filter) + bias) for the output pixels [first, first + count) of the batch; `bias` 0 means none.
 *
 * `packedFilter` is the filter [taps x outChannels] as `packRight` packs it. A pixel's result does not depend on the range
 * that it is computed in.
 */
export function convForward(
  x: usize,
  packedFilter: usize,
  y: usize,
  bias: usize,
  activation: i32,
  first: i32,
  count: i32,
  scratch: usize,
): void {
  const run = filterColumns * inChannels;
  const taps = filterRows * run;
  const N = outChannels;
  const wide = (N + 7) & ~7;
  const packedA = at(scratch, EDGE_FLOATS);
  const origins = at(packedA, BLOCK_A_FLOATS);
  const runs = at(origins, ORIGIN_FLOATS);
  zero(runs, run);
  const end = first + count;
  for (let p = first; p < end; p += ROW_BLOCK) {
    const rows = min(ROW_BLOCK, end - p);
    const c = at(y, p * N);
    writeOrigins(x, p, rows, origins);
    for (let k = 0; k < taps; k += DEPTH_BLOCK) {
      const depth = min(DEPTH_BLOCK, taps - k);
      packPatches(origins, rows, k, k + depth, runs, packedA);
      block(rows, N, depth, packedA, at(packedFilter, k * wide), c, N, k > 0, scratch);
    }
    finish(c, N, rows, N, bias, activation, 0, 0);
  }
}

/**
 * Packs taps [from, to) of `rows` patches into panels of A. `runs` holds one run of zeros, then room for six runs.
 */
function packPatches(origins: usize, rows: i32, from: i32, to: i32, runs: usize, out: usize): void {
  const run = filterColumns * inChannels;
  const first = from / run;
  for (let i = 0; i < rows; i += PANEL_ROWS) {
    const last = rows - 1;
    const o0 = origins + <usize>(i * ORIGIN_BYTES);
    const o1 = origins + <usize>(min(i + 1, last) * ORIGIN_BYTES);
    const o2 = origins + <usize>(min(i + 2, last) * ORIGIN_BYTES);
    const o3 = origins + <usize>(min(i + 3, last) * ORIGIN_BYTES);
    const o4 = origins + <usize>(min(i + 4, last) * ORIGIN_BYTES);
    const o5 = origins + <usize>(min(i + 5, last) * ORIGIN_BYTES);
    for (let r = first; r * run < to; r++) {
      const low = max(from - r * run, 0);
      const high = min(to - r * run, run);
      const count = high - low;
      interleave6(
        findRun(o0, r, low, high, runs, 1),
        findRun(o1, r, low, high, runs, 2),
        findRun(o2, r, low, high, runs, 3),
        findRun(o3, r, low, high, runs, 4),
        findRun(o4, r, low, high, runs, 5),
        findRun(o5, r, low, high, runs, 6),
        count,
        out,
      );
      out = at(out, count * PANEL_ROWS);
    }
  }
}

/** Address of floats [low, high) of filter row `r`'s run: in the image, in the zeros, or gathered into slot `slot`. */
// @ts-ignore: decorator
@inline
function findRun(origin: usize, r: i32, low: i32, high: i32, runs: usize, slot: i32): usize {
  const row = load<i32>(origin, 4) + r * dilationRows;
  if (!hasRow(row)) return runs;
  const column = load<i32>(origin, 8);
  const base = at(load<usize>(origin), r * dilationRows * inColumns * inChannels);
  if (isRunInside(column)) return at(base, low);
  const target = at(runs, slot * filterColumns * inChannels);
  gatherRun(base, column, low, high, target);
  return target;
}
