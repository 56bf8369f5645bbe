import { GlofError } from "@glof/core";
import type { OnnxDim, OnnxValue } from "./types.js";

/** Refuses operands that an operation cannot take. */
export function wrongShapes(where: string, expected: string, values: readonly OnnxValue[]): GlofError {
  const got = values.map(({ shape }) => `[${shape.join(", ")}]`).join(" and ");
  return new GlofError("shape-mismatch", `${where}: expected ${expected}, got ${got}. Correct the graph.`, {
    shapes: values.map(({ shape }) => shape),
  });
}

/** The size of an axis, which must be a number. */
export function fixedSize(where: string, value: OnnxValue, axis: number): number {
  const size = value.shape.at(axis);
  if (typeof size === "number") return size;
  throw wrongShapes(where, `a fixed size along axis ${axis}`, [value]);
}

/** The shape of two operands that are stretched to each other as numpy does it. */
export function broadcastShapes(where: string, a: OnnxValue, b: OnnxValue): OnnxDim[] {
  const rank = Math.max(a.shape.length, b.shape.length);
  return Array.from({ length: rank }, (_, index) => {
    const one = a.shape[a.shape.length - rank + index] ?? 1;
    const other = b.shape[b.shape.length - rank + index] ?? 1;
    if (one === other || other === 1) return one;
    if (one === 1) return other;
    throw wrongShapes(where, "shapes that stretch to each other", [a, b]);
  });
}
