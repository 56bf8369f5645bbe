import { type Conv2dOptions, conv2d, convBatchNorm, type Init, type ParamSpec, type Params } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import { applyNorm, batchNormParams, type NormKind, normSpecs } from "./norm.js";
import type { DecoderMode } from "./types.js";

/** A convolution, a normalisation, ReLU. */
export interface ConvUnit {
  /** Name of the convolution's parameters, such as `half.fuse.conv`. */
  readonly conv: string;
  /** Name of the normalisation's. */
  readonly norm: string;
  readonly inWidth: number;
  readonly outWidth: number;
  /** Side of the kernel; padded so that stride 1 keeps the size. Default 3. */
  readonly kernel?: number;
  /** Default 1. */
  readonly stride?: number;
  readonly normKind: NormKind;
}

/** Rows of one convolution; PyTorch's OIHW. */
export function convSpecs(
  at: string,
  [outWidth, inWidth, kernel]: readonly [outWidth: number, inWidth: number, kernel: number],
  hasBias: boolean,
  init: Init = { kind: "kaiming-normal" },
): ParamSpec[] {
  const shape = [outWidth, inWidth, kernel, kernel];
  const weight: ParamSpec = { name: `${at}.weight`, shape, kind: "weight", layout: "conv2d", init };
  const bias: ParamSpec = {
    name: `${at}.bias`,
    shape: [outWidth],
    kind: "weight",
    layout: "as-is",
    init: { kind: "zeros" },
  };
  return hasBias ? [weight, bias] : [weight];
}

/** Rows of a unit. A convolution before a normalisation has no bias: the normalisation takes it away. */
export function unitSpecs(unit: ConvUnit): ParamSpec[] {
  const { conv, norm, inWidth, outWidth, kernel = 3, normKind } = unit;
  return [
    ...convSpecs(conv, [outWidth, inWidth, kernel], normKind === "none"),
    ...normSpecs(normKind, norm, outWidth),
  ];
}

/** [N, H, W, in] to [N, H', W', out], H' = ceil(H / stride). */
export function applyUnit(unit: ConvUnit, params: Params, x: tf.Tensor4D, mode: DecoderMode): tf.Tensor4D {
  const { conv, norm, kernel = 3, stride = 1, normKind } = unit;
  const shape = { stride, padding: (kernel - 1) / 2 };
  if (normKind === "none") return applyConv(params, conv, x, { ...shape, activation: "relu" });
  if (normKind === "batch" && !mode.training) {
    const [w, b] = [params[`${conv}.weight`] as tf.Tensor4D, params[`${conv}.bias`]];
    return convBatchNorm(x, w, b, batchNormParams(params, norm), { ...shape, activation: "relu" });
  }
  return tf.tidy(() => applyNorm(normKind, params, norm, applyConv(params, conv, x, shape), mode, "relu"));
}

/** A convolution by the parameters named `at`. */
export function applyConv(
  params: Params,
  at: string,
  x: tf.Tensor4D,
  options: Conv2dOptions = {},
): tf.Tensor4D {
  return conv2d(x, params[`${at}.weight`] as tf.Tensor4D, params[`${at}.bias`], options);
}
