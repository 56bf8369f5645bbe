// Packing: the operands of a product are copied, block by block, into the order in which the micro kernel reads them.
// A transposed operand costs nothing extra: only the reading pattern differs.
//
// A panel of A holds 6 rows:    [k][6 rows].
// A panel of B holds 8 columns: [k][8 columns].
// A last panel that is not full repeats the last row or column; the micro kernel's result there is dropped.

import { at } from "./simd";

export const PANEL_ROWS: i32 = 6;
export const PANEL_COLUMNS: i32 = 8;

/** Bytes of one step of a panel of A, and of one of B. */
const STEP_A: usize = PANEL_ROWS << 2;
const STEP_B: usize = PANEL_COLUMNS << 2;

/** Interleaves four runs of `count` floats, half a panel of B: out[8 k + r] = run_r[k]. */
function interleave4(r0: usize, r1: usize, r2: usize, r3: usize, count: i32, out: usize): void {
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
    v128.store(out, v128.shuffle<f64>(abLow, cdLow, 1, 3), STEP_B);
    v128.store(out, v128.shuffle<f64>(abHigh, cdHigh, 0, 2), 2 * STEP_B);
    v128.store(out, v128.shuffle<f64>(abHigh, cdHigh, 1, 3), 3 * STEP_B);
    out += 4 * STEP_B;
    r0 += 16;
    r1 += 16;
    r2 += 16;
    r3 += 16;
  }
  gather4(r0, r1, r2, r3, 4, count - k, out);
}

/** Interleaves six runs of `count` floats, a panel of A: out[6 k + r] = run_r[k]. */
export function interleave6(
  r0: usize,
  r1: usize,
  r2: usize,
  r3: usize,
  r4: usize,
  r5: usize,
  count: i32,
  out: usize,
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
    const e = v128.load(r4);
    const f = v128.load(r5);
    const efLow = v128.shuffle<f32>(e, f, 0, 4, 1, 5);
    const efHigh = v128.shuffle<f32>(e, f, 2, 6, 3, 7);
    v128.store(out, v128.shuffle<f64>(abLow, cdLow, 0, 2));
    v128.store64_lane(out, efLow, 0, 16);
    v128.store(out, v128.shuffle<f64>(abLow, cdLow, 1, 3), 24);
    v128.store64_lane(out, efLow, 1, 40);
    v128.store(out, v128.shuffle<f64>(abHigh, cdHigh, 0, 2), 48);
    v128.store64_lane(out, efHigh, 0, 64);
    v128.store(out, v128.shuffle<f64>(abHigh, cdHigh, 1, 3), 72);
    v128.store64_lane(out, efHigh, 1, 88);
    out += 4 * STEP_A;
    r0 += 16;
    r1 += 16;
    r2 += 16;
    r3 += 16;
    r4 += 16;
    r5 += 16;
  }
  gather6(r0, r1, r2, r3, r4, r5, 4, count - k, out);
}

/** Six runs of any stride, one float at a time: edges only. */
function gather6(
  r0: usize,
  r1: usize,
  r2: usize,
  r3: usize,
  r4: usize,
  r5: usize,
  stepBytes: usize,
  count: i32,
  out: usize,
): void {
  for (let k = 0; k < count; k++) {
    store<f32>(out, load<f32>(r0));
    store<f32>(out, load<f32>(r1), 4);
    store<f32>(out, load<f32>(r2), 8);
    store<f32>(out, load<f32>(r3), 12);
    store<f32>(out, load<f32>(r4), 16);
    store<f32>(out, load<f32>(r5), 20);
    r0 += stepBytes;
    r1 += stepBytes;
    r2 += stepBytes;
    r3 += stepBytes;
    r4 += stepBytes;
    r5 += stepBytes;
    out += STEP_A;
  }
}

/**
 * Packs the block of A with `rows` rows and `depth` columns whose element (i, k) is at
 * `A + 4 * (i * rowStride + k * depthStride)`.
 */
export function packA(A: usize, rowStride: i32, depthStride: i32, rows: i32, depth: i32, out: usize): void {
  const last = rows - 1;
  for (let i = 0; i < rows; i += PANEL_ROWS) {
    const r0 = at(A, i * rowStride);
    const r1 = at(A, min(i + 1, last) * rowStride);
    const r2 = at(A, min(i + 2, last) * rowStride);
    const r3 = at(A, min(i + 3, last) * rowStride);
    const r4 = at(A, min(i + 4, last) * rowStride);
    const r5 = at(A, min(i + 5, last) * rowStride);
    if (depthStride == 1) interleave6(r0, r1, r2, r3, r4, r5, depth, out);
    else if (rowStride == 1 && i + PANEL_ROWS <= rows) copyStrips(r0, (<usize>depthStride) << 2, depth, out);
    else gather6(r0, r1, r2, r3, r4, r5, (<usize>depthStride) << 2, depth, out);
    out = at(out, depth * PANEL_ROWS);
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
  if (depthStride == 1) interleave4(c0, c1, c2, c3, depth, out);
  else gather4(c0, c1, c2, c3, (<usize>depthStride) << 2, depth, out);
}

/** Six neighbouring floats per step. */
function copyStrips(src: usize, stepBytes: usize, depth: i32, out: usize): void {
  for (let k = 0; k < depth; k++) {
    v128.store(out, v128.load(src));
    store<u64>(out, load<u64>(src, 16), 16);
    src += stepBytes;
    out += STEP_A;
  }
}

/** Eight neighbouring floats per step. */
function copyWideStrips(src: usize, stepBytes: usize, depth: i32, out: usize): void {
  for (let k = 0; k < depth; k++) {
    v128.store(out, v128.load(src));
    v128.store(out, v128.load(src, 16), 16);
    src += stepBytes;
    out += STEP_B;
  }
}

/** Four runs of any stride, one float at a time: edges only. */
function gather4(
  r0: usize,
  r1: usize,
  r2: usize,
  r3: usize,
  stepBytes: usize,
  depth: i32,
  out: usize,
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
    out += STEP_B;
  }
}
