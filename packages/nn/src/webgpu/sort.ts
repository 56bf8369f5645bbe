import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelCall, WebgpuKernel } from "./kernel.js";
import { radixSort } from "./radix_sort.js";

/**
 * WGSL: a float as a key that is smaller the larger the float is. Inverted bits of positive floats fall, bits of negative
 * ones rise after them; -0 counts as 0, and NaN, whatever its sign, as the largest.
 */
const keyCode = `
fn keyAt(at : u32) -> u32 {
  var bits = bitcast<u32>(x[at]);
  let size = bits & 0x7fffffffu;
  if (size == 0u) { bits = 0u; }
  if (size > 0x7f800000u) { bits = 0x7fffffffu; }
  return select(0x7fffffffu - bits, bits, bits >= 0x80000000u);
}
`;

function sortDescending({ backend, inputs }: KernelCall): TensorInfo[] {
  const x = inputs.x!;
  const [rows, cols] = x.shape as [number, number];
  return radixSort(
    backend,
    {
      name: "falling",
      rows,
      cols,
      inputs: [{ name: "x", element: "f32", tensor: x }],
      keyCode,
      payloadCode: "fn payloadAt(at : u32, column : u32) -> u32 { return column; }",
    },
    {
      name: "values",
      outputs: [
        { name: "values", element: "f32", into: x.shape },
        { name: "indices", element: "u32", into: x.shape },
      ],
      inputs: [{ name: "unsorted", element: "f32", tensor: x }],
      // The key has lost the sign of a zero: the value itself is read again.
      putCode: `fn put(place : u32, rowStart : u32, key : u32, payload : u32) {
  values[place] = unsorted[rowStart + payload];
  indices[place] = payload;
}`,
    },
  );
}

/** `GlofSortDescending`: values and indices of sorted rows. */
export const sortKernel: WebgpuKernel = { name: "GlofSortDescending", compute: sortDescending };
