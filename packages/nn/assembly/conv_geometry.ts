// Shape of the convolution at work, and where its patches lie. Images are NHWC, filters HWIO.
//
// The shape is module state, so each thread has its own: set by `setConv` before the kernels of one job run.

import { at, copy, zero } from "./simd";

export let inRows: i32 = 0;
export let inColumns: i32 = 0;
export let inChannels: i32 = 0;
export let outRows: i32 = 0;
export let outColumns: i32 = 0;
export let outChannels: i32 = 0;
export let filterRows: i32 = 0;
export let filterColumns: i32 = 0;
export let strideRows: i32 = 0;
export let strideColumns: i32 = 0;
export let padTop: i32 = 0;
export let padLeft: i32 = 0;
export let dilationRows: i32 = 0;
export let dilationColumns: i32 = 0;

export function setConv(
  inputRows: i32,
  inputColumns: i32,
  inputChannels: i32,
  outputRows: i32,
  outputColumns: i32,
  outputChannels: i32,
  kernelRows: i32,
  kernelColumns: i32,
  rowStride: i32,
  columnStride: i32,
  top: i32,
  left: i32,
  rowDilation: i32,
  columnDilation: i32,
): void {
  inRows = inputRows;
  inColumns = inputColumns;
  inChannels = inputChannels;
  outRows = outputRows;
  outColumns = outputColumns;
  outChannels = outputChannels;
  filterRows = kernelRows;
  filterColumns = kernelColumns;
  strideRows = rowStride;
  strideColumns = columnStride;
  padTop = top;
  padLeft = left;
  dilationRows = rowDilation;
  dilationColumns = columnDilation;
}

// One entry of a table of patch origins: the address of the input pixel under the filter's first tap (it may lie
// outside the image), then that pixel's row and column.
export const ORIGIN_BYTES: i32 = 12;

/** Writes the origins of `count` patches from output pixel `first` on. */
export function writeOrigins(x: usize, first: i32, count: i32, table: usize): void {
  const perImage = outRows * outColumns;
  let image = first / perImage;
  let outRow = (first - image * perImage) / outColumns;
  let outColumn = first - image * perImage - outRow * outColumns;
  for (let i = 0; i < count; i++) {
    const row = outRow * strideRows - padTop;
    const column = outColumn * strideColumns - padLeft;
    store<usize>(table, at(x, ((image * inRows + row) * inColumns + column) * inChannels));
    store<i32>(table, row, 4);
    store<i32>(table, column, 8);
    table += ORIGIN_BYTES;
    if (++outColumn == outColumns) {
      outColumn = 0;
      if (++outRow == outRows) {
        outRow = 0;
        image++;
      }
    }
  }
}

/** Whether input row `row` exists. */
// @ts-ignore: decorator
@inline
export function hasRow(row: i32): bool {
  return <u32>row < <u32>inRows;
}

/** Whether input column `column` exists. */
// @ts-ignore: decorator
@inline
export function hasColumn(column: i32): bool {
  return <u32>column < <u32>inColumns;
}

/** Whether all columns under the filter exist and lie side by side in memory. */
// @ts-ignore: decorator
@inline
export function isRunInside(column: i32): bool {
  return dilationColumns == 1 && column >= 0 && column + filterColumns <= inColumns;
}

/**
 * Gathers floats [from, to) of one filter row's run (filterColumns * inChannels floats) of the patch whose first pixel
 * of that row is at `base`, column `column`; zeros where the image ends.
 */
export function gatherRun(base: usize, column: i32, from: i32, to: i32, out: usize): void {
  for (let s = from / inChannels; s * inChannels < to; s++) {
    const low = max(from, s * inChannels);
    const count = min(to, (s + 1) * inChannels) - low;
    const target = at(out, low - from);
    if (hasColumn(column + s * dilationColumns)) {
      copy(target, at(base, s * dilationColumns * inChannels + (low - s * inChannels)), count);
    } else {
      zero(target, count);
    }
  }
}
