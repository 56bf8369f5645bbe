import type { RasterArray, RasterDtype } from "../types.js";

const constructors = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

/** Bytes of one pixel of a dtype. */
export const bytesPerPixel = (dtype: RasterDtype): number => constructors[dtype].BYTES_PER_ELEMENT;

/** Whether a dtype holds floating-point numbers. */
export const isFloatDtype = (dtype: RasterDtype): boolean => dtype === "float32" || dtype === "float64";

/** A zeroed array of `length` pixels. */
export function createRasterArray(dtype: RasterDtype, length: number): RasterArray {
  return new constructors[dtype](length);
}

/** The bytes as pixels of a dtype; they must be aligned and in this machine's byte order. */
export function viewAsRasterArray(
  dtype: RasterDtype,
  buffer: ArrayBuffer,
  offset: number,
  length: number,
): RasterArray {
  return new constructors[dtype](buffer, offset, length);
}

/** Whether an array is the one that holds pixels of `dtype`. */
export function isArrayOfDtype(array: RasterArray, dtype: RasterDtype): boolean {
  return array instanceof constructors[dtype];
}

/** Smallest and largest value of a dtype: whole numbers for the integer ones. */
export function dtypeRange(dtype: RasterDtype): readonly [lowest: number, highest: number] {
  if (isFloatDtype(dtype)) return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const bits = 8 * bytesPerPixel(dtype);
  return dtype.startsWith("u") ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
}
