import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { ChannelSizes } from "./channel_moments.js";
import { chunksOf, columnHead, columnParts, columnsOfGroup, laneSumCode } from "./column_sums.js";
import { dispatch, type ShaderInput, type UniformValue } from "./dispatch.js";
import type { ShaderBackend } from "./shader.js";

/**
 * Normalisation by known statistics per channel, weights and ReLU, and the gradient of all of it: what batch and group norm
 * share.
 *
 * Arithmetic: 5 FLOP a number over 8 bytes forwards; some 20 over 20 backwards, in two readings of x and dy, since dx needs sums
 * over all of them: bound by device memory. A thread keeps its channels and walks down the pixels, so that statistics and weights are
 * read once and no place is computed by division; it takes four channels side by side where they divide by four.
 */

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

const floats = (tensors: Readonly<Record<string, TensorInfo>>): ShaderInput[] =>
  Object.entries(tensors).map(([name, tensor]) => ({ name, element: "f32", tensor }));

const groupUniforms = ({ sizes: { cols }, perGroup }: ChannelNorm): UniformValue[] => [
  ["perGroup", "i32", perGroup],
  ["groups", "i32", cols / perGroup],
];

const statisticsCode = ({ statistics }: ChannelNorm): string => `
fn groupOf(image : i32, channel : i32) -> i32 {
  return image * uniforms.groups + channel / uniforms.perGroup;
}
${statistics}
`;

/** A pass over every number of x. */
interface EveryNumber {
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

function everyNumber(backend: ShaderBackend, norm: ChannelNorm, pass: EveryNumber): TensorInfo {
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

/** Normalised x: one pass. */
export function normaliseChannels(backend: ShaderBackend, x: TensorInfo, norm: ChannelNorm): TensorInfo {
  const { gamma, beta, relu } = norm;
  const value = "(normed * weight + shift)";
  return everyNumber(backend, norm, {
    key: relu ? "relu" : "value",
    large: { x },
    inputs: floats({ gamma, beta }),
    channel: { weight: "gamma[channel]", shift: "beta[channel]" },
    // NaN stays NaN, which max() does not promise.
    value: (type) => (relu ? `select(${value}, ${type}(), ${value} < ${type}())` : value),
  });
}

/** Of d * normed and of d, per channel of a chunk, d being what passes of dy. */
const slopeTerm = (norm: ChannelNorm): string => `
${statisticsCode(norm)}
fn term(image : i32, row : i32, col : i32) -> vec2<f32> {
  let known = statisticsOf(image, col);
  let at = row * uniforms.cols + col;
  let normed = (x[at] - known.x) * known.y;
  return ${norm.relu ? "select(0.0, dy[at], normed * gamma[col] + beta[col] > 0.0)" : "dy[at]"} * vec2<f32>(normed, 1.0);
}
`;

/**
 * A group of threads for each group of channels goes through the images: their sums for gamma and beta add up, and each image has
 * the means over its group of g * normed and of g, g = dy * gamma.
 */
const joinSlopesCode = `
${laneSumCode(1).replaceAll("laneSum", "groupSum")}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  let size = f32(uniforms.rows * uniforms.perGroup);
  for (var image = 0; image < uniforms.images; image++) {
    var means = vec2<f32>();
    for (var channel = 0; channel < uniforms.perGroup; channel++) {
      let col = i32(group.x) * uniforms.perGroup + channel;
      var sum = vec2<f32>();
      for (var chunk = i32(thread); chunk < uniforms.chunks; chunk += ${threads}) {
        sum += parts[(image * uniforms.chunks + chunk) * uniforms.cols + col];
      }
      let whole = groupSum(sum, thread);
      means += whole * gamma[col];
      if (thread == 0u) {
        dgamma[col] = select(dgamma[col], 0.0, image == 0) + whole.x;
        dbeta[col] = select(dbeta[col], 0.0, image == 0) + whole.y;
      }
    }
    if (thread == 0u) { slopes[image * uniforms.groups + i32(group.x)] = means / size; }
  }
}
`;

interface SlopeSums {
  /** [images, groups] of pairs: means of g * normed and of g. */
  readonly slopes: TensorInfo;
  readonly dGamma: TensorInfo;
  readonly dBeta: TensorInfo;
}

function slopeSums(backend: ShaderBackend, x: TensorInfo, dy: TensorInfo, norm: ChannelNorm): SlopeSums {
  const { gamma, beta, relu, key, sizes, perGroup } = norm;
  const { images, rows, cols } = sizes;
  const parts = columnParts(backend, {
    ...sizes,
    key: `${key}${relu ? "_relu" : ""}_slopes`,
    inputs: [...floats({ x, dy, ...(relu && { gamma, beta }) }), ...norm.inputs],
    uniforms: [...groupUniforms(norm), ...norm.uniforms],
    term: slopeTerm(norm),
  });
  const [slopes, dGamma, dBeta] = dispatch(backend, {
    key: "channel_norm_join_slopes",
    outputs: [
      { name: "slopes", element: "vec2<f32>", into: [images, cols / perGroup, 2] },
      { name: "dgamma", element: "f32", into: [cols] },
      { name: "dbeta", element: "f32", into: [cols] },
    ],
    inputs: [{ name: "parts", element: "vec2<f32>", tensor: parts.sums }, ...floats({ gamma })],
    uniforms: [
      ["images", "i32", images],
      ["rows", "i32", rows],
      ["cols", "i32", cols],
      ["chunks", "i32", parts.chunks],
      ...groupUniforms(norm),
    ],
    code: () => joinSlopesCode,
    groups: [cols / perGroup, 1, 1],
  });
  backend.disposeData(parts.sums.dataId);
  return { slopes: slopes!, dGamma: dGamma!, dBeta: dBeta! };
}

/**
 * dx, dgamma, dbeta: three passes.
 *
 * @param fixed the statistics are given numbers, not those of x
 */
export function pullBackChannels(
  backend: ShaderBackend,
  x: TensorInfo,
  dy: TensorInfo,
  norm: ChannelNorm,
  fixed: boolean,
): TensorInfo[] {
  const { gamma, beta, relu } = norm;
  const { slopes, dGamma, dBeta } = slopeSums(backend, x, dy, norm);
  const d = (type: string): string =>
    relu ? `select(${type}(), dy[at], normed * weight + shift > ${type}())` : "dy[at]";
  const terms = { along: "slopes[groupOf(image, channel)].x", level: "slopes[groupOf(image, channel)].y" };
  const dx = everyNumber(backend, norm, {
    key: `${relu ? "relu_" : ""}${fixed ? "fixed_" : ""}grad`,
    large: { x, dy },
    inputs: [
      ...floats({ gamma, ...(relu && { beta }) }),
      ...(fixed ? [] : [{ name: "slopes", element: "vec2<f32>", tensor: slopes } as const]),
    ],
    channel: {
      weight: "gamma[channel]",
      ...(relu && { shift: "beta[channel]" }),
      ...(!fixed && terms),
    },
    value: (type) =>
      fixed ? `${d(type)} * weight * inverse` : `inverse * (${d(type)} * weight - level - normed * along)`,
  });
  backend.disposeData(slopes.dataId);
  return [dx, dGamma, dBeta];
}
