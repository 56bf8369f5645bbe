import type { OnnxGraph } from "./graph.js";
import { broadcastShapes, fixedSize, wrongShapes } from "./shapes.js";
import type { OnnxDim, OnnxValue } from "./types.js";

/** Operations on one value that keep its shape. */
export type ElementwiseOp = "Relu" | "Sigmoid" | "Erf";

/** Applies an operation to every element. */
export function elementwise(graph: OnnxGraph, op: ElementwiseOp, x: OnnxValue): OnnxValue {
  return single(graph.node(op, { inputs: [x], shapes: [x.shape] }));
}

/** Operations on two values. */
export type ArithmeticOp = "Add" | "Sub" | "Mul" | "Div";

/**
 * Element by element, the operands stretched to each other.
 *
 * @throws GlofError `shape-mismatch`
 */
export function arithmetic(graph: OnnxGraph, op: ArithmeticOp, a: OnnxValue, b: OnnxValue): OnnxValue {
  return single(graph.node(op, { inputs: [a, b], shapes: [broadcastShapes(op, a, b)] }));
}

/**
 * Matrix product over the last two axes; the axes before them stretch to each other.
 *
 * @throws GlofError `shape-mismatch`
 */
export function matMul(graph: OnnxGraph, a: OnnxValue, b: OnnxValue): OnnxValue {
  if (a.shape.length < 2 || b.shape.length < 2 || a.shape.at(-1) !== b.shape.at(-2)) {
    throw wrongShapes("matMul", "[…, M, K] and [K, N]", [a, b]);
  }
  const outer = (value: OnnxValue): OnnxValue => ({ ...value, shape: value.shape.slice(0, -2) });
  const shape = [...broadcastShapes("matMul", outer(a), outer(b)), a.shape.at(-2)!, b.shape.at(-1)!];
  return single(graph.node("MatMul", { inputs: [a, b], shapes: [shape] }));
}

/** Axes in another order: axis `i` of the result is axis `order[i]` of `x`. */
export function transpose(graph: OnnxGraph, x: OnnxValue, order: readonly number[]): OnnxValue {
  const isOrder = order.length === x.shape.length && new Set(order).size === order.length;
  if (!isOrder || !order.every((axis) => x.shape[axis] !== undefined)) {
    throw wrongShapes("transpose", `${order.length} axes for the order [${order}]`, [x]);
  }
  const shape = order.map((axis) => x.shape[axis]!);
  return single(
    graph.node("Transpose", { inputs: [x], shapes: [shape], attributes: { perm: { ints: order } } }),
  );
}

/**
 * The same numbers in another shape. The first axis may have a size that is not known yet, and stays then.
 *
 * @throws GlofError `shape-mismatch` when the counts differ
 */
export function reshape(graph: OnnxGraph, x: OnnxValue, shape: readonly OnnxDim[]): OnnxValue {
  const [first, ...rest] = shape;
  const isNamed = typeof first === "string";
  const fits = isNamed
    ? first === x.shape[0] && sameCount(x.shape.slice(1), rest)
    : sameCount(x.shape, shape);
  if (!fits) throw wrongShapes("reshape", `as many numbers as in [${shape}]`, [x]);
  // 0 copies the size of the input.
  const sizes = graph.ints([isNamed ? 0 : first!, ...(rest as number[])]);
  return single(graph.node("Reshape", { inputs: [x, sizes], shapes: [shape] }));
}

function sameCount(a: readonly OnnxDim[], b: readonly OnnxDim[]): boolean {
  const count = (shape: readonly OnnxDim[]): number =>
    shape.reduce<number>((product, size) => product * (typeof size === "number" ? size : Number.NaN), 1);
  return count(a) === count(b);
}

/**
 * Side by side along an axis.
 *
 * @throws GlofError `shape-mismatch` when other axes differ
 */
export function concat(graph: OnnxGraph, values: readonly OnnxValue[], axis: number): OnnxValue {
  const [head] = values;
  const others = ({ shape }: OnnxValue): string => shape.filter((_, index) => index !== axis).join();
  if (!head || !values.every((value) => others(value) === others(head))) {
    throw wrongShapes("concat", `values that differ in axis ${axis} alone`, values);
  }
  if (values.length === 1) return head;
  const total = values.reduce((sum, value) => sum + fixedSize("concat", value, axis), 0);
  const shape = head.shape.map((size, index) => (index === axis ? total : size));
  return single(
    graph.node("Concat", { inputs: values, shapes: [shape], attributes: { axis: { int: axis } } }),
  );
}

/** Pieces of these sizes along an axis. */
export function split(graph: OnnxGraph, x: OnnxValue, axis: number, sizes: readonly number[]): OnnxValue[] {
  if (fixedSize("split", x, axis) !== sizes.reduce((sum, size) => sum + size, 0)) {
    throw wrongShapes("split", `pieces of ${sizes.join(" + ")} along axis ${axis}`, [x]);
  }
  return graph.node("Split", {
    inputs: [x, graph.ints(sizes)],
    shapes: sizes.map((size) => x.shape.map((whole, index) => (index === axis ? size : whole))),
    attributes: { axis: { int: axis } },
  });
}

/** From `start` on `count` elements of an axis; `x` itself where that is all. */
export function slice(graph: OnnxGraph, x: OnnxValue, axis: number, start: number, count: number): OnnxValue {
  const size = fixedSize("slice", x, axis);
  if (start < 0 || count < 1 || start + count > size) {
    throw wrongShapes("slice", `at least ${start + count} elements along axis ${axis}`, [x]);
  }
  if (count === size) return x;
  const inputs = [x, graph.ints([start]), graph.ints([start + count]), graph.ints([axis])];
  const shape = x.shape.map((whole, index) => (index === axis ? count : whole));
  return single(graph.node("Slice", { inputs, shapes: [shape] }));
}

/** The elements with these numbers along an axis. */
export function gather(
  graph: OnnxGraph,
  x: OnnxValue,
  axis: number,
  indices: readonly number[] | Int32Array,
): OnnxValue {
  const size = fixedSize("gather", x, axis);
  if (!indices.every((index) => index >= 0 && index < size)) {
    throw wrongShapes("gather", `indices below the size of axis ${axis}`, [x]);
  }
  const shape = x.shape.map((whole, at) => (at === axis ? indices.length : whole));
  const inputs = [x, graph.ints([...indices])];
  return single(graph.node("Gather", { inputs, shapes: [shape], attributes: { axis: { int: axis } } }));
}

/** Zeros before an axis. */
export function padFront(graph: OnnxGraph, x: OnnxValue, axis: number, count: number): OnnxValue {
  const rank = x.shape.length;
  const pads = Array.from({ length: 2 * rank }, (_, index) => (index === axis ? count : 0));
  const shape = x.shape.map((size, index) =>
    index === axis ? fixedSize("padFront", x, axis) + count : size,
  );
  return single(graph.node("Pad", { inputs: [x, graph.ints(pads)], shapes: [shape] }));
}

/** Numbers below `low` become `low`, above `high` `high`. */
export function clip(graph: OnnxGraph, x: OnnxValue, low: number, high: number): OnnxValue {
  const bounds = [graph.floats([low], []), graph.floats([high], [])];
  return single(graph.node("Clip", { inputs: [x, ...bounds], shapes: [x.shape] }));
}

/** The only output of a node. */
export const single = (outputs: readonly OnnxValue[]): OnnxValue => outputs[0]!;
