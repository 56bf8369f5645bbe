import * as tf from "@tensorflow/tfjs-core";
import { isRecording } from "../engine_access.js";
import { useKernel } from "../kernels/door.js";
import { gatedSilu } from "./gated_silu.js";
import { checkLinearShapes, linear } from "./linear.js";

/** Options of `swiglu`. */
export interface SwigluOptions {
  /** As in `LinearOptions`. Default false. */
  readonly compact?: boolean;
}

/**
 * silu(x w_gate + b_gate) * (x w_value + b_value), w and b holding both side by side (Shazeer 2020, "GLU variants improve
 * transformer"): `gatedSilu(linear(x, w, b))`, in one pass where the backend has a kernel for it and no gradient is recorded.
 *
 * @param x [..., in]
 * @param w [in, 2 D]: gates, then values
 * @param b [2 D]
 * @returns [..., D]
 * @throws GlofError `shape-mismatch`
 */
export function swiglu<T extends tf.Tensor>(
  x: T,
  w: tf.Tensor,
  b?: tf.Tensor,
  { compact = false }: SwigluOptions = {},
): T {
  return tf.tidy(() => {
    const kernel = isRecording() ? undefined : useKernel("GlofSwiglu");
    if (kernel === undefined || w.shape.at(-1)! % 2 !== 0) return gatedSilu(linear(x, w, b));
    const [inSize, outSize] = checkLinearShapes("swiglu", x, w, b);
    const value = kernel({ x: tf.reshape(x, [x.size / inSize, inSize]), w, b }, { compact });
    return tf.reshape(value, [...x.shape.slice(0, -1), outSize / 2]) as T;
  });
}
