import type { TensorInfo } from "@tensorflow/tfjs-core";
import { chunksOf, columnHead, columnsOfGroup, laneSumCode } from "./column_sums.js";
import { dispatch, type ShaderInput, type ShaderOutput, type UniformValue } from "./dispatch.js";
import type { ShaderBackend } from "./shader.js";

/**
 * Mean and variance of channels, or of groups of them, over the pixels of each image.
 *
 * Arithmetic: 4 FLOP a number over 4 bytes (8, where the second reading misses the caches): bound by device memory. An image has
 * few channels and many pixels, so its pixels are cut into chunks: each has its mean and its sum of squares about that mean per
 * channel, which a second, small pass joins exactly as if all pixels had been summed about the common mean. Nothing cancels, and
 * results repeat to the bit.
 */

const threads = 256;

/** A tensor seen as [images, rows, cols], cols being channels; a batch whose images share statistics is one image. */
export interface ChannelSizes {
  readonly images: number;
  /** Pixels. */
  readonly rows: number;
  readonly cols: number;
}

/** What becomes of the moments of each group of channels of each image. */
export interface MomentsResult {
  /** Unique for the code. */
  readonly key: string;
  /** Channels that share their moments; they divide the channels. */
  readonly perGroup: number;
  readonly outputs: readonly ShaderOutput[];
  readonly inputs?: readonly ShaderInput[];
  readonly uniforms?: readonly UniformValue[];
  /** WGSL that stores `mean` and biased `variance` of the group `at`, counted over all images. */
  readonly store: string;
}

/** Mean of a chunk, and the sum of squares about it. */
const chunkCode = (columns: number): string => `
${laneSumCode(columns)}
${columnHead(columns)}
  var sum = 0.0;
  if (col < uniforms.cols) {
    for (var row = first + lane; row < last; row += ${threads / columns}) { sum += x[row * uniforms.cols + col]; }
  }
  let mean = laneSum(vec2<f32>(sum, 0.0), thread).x / f32(last - first);
  var squares = 0.0;
  if (col < uniforms.cols) {
    for (var row = first + lane; row < last; row += ${threads / columns}) {
      let off = x[row * uniforms.cols + col] - mean;
      squares += off * off;
    }
  }
  let whole = laneSum(vec2<f32>(squares, 0.0), thread).x;
  if (lane == 0 && col < uniforms.cols) { moments[place] = vec2<f32>(mean, whole); }
}
`;

/** Mean and variance of a group of channels of an image: a group of threads for each. */
const joinCode = (store: string): string => `
${laneSumCode(1).replaceAll("laneSum", "groupSum")}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  let image = i32(group.y);
  let count = uniforms.chunks * uniforms.perGroup;
  var sum = 0.0;
  for (var part = i32(thread); part < count; part += ${threads}) {
    sum += pixelsOf(part) * moments[placeOf(image, i32(group.x), part)].x;
  }
  let size = f32(uniforms.rows * uniforms.perGroup);
  let mean = groupSum(vec2<f32>(sum, 0.0), thread).x / size;
  var squares = 0.0;
  for (var part = i32(thread); part < count; part += ${threads}) {
    let one = moments[placeOf(image, i32(group.x), part)];
    let off = one.x - mean;
    squares += one.y + pixelsOf(part) * off * off;
  }
  let variance = groupSum(vec2<f32>(squares, 0.0), thread).x / size;
  if (thread != 0u) { return; }
  let at = image * uniforms.groups + i32(group.x);
  ${store}
}
fn placeOf(image : i32, group : i32, part : i32) -> i32 {
  let chunk = image * uniforms.chunks + part / uniforms.perGroup;
  return chunk * uniforms.cols + group * uniforms.perGroup + part % uniforms.perGroup;
}
fn pixelsOf(part : i32) -> f32 {
  let first = part / uniforms.perGroup * uniforms.perChunk;
  return f32(min(uniforms.perChunk, uniforms.rows - first));
}
`;

/** Queues two passes; the outputs of `result` belong to the caller. */
export function channelMoments(
  backend: ShaderBackend,
  x: TensorInfo,
  { images, rows, cols }: ChannelSizes,
  { key, perGroup, outputs, inputs = [], uniforms = [], store }: MomentsResult,
): TensorInfo[] {
  const { chunks, perChunk } = chunksOf(images, rows, cols);
  const columns = columnsOfGroup(cols);
  const groups = cols / perGroup;
  const sizes = Object.entries({ rows, cols, perChunk, chunks, perGroup, groups }).map(
    ([name, value]): UniformValue => [name, "i32", value],
  );
  const [moments] = dispatch(backend, {
    key: `channel_moments_${columns}`,
    outputs: [{ name: "moments", element: "vec2<f32>", into: [images * chunks, cols, 2] }],
    inputs: [{ name: "x", element: "f32", tensor: x }],
    uniforms: sizes,
    code: () => chunkCode(columns),
    groups: [Math.ceil(cols / columns), chunks, images],
  });
  const results = dispatch(backend, {
    key: `channel_moments_${key}`,
    outputs,
    inputs: [{ name: "moments", element: "vec2<f32>", tensor: moments! }, ...inputs],
    uniforms: [...sizes, ...uniforms],
    code: () => joinCode(store),
    groups: [groups, images, 1],
  });
  backend.disposeData(moments!.dataId);
  return results;
}
