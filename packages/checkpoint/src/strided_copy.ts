import { itemBytes } from "./dtypes.js";
import type { TorchEntry } from "./torch_tensors.js";

/**
 * Brings a strided view into row-major order.
 *
 * @param span the bytes from the view's first element to its last
 */
export function toContiguous(span: Uint8Array, { shape, stride, dtype }: TorchEntry): Uint8Array {
  if (isContiguous(shape, stride)) return span;
  const step = itemBytes[dtype];
  const count = shape.reduce((product, size) => product * size, 1);
  const result = new Uint8Array(count * step);
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let to = 0; to < result.byteLength; to += step) {
    for (let byte = 0; byte < step; byte++) result[to + byte] = span[from * step + byte]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += stride[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= stride[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}

function isContiguous(shape: readonly number[], stride: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] === 0) return true;
    if (shape[axis] !== 1 && stride[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}
