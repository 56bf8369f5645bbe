import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { ChannelSizes } from "./channel_moments.js";
import { chunksOf, columnHead, columnsOfGroup } from "./column_sums.js";
import { dispatch, type ShaderInput, type UniformValue } from "./dispatch.js";
import type { ShaderBackend } from "./shader.js";

const threads = 256;
/** Groups of threads that keep a large GPU's memory busy. */
const wantedGroups = 2048;

/** How the channels of a tensor are normalised: (x - mean) / std * gamma + beta, then perhaps ReLU. */
export interface ChannelNorm {
  /** Unique for `statistics`. */
  readonly key: string;
  readonly sizes: ChannelSizes;
  /** Channels that share statistics. */
  readonly perGroup: number;
  /** WGSL: `fn statisticsOf(image : i32, channel : i32) -> vec2<f32>`, mean and 1 / std; `groupOf(image, channel)` is at hand. */
  readonly statistics: string;
  /** What it reads. */
  readonly inputs: readonly ShaderInput[];
  readonly uniforms: readonly UniformValue[];
  /** [cols] */
  readonly gamma: TensorInfo;
  readonly beta: TensorInfo;
  readonly relu: boolean;
}

/** Inputs by the names of their buffers. */
export const floatInputs = (tensors: Readonly<Record<string, TensorInfo>>): ShaderInput[] =>
  Object.entries(tensors).map(([name, tensor]) => ({ name, element: "f32", tensor }));

/** Uniforms of `groupOf`. */
export const groupUniforms = ({ sizes: { cols }, perGroup }: ChannelNorm): UniformValue[] => [
  ["perGroup", "i32", perGroup],
  ["groups", "i32", cols / perGroup],
];

/** WGSL of `groupOf` and `statisticsOf`. */
export const statisticsCode = ({ statistics }: ChannelNorm): string => `
fn groupOf(image : i32, channel : i32) -> i32 {
  return image * uniforms.groups + channel / uniforms.perGroup;
}
${statistics}
`;

/** A pass over every number of x. */
export interface EveryNumber {
  readonly key: string;
  /** Tensors as large as x. */
  readonly large: Readonly<Record<string, TensorInfo>>;
  /** Beside the norm's own. */
  readonly inputs: readonly ShaderInput[];
  /** What a thread keeps of each channel, beside `mean` and `inverse`: WGSL by name, of `image` and `channel`. */
  readonly channel: Readonly<Record<string, string>>;
  /** WGSL of the result `at`, from these and `normed`, of `type`. */
  readonly value: (type: string) => string;
}

/** Queues such a pass; its result belongs to the caller. */
export function everyNumber(backend: ShaderBackend, norm: ChannelNorm, pass: EveryNumber): TensorInfo {
  const { images, rows, cols } = norm.sizes;
  const lanes = cols % 4 === 0 ? 4 : 1;
  const vectors = cols / lanes;
  const columns = columnsOfGroup(vectors);
  const { chunks, perChunk } = chunksOf(images, rows, vectors, wantedGroups);
  const type = lanes === 4 ? "vec4<f32>" : "f32";
  const large = Object.entries(pass.large).map(
    ([name, tensor]): ShaderInput => ({ name, element: type, tensor }),
  );
  const [y] = dispatch(backend, {
    key: `${norm.key}_${pass.key}_${lanes}_${columns}`,
    outputs: [{ name: "y", element: type, into: pass.large.x!.shape }],
    inputs: [...large, ...pass.inputs, ...norm.inputs],
    uniforms: [
      ["rows", "i32", rows],
      ["cols", "i32", vectors],
      ["perChunk", "i32", perChunk],
      ...groupUniforms(norm),
      ...norm.uniforms,
    ],
    code: () => everyNumberCode(norm, pass, { type, lanes, columns }),
    groups: [Math.ceil(vectors / columns), chunks, images],
  });
  return y!;
}

function everyNumberCode(
  norm: ChannelNorm,
  { channel, value }: EveryNumber,
  { type, lanes, columns }: { type: string; lanes: 1 | 4; columns: number },
): string {
  const names = ["mean", "inverse", ...Object.keys(channel)];
  const read = (lane: number): string => {
    const part = lanes === 4 ? `.${"xyzw"[lane]}` : "";
    const own = Object.entries(channel).map(([name, code]) => `${name}${part} = ${code};`);
    return `{
    let channel = ${lanes} * col + ${lane};
    let known = statisticsOf(image, channel);
    mean${part} = known.x;
    inverse${part} = known.y;
    ${own.join("\n    ")}
  }`;
  };
  return `
${statisticsCode(norm)}
${columnHead(columns)}
  if (col >= uniforms.cols) { return; }
  ${names.map((name) => `var ${name} = ${type}();`).join("\n  ")}
  ${Array.from({ length: lanes }, (_, lane) => read(lane)).join("\n  ")}
  for (var row = first + lane; row < last; row += ${threads / columns}) {
    let at = row * uniforms.cols + col;
    let normed = (x[at] - mean) * inverse;
    y[at] = ${value(type)};
  }
}
`;
}
