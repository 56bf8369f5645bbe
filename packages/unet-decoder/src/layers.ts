import { conv2d, groupNorm, linear, type ParamSpec, type Params, relu } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";

/** Normalisation after a convolution: groups of channels, or none. Batch statistics of a crop or two would not help. */
export type DecoderNorm = "group" | "none";

/** Channels that share a group's statistics, at least. */
const LEAST_GROUP_WIDTH = 4;
const MOST_GROUPS = 8;

/** Groups of a group norm over `channels`: eight, or fewer where a group would get under four channels. */
export function groupsFor(channels: number): number {
  for (let groups = Math.min(MOST_GROUPS, Math.floor(channels / LEAST_GROUP_WIDTH)); groups > 1; groups--) {
    if (channels % groups === 0) return groups;
  }
  return 1;
}

/** Specs of `convUnit`: a 3x3 convolution, with a bias where no norm follows. */
export function convUnitSpecs(
  name: string,
  inChannels: number,
  outChannels: number,
  norm: DecoderNorm,
): ParamSpec[] {
  const conv: ParamSpec = {
    name: `${name}.conv.weight`,
    shape: [outChannels, inChannels, 3, 3],
    kind: "weight",
    layout: "conv2d",
    init: { kind: "kaiming-normal" },
  };
  const vector = (suffix: string, kind: "zeros" | "ones"): ParamSpec => ({
    name: `${name}.${suffix}`,
    shape: [outChannels],
    kind: "weight",
    layout: "as-is",
    init: { kind },
  });
  return norm === "none"
    ? [conv, vector("conv.bias", "zeros")]
    : [conv, vector("norm.weight", "ones"), vector("norm.bias", "zeros")];
}

/** 3x3 convolution, normalisation, ReLU; size kept. [N, h, w, in] -> [N, h, w, out] */
export function convUnit(params: Params, name: string, x: tf.Tensor4D): tf.Tensor4D {
  return tf.tidy(() => {
    const weight = params[`${name}.conv.weight`] as tf.Tensor4D;
    const convolved = conv2d(x, weight, params[`${name}.conv.bias`], { padding: 1 });
    const gamma = params[`${name}.norm.weight`];
    if (gamma === undefined) return relu(convolved);
    const groups = groupsFor(gamma.size);
    return relu(groupNorm(convolved, gamma, params[`${name}.norm.bias`]!, { groups }));
  });
}

/** Specs of `project`: a 1x1 convolution, kept as the matrix it is. */
export function projectSpecs(name: string, inChannels: number, outChannels: number): ParamSpec[] {
  return [
    {
      name: `${name}.weight`,
      shape: [outChannels, inChannels],
      kind: "weight",
      layout: "linear",
      init: { kind: "xavier-uniform" },
    },
    { name: `${name}.bias`, shape: [outChannels], kind: "weight", layout: "as-is", init: { kind: "zeros" } },
  ];
}

/** The same matrix for every pixel: a 1x1 convolution as one 2-D product. [N, h, w, in] -> [N, h, w, out] */
export function project(params: Params, name: string, x: tf.Tensor4D): tf.Tensor4D {
  const weight = params[`${name}.weight`] as tf.Tensor2D;
  return linear(x, weight, params[`${name}.bias`]) as tf.Tensor4D;
}
