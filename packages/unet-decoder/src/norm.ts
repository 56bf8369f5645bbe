import { type BatchNormParams, batchNorm, groupNorm, type ParamSpec, type Params, relu } from "@glof/nn";
import type * as tf from "@tensorflow/tfjs-core";
import type { DecoderMode } from "./types.js";

/** Which normalisation follows a convolution. */
export type NormKind = "group" | "batch" | "none";

/** Specs of the normalisation named `at`, over `width` channels. */
export function normSpecs(kind: NormKind, at: string, width: number): ParamSpec[] {
  if (kind === "none") return [];
  const row = (name: string, spec: Pick<ParamSpec, "kind" | "init">): ParamSpec => ({
    name: `${at}.${name}`,
    shape: [width],
    layout: "as-is",
    ...spec,
  });
  const ones = { kind: "ones" } as const;
  const zeros = { kind: "zeros" } as const;
  const affine = [
    row("weight", { kind: "weight", init: ones }),
    row("bias", { kind: "weight", init: zeros }),
  ];
  if (kind === "group") return affine;
  return [
    ...affine,
    row("running_mean", { kind: "buffer", init: zeros }),
    row("running_var", { kind: "buffer", init: ones }),
  ];
}

/** At most this many groups; fewer where they do not divide the channels. */
const mostGroups = 8;

/** The largest number of groups, up to 8, that divides the channels. */
export function groupsFor(width: number): number {
  let groups = Math.min(mostGroups, width);
  while (width % groups !== 0) groups--;
  return groups;
}

/**
 * Normalises by the parameters named `at`, and applies an activation; batch statistics in training, and then reports the new
 * running ones.
 */
export function applyNorm(
  kind: NormKind,
  params: Params,
  at: string,
  x: tf.Tensor4D,
  mode: DecoderMode,
  activation?: "relu",
): tf.Tensor4D {
  if (kind === "none") return activation ? relu(x) : x;
  if (kind === "group") {
    const [weight, bias] = [params[`${at}.weight`]!, params[`${at}.bias`]!];
    return groupNorm(x, weight, bias, { groups: groupsFor(x.shape[3]), ...(activation && { activation }) });
  }
  const { onBuffer } = mode;
  return batchNorm(x, batchNormParams(params, at), {
    training: mode.training,
    ...(activation && { activation }),
    ...(onBuffer && {
      onStatistics: (statistics) => {
        onBuffer(`${at}.running_mean`, statistics.runningMean);
        onBuffer(`${at}.running_var`, statistics.runningVar);
      },
    }),
  });
}

/** Parameters of the batch normalisation named `at`. */
export function batchNormParams(params: Params, at: string): BatchNormParams {
  return {
    weight: params[`${at}.weight`]!,
    bias: params[`${at}.bias`]!,
    runningMean: params[`${at}.running_mean`]!,
    runningVar: params[`${at}.running_var`]!,
  };
}
