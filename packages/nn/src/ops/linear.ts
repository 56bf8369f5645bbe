import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { isRecording } from "../engine_access.js";
import { useKernel } from "../kernels/door.js";
import { withGradient } from "../with_gradient.js";
import { type Activation, activationPullback, activationValue } from "./activations.js";
import { columnSums } from "./column_sums.js";
import { matMul } from "./mat_mul.js";

/** Options of `linear`. */
export interface LinearOptions {
  /** Applied to the result. Default none. */
  readonly activation?: Activation;
  /**
   * The result may be kept in half precision where `useWebgpuPrecision("f16")` is in force and nothing is recorded for a
   * gradient: for what stays within ±65504 and only the next operation reads, not for sums that run through a network or for
   * logits. A tensor of it is float32 for everyone all the same. Default false.
   */
  readonly compact?: boolean;
}

/**
 * y = activation(x w + b).
 *
 * @param x [..., in]
 * @param w [in, out]: the memory layout of `ParamSpec.layout = "linear"`
 * @param b [out]
 * @returns [..., out]
 * @throws GlofError `shape-mismatch`
 */
export function linear<T extends tf.Tensor>(
  x: T,
  w: tf.Tensor,
  b?: tf.Tensor,
  options: LinearOptions = {},
): T {
  const { activation, compact = false } = options;
  const [inSize, outSize] = checkLinearShapes("linear", x, w, b);
  const rows = x.size / inSize;
  const outShape = [...x.shape.slice(0, -1), outSize];
  return withGradient<T, "x" | "w" | "b", "x" | "w" | "b" | "z">({
    inputs: { x, w, b },
    forward: () => {
      const { value, z } = linearForward(tf.reshape(x, [rows, inSize]), w, b, { activation, compact });
      const saved = { x, w, ...(b === undefined ? {} : { b }), ...(z === undefined ? {} : { z }) };
      return { value: tf.reshape(value, outShape), saved: saved as Record<"x" | "w" | "b" | "z", tf.Tensor> };
    },
    backward: (dy, saved, wants) => {
      const dy2 = tf.reshape(dy, [rows, outSize]);
      const x2 = tf.reshape(saved.x, [rows, inSize]);
      const dz =
        activation === undefined
          ? dy2
          : activationPullback(activation, saved.z ?? preActivation(x2, saved.w, saved.b), dy2);
      return {
        x: wants("x") ? tf.reshape(matMul(dz, saved.w, false, true), saved.x.shape) : undefined,
        w: wants("w") ? matMul(x2, dz, true, false) : undefined,
        b: wants("b") ? columnSums(dz) : undefined,
      };
    },
  });
}

/**
 * `z` is what the activation saw, for the backward pass. A kernel fused with GELU does not give it, so it is used only where
 * nothing records; ReLU's slope can be seen from its result.
 */
function linearForward(
  x: tf.Tensor,
  w: tf.Tensor,
  b: tf.Tensor | undefined,
  { activation, compact }: LinearOptions,
): { value: tf.Tensor; z?: tf.Tensor } {
  const isFusable = activation === "relu" || (activation === "gelu" && !isRecording());
  const kernel = isFusable ? useKernel("GlofLinear") : undefined;
  if (kernel !== undefined) {
    const value = kernel({ x, w, b }, { activation, compact });
    return activation === "relu" ? { value, z: value } : { value };
  }
  const z = preActivation(x, w, b, compact && activation === undefined);
  return activation === undefined ? { value: z } : { value: activationValue(activation, z), z };
}

function preActivation(x: tf.Tensor, w: tf.Tensor, b: tf.Tensor | undefined, compact = false): tf.Tensor {
  const kernel = useKernel("GlofLinear");
  if (kernel !== undefined) return kernel({ x, w, b }, { activation: "none", compact });
  const product = matMul(x, w);
  return b === undefined ? product : tf.add(product, b);
}

/** Sizes [in, out] of a linear layer. @throws GlofError `shape-mismatch` */
export function checkLinearShapes(
  where: string,
  x: tf.Tensor,
  w: tf.Tensor,
  b: tf.Tensor | undefined,
): [number, number] {
  const [inSize, outSize] = w.shape;
  const fits =
    w.rank === 2 &&
    x.rank >= 1 &&
    x.shape.at(-1) === inSize &&
    (b === undefined || (b.rank === 1 && b.shape[0] === outSize));
  if (fits) return [inSize!, outSize!];
  throw new GlofError(
    "shape-mismatch",
    `${where}: expected x [..., in], w [in, out] and b [out], got x [${x.shape}], w [${w.shape}]` +
      `${b === undefined ? "" : `, b [${b.shape}]`}. Weights of a PyTorch file are [out, in]: load them with layout "linear".`,
  );
}
