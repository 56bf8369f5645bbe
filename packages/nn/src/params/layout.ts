import { GlofError } from "@glof/core";
import type { Layout } from "../types.js";

/** Memory axis order for each layout: `memory[axis] = file[order[axis]]`. */
const axisOrders: Readonly<Record<Exclude<Layout, "as-is">, readonly number[]>> = {
  linear: [1, 0],
  conv2d: [2, 3, 1, 0],
  "conv-transpose2d": [2, 3, 1, 0],
};

/**
 * Shape in memory of a tensor that has `fileShape` in a PyTorch file.
 *
 * linear [out, in] -> [in, out]; conv2d OIHW -> HWIO; conv-transpose2d IOHW -> HWOI.
 */
export function toMemoryShape(fileShape: readonly number[], layout: Layout): number[] {
  return layout === "as-is" ? [...fileShape] : orderOf(layout, fileShape).map((axis) => fileShape[axis]!);
}

/** Values of a PyTorch tensor, reordered to the memory layout. `as-is` gives the same array, not a copy. */
export function toMemoryLayout(
  values: Float32Array,
  fileShape: readonly number[],
  layout: Layout,
): Float32Array {
  if (layout === "as-is") return values;
  return permute(values, fileShape, orderOf(layout, fileShape));
}

/** The way back: values in memory layout, reordered to PyTorch's. `fileShape` is the shape in the file. */
export function toFileLayout(
  values: Float32Array,
  fileShape: readonly number[],
  layout: Layout,
): Float32Array {
  if (layout === "as-is") return values;
  const order = orderOf(layout, fileShape);
  const inverse = new Array<number>(order.length);
  for (const [to, from] of order.entries()) inverse[from] = to;
  return permute(values, toMemoryShape(fileShape, layout), inverse);
}

function orderOf(layout: Exclude<Layout, "as-is">, fileShape: readonly number[]): readonly number[] {
  const order = axisOrders[layout];
  if (order.length === fileShape.length) return order;
  throw new GlofError(
    "bad-argument",
    `layout: expected ${order.length} axes for the layout ${layout}, got shape [${fileShape}]. Correct the ParamSpec.`,
  );
}

/** Side of the squares that a matrix is transposed by: both of their rows and columns stay in the cache. */
const transposeBlock = 32;

/** [rows, cols] -> [cols, rows]. A ViT-L is nearly all matrices: this is most of what its loading costs. */
function transpose(values: Float32Array, rows: number, cols: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let top = 0; top < rows; top += transposeBlock) {
    const bottom = Math.min(rows, top + transposeBlock);
    for (let left = 0; left < cols; left += transposeBlock) {
      const right = Math.min(cols, left + transposeBlock);
      for (let col = left; col < right; col++) {
        for (let row = top; row < bottom; row++) result[col * rows + row] = values[row * cols + col]!;
      }
    }
  }
  return result;
}

/** Transposes a dense array: the result's axis `i` is the source's axis `order[i]`. */
function permute(values: Float32Array, shape: readonly number[], order: readonly number[]): Float32Array {
  if (shape.length === 2) return transpose(values, shape[0]!, shape[1]!);
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const result = new Float32Array(values.length);
  const sizes = order.map((axis) => shape[axis]!);
  const steps = order.map((axis) => strides[axis]!);
  const position = new Array<number>(order.length).fill(0);
  let from = 0;
  for (let to = 0; to < result.length; to++) {
    result[to] = values[from]!;
    for (let axis = order.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++position[axis]! < sizes[axis]!) break;
      from -= steps[axis]! * sizes[axis]!;
      position[axis] = 0;
    }
  }
  return result;
}
