import { util } from "@tensorflow/tfjs-core";
import type { WasmKernel } from "./override.js";

/** A matrix whose rows are zero outside one stretch each. */
export interface Bands {
  /** Column of each row's first weight. */
  readonly firsts: Int32Array;
  /** How many weights each row has. */
  readonly counts: Int32Array;
  /** The weights, row by row. */
  readonly weights: Float32Array;
}

/** Finds the stretches of a dense row-major matrix [rows, columns], or of its transpose. */
export function toBands(values: Float32Array, rows: number, columns: number, transposed: boolean): Bands {
  const [count, depth] = transposed ? [columns, rows] : [rows, columns];
  const [rowStep, step] = transposed ? [1, columns] : [columns, 1];
  const firsts = new Int32Array(count);
  const counts = new Int32Array(count);
  const weights: number[] = [];
  for (let i = 0; i < count; i++) {
    let first = 0;
    let end = depth;
    while (first < end && values[i * rowStep + first * step] === 0) first++;
    while (end > first && values[i * rowStep + (end - 1) * step] === 0) end--;
    firsts[i] = first;
    counts[i] = end - first;
    for (let k = first; k < end; k++) weights.push(values[i * rowStep + k * step]!);
  }
  return { firsts, counts, weights: Float32Array.from(weights) };
}

/**
 * `GlofAxisMap`: x of any shape; attrs values (a dense matrix [outSize, inSize] as a Float32Array), outSize, inSize, axis,
 * adjoint -> x with that axis multiplied by the matrix or its transpose. Only the matrix's non-zero stretches count, so a
 * resize or a pooling costs as much as its taps.
 */
export const axisMap: WasmKernel = {
  name: "GlofAxisMap",
  compute: ({ heap, inputs, attrs }) => {
    const x = inputs.x!;
    const { outSize, inSize, axis } = attrs as Record<"outSize" | "inSize" | "axis", number>;
    const adjoint = attrs.adjoint === true;
    const bands = toBands(attrs.values as unknown as Float32Array, outSize, inSize, adjoint);
    const outShape = x.shape.map((size, at) => (at === axis ? bands.firsts.length : size));
    const out = heap.output(outShape, "float32");
    const { firsts, counts, weights } = bands;
    const table = heap.scratch(4 * (firsts.length + counts.length + weights.length));
    const [countsAt, weightsAt] = [table + 4 * firsts.length, table + 8 * firsts.length];
    const memory = heap.bytes().buffer;
    new Int32Array(memory, table, firsts.length).set(firsts);
    new Int32Array(memory, countsAt, counts.length).set(counts);
    new Float32Array(memory, weightsAt, weights.length).set(weights);
    heap.kernels.mapAxis(
      heap.address(x),
      heap.address(out),
      util.sizeFromShape(x.shape.slice(0, axis)),
      x.shape[axis]!,
      firsts.length,
      util.sizeFromShape(x.shape.slice(axis + 1)),
      table,
      countsAt,
      weightsAt,
    );
    return out;
  },
};
