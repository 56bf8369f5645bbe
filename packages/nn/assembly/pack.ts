// Packing: the operands of a product are copied, block by block, into the order in which the micro kernel reads them.
// A transposed operand costs nothing extra: only the reading pattern differs.
//
// A panel of A holds 4 rows:    [k][4 rows].
// A panel of B holds 8 columns: [k][8 columns].
// A last panel that is not full repeats the last row or column; the micro kernel's result there is dropped.

import { at } from "./simd";

export const PANEL_ROWS: i32 = 4;
export const PANEL_COLUMNS: i32 = 8;

/**
 * Interleaves four runs of `count` floats: out[k * stride + r] = run_r[k].
 * `strideBytes` is 16 for a panel of A and 32 for one half of a panel of B.
 */
export function interleave4(
  r0: usize,
  r1: usize,
  r2: usize,
  r3: usize,
  count: i32,
  out: usize,
  strideBytes: usize,
): void {
  let k = 0;
  for (; k + 4 <= count; k += 4) {
    const a = v128.load(r0);
    const b = v128.load(r1);
    const c = v128.load(r2);
    const d = v128.load(r3);
    const abLow = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
    const cdLow = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
    const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
    const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
    v128.store(out, v128.shuffle<f64>(abLow, cdLow, 0, 2));
    v128.store(out + strideBytes, v128.shuffle<f64>(abLow, cdLow, 1, 3));
    v128.store(out + 2 * strideBytes, v128.shuffle<f64>(abHigh, cdHigh, 0, 2));
    v128.store(out + 3 * strideBytes, v128.shuffle<f64>(abHigh, cdHigh, 1, 3));
    out += 4 * strideBytes;
    r0 += 16;
    r1 += 16;
    r2 += 16;
    r3 += 16;
  }
  for (; k < count; k++) {
    store<f32>(out, load<f32>(r0));
    store<f32>(out, load<f32>(r1), 4);
    store<f32>(out, load<f32>(r2), 8);
    store<f32>(out, load<f32>(r3), 12);
    out += strideBytes;
    r0 += 4;
    r1 += 4;
    r2 += 4;
    r3 += 4;
  }
}

/**
 * Packs the block of A with `rows` rows and `depth` columns whose element (i, k) is at
 * `A + 4 * (i * rowStride + k * depthStride)`.
 */
export function packA(A: usize, rowStride: i32, depthStride: i32, rows: i32, depth: i32, out: usize): void {
  for (let i = 0; i < rows; i += PANEL_ROWS) {
    const last = rows - 1;
    const r0 = at(A, i * rowStride);
    const r1 = at(A, min(i + 1, last) * rowStride);
    const r2 = at(A, min(i + 2, last) * rowStride);
    const r3 = at(A, min(i + 3, last) * rowStride);
    if (depthStride == 1) {
      interleave4(r0, r1, r2, r3, depth, out, 16);
    } else if (rowStride == 1 && i + PANEL_ROWS <= rows) {
      copyStrips(r0, (<usize>depthStride) << 2, depth, out);
    } else {
      gather4(r0, r1, r2, r3, (<usize>depthStride) << 2, depth, out, 16);
    }
    out += (<usize>depth) << 4;
  }
}

/** Packs the block of B with `depth` rows and `columns` columns; element (k, j) as in `packA`. */
export function packB(B: usize, depthStride: i32, columnStride: i32, depth: i32, columns: i32, out: usize): void {
  for (let j = 0; j < columns; j += PANEL_COLUMNS) {
    if (columnStride == 1 && j + PANEL_COLUMNS <= columns) {
      copyWideStrips(at(B, j), (<usize>depthStride) << 2, depth, out);
    } else {
      packHalfB(B, depthStride, columnStride, depth, columns, j, out);
      packHalfB(B, depthStride, columnStride, depth, columns, j + 4, out + 16);
    }
    out += (<usize>depth) << 5;
  }
}

function packHalfB(
  B: usize,
  depthStride: i32,
  columnStride: i32,
  depth: i32,
  columns: i32,
  j: i32,
  out: usize,
): void {
  const last = columns - 1;
  const c0 = at(B, min(j, last) * columnStride);
  const c1 = at(B, min(j + 1, last) * columnStride);
  const c2 = at(B, min(j + 2, last) * columnStride);
  const c3 = at(B, min(j + 3, last) * columnStride);
  if (depthStride == 1) interleave4(c0, c1, c2, c3, depth, out, 32);
  else gather4(c0, c1, c2, c3, (<usize>depthStride) << 2, depth, out, 32);
}

/** Four neighbouring floats per step. */
function copyStrips(src: usize, stepBytes: usize, depth: i32, out: usize): void {
  for (let k = 0; k < depth; k++) {
    v128.store(out, v128.load(src));
    src += stepBytes;
    out += 16;
  }
}

/** Eight neighbouring floats per step. */
function copyWideStrips(src: usize, stepBytes: usize, depth: i32, out: usize): void {
  for (let k = 0; k < depth; k++) {
    v128.store(out, v128.load(src));
    v128.store(out, v128.load(src, 16), 16);
    src += stepBytes;
    out += 32;
  }
}

/** Any stride, one float at a time: edges only. */
function gather4(
  r0: usize,
  r1: usize,
  r2: usize,
  r3: usize,
  stepBytes: usize,
  depth: i32,
  out: usize,
  strideBytes: usize,
): void {
  for (let k = 0; k < depth; k++) {
    store<f32>(out, load<f32>(r0));
    store<f32>(out, load<f32>(r1), 4);
    store<f32>(out, load<f32>(r2), 8);
    store<f32>(out, load<f32>(r3), 12);
    r0 += stepBytes;
    r1 += stepBytes;
    r2 += stepBytes;
    r3 += stepBytes;
    out += strideBytes;
  }
}
