// The inner product kernel: a 6 x 8 tile of C held in twelve registers.
//
// A core starts two fused multiply-adds a cycle, each done after four or five, so eight to ten sums must be under way;
// twelve and the operands (two registers of B, one of A) are the fifteen that engines leave of the sixteen of x86-64.
//
// V8 emits pure operations where their results are used, and takes the loop's sums in the order in which they are stored
// after it. Rows must therefore be stored from the last to the first: then each float of A is loaded right before its two
// multiply-adds. In the other order all loads come first, eighteen registers are live, and the spills halve the speed. A
// loop unrolled twice spills too. src/wasm/tile_order.test.ts watches over that order in the compiled module.
//
// Arithmetic: 96 FLOP a step for 56 bytes from the first two levels of cache. Measured on one core of Zen 1 (bound 40 GFLOPS)
// with operands in cache: 38 GFLOPS on Node 20, 37 on Node 22, 36 on Node 24; a 4 x 8 tile reaches 31 on each.

import { PANEL_COLUMNS, PANEL_ROWS } from "./pack";
import { at, madd } from "./simd";

/** C[6 x 8] (+)= panelA^T panelB over `depth` steps; `rowBytes` is the distance of two rows of C. */
export function tile(depth: i32, a: usize, b: usize, c: usize, rowBytes: usize, add: bool): void {
  const none = f32x4.splat(0);
  let s00 = none;
  let s01 = none;
  let s10 = none;
  let s11 = none;
  let s20 = none;
  let s21 = none;
  let s30 = none;
  let s31 = none;
  let s40 = none;
  let s41 = none;
  let s50 = none;
  let s51 = none;
  for (let k = 0; k < depth; k++) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    let x = v128.load32_splat(a);
    s00 = madd(x, b0, s00);
    s01 = madd(x, b1, s01);
    x = v128.load32_splat(a, 4);
    s10 = madd(x, b0, s10);
    s11 = madd(x, b1, s11);
    x = v128.load32_splat(a, 8);
    s20 = madd(x, b0, s20);
    s21 = madd(x, b1, s21);
    x = v128.load32_splat(a, 12);
    s30 = madd(x, b0, s30);
    s31 = madd(x, b1, s31);
    x = v128.load32_splat(a, 16);
    s40 = madd(x, b0, s40);
    s41 = madd(x, b1, s41);
    x = v128.load32_splat(a, 20);
    s50 = madd(x, b0, s50);
    s51 = madd(x, b1, s51);
    a += 24;
    b += 32;
  }
  c += 5 * rowBytes;
  storeRow(c, s50, s51, add);
  c -= rowBytes;
  storeRow(c, s40, s41, add);
  c -= rowBytes;
  storeRow(c, s30, s31, add);
  c -= rowBytes;
  storeRow(c, s20, s21, add);
  c -= rowBytes;
  storeRow(c, s10, s11, add);
  c -= rowBytes;
  storeRow(c, s00, s01, add);
}

// @ts-ignore: decorator
@inline
function storeRow(c: usize, low: v128, high: v128, add: bool): void {
  if (add) {
    low = f32x4.add(low, v128.load(c));
    high = f32x4.add(high, v128.load(c, 16));
  }
  v128.store(c, low);
  v128.store(c, high, 16);
}

/**
 * C[rows x columns] (+)= A B for packed blocks A and B of `depth` steps.
 *
 * `ldc` is the distance of two rows of C in floats; `edge` is scratch for one tile (48 floats), used where C ends inside
 * a tile.
 */
export function block(
  rows: i32,
  columns: i32,
  depth: i32,
  packedA: usize,
  packedB: usize,
  C: usize,
  ldc: i32,
  add: bool,
  edge: usize,
): void {
  const rowBytes = (<usize>ldc) << 2;
  for (let j = 0; j < columns; j += PANEL_COLUMNS) {
    const panelB = at(packedB, j * depth);
    const width = min(PANEL_COLUMNS, columns - j);
    for (let i = 0; i < rows; i += PANEL_ROWS) {
      const panelA = at(packedA, i * depth);
      const c = at(C, i * ldc + j);
      const height = min(PANEL_ROWS, rows - i);
      if (width == PANEL_COLUMNS && height == PANEL_ROWS) {
        tile(depth, panelA, panelB, c, rowBytes, add);
      } else {
        tile(depth, panelA, panelB, edge, PANEL_COLUMNS << 2, false);
        storeEdge(c, ldc, edge, height, width, add);
      }
    }
  }
}

function storeEdge(c: usize, ldc: i32, edge: usize, height: i32, width: i32, add: bool): void {
  for (let r = 0; r < height; r++) {
    for (let v = 0; v < width; v++) {
      const q = at(c, r * ldc + v);
      const value = load<f32>(at(edge, r * PANEL_COLUMNS + v));
      store<f32>(q, add ? load<f32>(q) + value : value);
    }
  }
}
