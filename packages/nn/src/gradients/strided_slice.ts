import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Attributes, GradientRule } from "./gradient_rule.js";

/** Puts `step - 1` zeros between the entries of an axis, then zeros before and after until it has `length`. */
function spreadAxis(x: tf.Tensor, axis: number, begin: number, step: number, length: number): tf.Tensor {
  const count = x.shape[axis]!;
  const before = x.shape.slice(0, axis).reduce((a, b) => a * b, 1);
  const after = x.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const cells = tf.pad(tf.reshape(x, [before, count, 1, after]), [
    [0, 0],
    [0, 0],
    [0, step - 1],
    [0, 0],
  ]);
  const spread = tf.reshape(cells, [before, count * step, after]);
  const end = begin + count * step;
  const framed = tf.pad(spread, [
    [0, 0],
    [begin, Math.max(0, length - end)],
    [0, 0],
  ]);
  const cut = tf.slice(framed, [0, 0, 0], [before, length, after]);
  return tf.reshape(cut, [...x.shape.slice(0, axis), length, ...x.shape.slice(axis + 1)]);
}

function placeBack(dy: tf.Tensor, x: tf.Tensor, attributes: Attributes): tf.Tensor {
  const a = attributes as Record<string, number & number[]>;
  const info = tf.slice_util.sliceInfo(
    x.shape,
    a.begin!,
    a.end!,
    a.strides!,
    a.beginMask!,
    a.endMask!,
    a.ellipsisMask!,
    a.newAxisMask!,
    a.shrinkAxisMask!,
  );
  // tfjs's own forward pass is wrong where it drops an axis by mask while it slices.
  const hasMasks = Boolean(attributes.newAxisMask) || Boolean(attributes.shrinkAxisMask);
  if (hasMasks || info.strides.some((stride) => stride < 1)) {
    throw new GlofError(
      "unsupported-feature",
      `stridedSlice: expected positive strides and no axis masks where a gradient is needed, got [${info.strides}]. ` +
        "Use tf.reverse and tf.reshape.",
    );
  }
  let placed = dy;
  for (const [axis, length] of x.shape.entries()) {
    placed = spreadAxis(placed, axis, info.begin[axis]!, info.strides[axis]!, length);
  }
  return placed;
}

/** Puts each entry back where it was taken from. */
export const stridedSliceGradient: GradientRule = {
  kernelName: "StridedSlice",
  saveInputs: ["x"],
  gradient: (dy, saved, attributes) => ({ x: () => placeBack(dy, saved[0]!, attributes) }),
};
