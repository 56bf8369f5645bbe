// Moving data: slices, transposes, sums by row and by segment. No arithmetic to speak of: bound by memory.

import { accumulate, at, copy, zero } from "./simd";

/**
 * Copies n0 x n1 x n2 runs of `count` floats, their sources s0, s1, s2 floats apart, one after the other to `dst`.
 */
export function copyRuns(
  src: usize,
  dst: usize,
  count: i32,
  n0: i32,
  s0: i32,
  n1: i32,
  s1: i32,
  n2: i32,
  s2: i32,
): void {
  for (let i = 0; i < n0; i++) {
    for (let j = 0; j < n1; j++) {
      let from = at(src, i * s0 + j * s1);
      for (let k = 0; k < n2; k++) {
        copy(dst, from, count);
        from = at(from, s2);
        dst = at(dst, count);
      }
    }
  }
}

/**
 * n0 x n1 planes: dst(j, i) = src(i, j) for i < rows, j < columns. Source rows lie `ldSrc` floats apart and planes
 * s0, s1; target rows (one per j) `ldDst` and planes d0, d1.
 */
export function transposePlanes(
  src: usize,
  dst: usize,
  rows: i32,
  columns: i32,
  ldSrc: i32,
  ldDst: i32,
  n0: i32,
  s0: i32,
  d0: i32,
  n1: i32,
  s1: i32,
  d1: i32,
): void {
  for (let a = 0; a < n0; a++) {
    for (let b = 0; b < n1; b++) {
      transposePlane(at(src, a * s0 + b * s1), at(dst, a * d0 + b * d1), rows, columns, ldSrc, ldDst);
    }
  }
}

function transposePlane(src: usize, dst: usize, rows: i32, columns: i32, ldSrc: i32, ldDst: i32): void {
  const wholeRows = rows & ~3;
  const wholeColumns = columns & ~3;
  for (let i = 0; i < wholeRows; i += 4) {
    for (let j = 0; j < wholeColumns; j += 4) {
      transpose4(at(src, i * ldSrc + j), (<usize>ldSrc) << 2, at(dst, j * ldDst + i), (<usize>ldDst) << 2);
    }
  }
  transposeScalar(src, dst, 0, wholeRows, wholeColumns, columns, ldSrc, ldDst);
  transposeScalar(src, dst, wholeRows, rows, 0, columns, ldSrc, ldDst);
}

function transpose4(src: usize, ldSrcBytes: usize, dst: usize, ldDstBytes: usize): void {
  const a = v128.load(src);
  const b = v128.load(src + ldSrcBytes);
  const c = v128.load(src + 2 * ldSrcBytes);
  const d = v128.load(src + 3 * ldSrcBytes);
  const abLow = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const cdLow = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(dst, v128.shuffle<f64>(abLow, cdLow, 0, 2));
  v128.store(dst + ldDstBytes, v128.shuffle<f64>(abLow, cdLow, 1, 3));
  v128.store(dst + 2 * ldDstBytes, v128.shuffle<f64>(abHigh, cdHigh, 0, 2));
  v128.store(dst + 3 * ldDstBytes, v128.shuffle<f64>(abHigh, cdHigh, 1, 3));
}

function transposeScalar(
  src: usize,
  dst: usize,
  fromRow: i32,
  toRow: i32,
  fromColumn: i32,
  toColumn: i32,
  ldSrc: i32,
  ldDst: i32,
): void {
  for (let i = fromRow; i < toRow; i++) {
    for (let j = fromColumn; j < toColumn; j++) {
      store<f32>(at(dst, j * ldDst + i), load<f32>(at(src, i * ldSrc + j)));
    }
  }
}

/** out[width] = sum of `rows` rows. Blocks of rows are summed apart, which keeps the error of long sums small. */
export function sumRows(x: usize, rows: i32, width: i32, out: usize, partial: usize): void {
  const ROWS_PER_BLOCK = 256;
  zero(out, width);
  for (let first = 0; first < rows; first += ROWS_PER_BLOCK) {
    const end = min(first + ROWS_PER_BLOCK, rows);
    zero(partial, width);
    for (let r = first; r < end; r++) accumulate(partial, at(x, r * width), width);
    accumulate(out, partial, width);
  }
}

/** out[width] = sum of `count` rows of `width` floats that lie `ld` floats apart. */
export function addRows(x: usize, count: i32, width: i32, ld: i32, out: usize): void {
  copy(out, x, width);
  for (let r = 1; r < count; r++) accumulate(out, at(x, r * ld), width);
}

/** out[o] = the sum of `count` rows of `width` floats, for each of `outer` stacks of rows. */
export function stackSums(x: usize, outer: i32, count: i32, width: i32, out: usize): void {
  for (let o = 0; o < outer; o++) addRows(at(x, o * count * width), count, width, width, at(out, o * width));
}

/** dst [outer, count, inner] = src [outer, extent, inner] at the indices `ids` of its middle axis. */
export function gatherRuns(
  src: usize,
  ids: usize,
  dst: usize,
  outer: i32,
  extent: i32,
  count: i32,
  inner: i32,
): void {
  for (let o = 0; o < outer; o++) {
    const from = at(src, o * extent * inner);
    for (let i = 0; i < count; i++) {
      copy(dst, at(from, load<i32>(at(ids, i)) * inner), inner);
      dst = at(dst, inner);
    }
  }
}

/** out[ids[i]] += x[i], rows of `width` floats; ids outside [0, segments) are dropped. */
export function segmentSum(x: usize, ids: usize, count: i32, width: i32, segments: i32, out: usize): void {
  zero(out, segments * width);
  for (let i = 0; i < count; i++) {
    const id = load<i32>(at(ids, i));
    if (<u32>id < <u32>segments) accumulate(at(out, id * width), at(x, i * width), width);
  }
}

/** Copies `rows` runs of `count` floats, sources and targets a fixed number of floats apart. */
export function copyRows(src: usize, dst: usize, count: i32, rows: i32, ldSrc: i32, ldDst: i32): void {
  for (let r = 0; r < rows; r++) copy(at(dst, r * ldDst), at(src, r * ldSrc), count);
}

/** dx = dy where x > 0, else 0; `count` floats. */
export function reluGrad(x: usize, dy: usize, dx: usize, count: i32): void {
  const none = f32x4.splat(0);
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    v128.store(at(dx, i), v128.and(v128.load(at(dy, i)), f32x4.gt(v128.load(at(x, i)), none)));
  }
  for (; i < count; i++) {
    store<f32>(at(dx, i), load<f32>(at(x, i)) > 0 ? load<f32>(at(dy, i)) : <f32>0);
  }
}
