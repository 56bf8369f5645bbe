import type { TensorInfo } from "@tensorflow/tfjs-core";
import {
  type ColumnParts,
  type ColumnTerms,
  chunksOf,
  columnHead,
  columnParts,
  columnsOfGroup,
  laneSumCode,
} from "./column_sums.js";
import { dispatch, type ShaderInput, type UniformValue } from "./dispatch.js";
import type { KernelCall, WebgpuKernel } from "./kernel.js";
import type { ShaderBackend } from "./shader.js";

/**
 * Group normalisation of images.
 *
 * Arithmetic: about 8 FLOP a number forwards over 12 bytes, since the statistics must be whole before the first result: x is
 * read twice by the first pass (the second time from the caches), once by the last. Backwards some 20 FLOP over 28 bytes: the
 * statistics again, then sums over dy and x, then dx. Bound by device memory.
 *
 * An image has few groups and many pixels, so its pixels are cut into chunks: each has its mean and its sum of squares about
 * that mean per channel, which a second, small pass joins per group exactly as if all pixels had been summed about the
 * group's mean. Nothing cancels, and results repeat to the bit.
 */

const threads = 256;
/** Groups along one axis that every device takes. */
const groupsPerRow = 65_535;

interface Sizes {
  readonly images: number;
  readonly rows: number;
  readonly cols: number;
  readonly groups: number;
  readonly epsilon: number;
}

function sizesOf({ inputs, attributes }: KernelCall): Sizes {
  const [images, rows, cols, channels] = inputs.x!.shape as [number, number, number, number];
  const { groups, epsilon } = attributes as Record<"groups" | "epsilon", number>;
  return { images, rows: rows * cols, cols: channels, groups, epsilon };
}

const uniformsOf = ({ rows, cols, groups, epsilon }: Sizes): UniformValue[] => [
  ["rows", "i32", rows],
  ["cols", "i32", cols],
  ["perGroup", "i32", cols / groups],
  ["groups", "i32", groups],
  ["epsilon", "f32", epsilon],
];

/** Mean of a chunk, and the sum of squares about it. */
const momentsCode = (columns: number): string => `
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

/** WGSL: `groupSum(value, thread)` over all threads. */
const groupSumCode = laneSumCode(1).replaceAll("laneSum", "groupSum");

/** Mean and 1 / std of a group of an image: a group of threads for each. */
const joinMomentsCode = `
${groupSumCode}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  let image = i32(group.y);
  let count = uniforms.chunks * uniforms.perGroup;
  var sum = 0.0;
  for (var at = i32(thread); at < count; at += ${threads}) {
    sum += pixelsOf(at) * moments[placeOf(image, i32(group.x), at)].x;
  }
  let size = f32(uniforms.rows * uniforms.perGroup);
  let mean = groupSum(vec2<f32>(sum, 0.0), thread).x / size;
  var squares = 0.0;
  for (var at = i32(thread); at < count; at += ${threads}) {
    let one = moments[placeOf(image, i32(group.x), at)];
    let off = one.x - mean;
    squares += one.y + pixelsOf(at) * off * off;
  }
  let variance = groupSum(vec2<f32>(squares, 0.0), thread).x / size;
  if (thread == 0u) {
    stats[image * uniforms.groups + i32(group.x)] = vec2<f32>(mean, inverseSqrt(variance + uniforms.epsilon));
  }
}
fn placeOf(image : i32, group : i32, at : i32) -> i32 {
  let chunk = image * uniforms.chunks + at / uniforms.perGroup;
  return chunk * uniforms.cols + group * uniforms.perGroup + at % uniforms.perGroup;
}
fn pixelsOf(at : i32) -> f32 {
  let first = at / uniforms.perGroup * uniforms.perChunk;
  return f32(min(uniforms.perChunk, uniforms.rows - first));
}
`;

const chunkUniforms = ({ chunks, perChunk }: Pick<ColumnParts, "chunks" | "perChunk">): UniformValue[] => [
  ["chunks", "i32", chunks],
  ["perChunk", "i32", perChunk],
];

/** [N, groups] of pairs: mean and 1 / std. */
function statistics(backend: ShaderBackend, x: TensorInfo, sizes: Sizes): TensorInfo {
  const { images, rows, cols, groups } = sizes;
  const cut = chunksOf(images, rows, cols);
  const columns = columnsOfGroup(cols);
  const uniforms = [...uniformsOf(sizes), ...chunkUniforms(cut)];
  const [moments] = dispatch(backend, {
    key: `group_norm_moments_${columns}`,
    outputs: [{ name: "moments", element: "vec2<f32>", into: [images * cut.chunks, cols, 2] }],
    inputs: [{ name: "x", element: "f32", tensor: x }],
    uniforms,
    code: () => momentsCode(columns),
    groups: [Math.ceil(cols / columns), cut.chunks, images],
  });
  const [stats] = dispatch(backend, {
    key: "group_norm_join",
    outputs: [{ name: "stats", element: "vec2<f32>", into: [images, groups, 2] }],
    inputs: [{ name: "moments", element: "vec2<f32>", tensor: moments! }],
    uniforms,
    code: () => joinMomentsCode,
    groups: [groups, images, 1],
  });
  backend.disposeData(moments!.dataId);
  return stats!;
}

/** A pass over every number of x, `value` being WGSL of the result at `at`, of the channel `col` and the group `place`. */
function everywhere(
  backend: ShaderBackend,
  key: string,
  value: string,
  sizes: Sizes,
  inputs: Readonly<Record<string, TensorInfo>>,
  pairs: Readonly<Record<string, TensorInfo>>,
): TensorInfo {
  const { shape } = inputs.x!;
  const count = sizes.images * sizes.rows * sizes.cols;
  const groups = Math.ceil(count / threads);
  const given = (
    element: "f32" | "vec2<f32>",
    tensors: Readonly<Record<string, TensorInfo>>,
  ): ShaderInput[] => Object.entries(tensors).map(([name, tensor]) => ({ name, element, tensor }));
  const [y] = dispatch(backend, {
    key: `group_norm_${key}`,
    outputs: [{ name: "y", element: "f32", into: shape }],
    inputs: [...given("f32", inputs), ...given("vec2<f32>", pairs)],
    uniforms: [["count", "i32", count], ...uniformsOf(sizes)],
    code: () => `
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  let at = i32((group.y * ${groupsPerRow}u + group.x) * ${threads}u + thread);
  if (at >= uniforms.count) { return; }
  let col = at % uniforms.cols;
  let place = at / (uniforms.rows * uniforms.cols) * uniforms.groups + col / uniforms.perGroup;
  let normed = (x[at] - stats[place].x) * stats[place].y;
  y[at] = ${value};
}
`,
    groups: [Math.min(groups, groupsPerRow), Math.ceil(groups / groupsPerRow), 1],
  });
  return y!;
}

function groupNorm(call: KernelCall): TensorInfo {
  const { backend, inputs } = call;
  const [x, gamma, beta] = [inputs.x!, inputs.gamma!, inputs.beta!];
  const sizes = sizesOf(call);
  const stats = statistics(backend, x, sizes);
  const isRelu = call.attributes.activation === "relu";
  const value = "normed * gamma[col] + beta[col]";
  const code = isRelu ? `select(${value}, 0.0, ${value} < 0.0)` : value;
  const y = everywhere(backend, isRelu ? "relu" : "value", code, sizes, { x, gamma, beta }, { stats });
  backend.disposeData(stats.dataId);
  return y;
}

/** WGSL of dy where ReLU let the result through, at `at`. */
const passed = "select(0.0, dy[at], normed * gamma[col] + beta[col] > 0.0)";

/** Of d * normed and of d, per channel of a chunk, d being what passes of dy. */
const slopeTerm = (isRelu: boolean): string => `
fn term(image : i32, row : i32, col : i32) -> vec2<f32> {
  let place = stats[image * uniforms.groups + col / uniforms.perGroup];
  let at = row * uniforms.cols + col;
  let normed = (x[at] - place.x) * place.y;
  return ${isRelu ? passed : "dy[at]"} * vec2<f32>(normed, 1.0);
}
`;

/**
 * A group of threads for each group of channels goes through the images: their sums for gamma and beta add up, and each image has
 * the means over its group of g * normed and of g, g = dy * gamma.
 */
const joinSlopesCode = `
${groupSumCode}
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

function groupNormGradient(call: KernelCall): TensorInfo[] {
  const { backend, inputs } = call;
  const [x, gamma, beta, dy] = [inputs.x!, inputs.gamma!, inputs.beta!, inputs.dy!];
  const isRelu = call.attributes.activation === "relu";
  const sizes = sizesOf(call);
  const { images, rows, cols, groups } = sizes;
  const stats = statistics(backend, x, sizes);
  const affine: ShaderInput[] = [
    { name: "gamma", element: "f32", tensor: gamma },
    { name: "beta", element: "f32", tensor: beta },
  ];
  const terms: ColumnTerms = {
    key: isRelu ? "group_norm_relu_slopes" : "group_norm_slopes",
    images,
    rows,
    cols,
    inputs: [
      { name: "x", element: "f32", tensor: x },
      { name: "dy", element: "f32", tensor: dy },
      { name: "stats", element: "vec2<f32>", tensor: stats },
      ...(isRelu ? affine : []),
    ],
    uniforms: uniformsOf(sizes).filter(([name]) => name === "perGroup" || name === "groups"),
    term: slopeTerm(isRelu),
  };
  const parts = columnParts(backend, terms);
  const [slopes, dGamma, dBeta] = dispatch(backend, {
    key: "group_norm_join_slopes",
    outputs: [
      { name: "slopes", element: "vec2<f32>", into: [images, groups, 2] },
      { name: "dgamma", element: "f32", into: [cols] },
      { name: "dbeta", element: "f32", into: [cols] },
    ],
    inputs: [
      { name: "parts", element: "vec2<f32>", tensor: parts.sums },
      { name: "gamma", element: "f32", tensor: gamma },
    ],
    uniforms: [...uniformsOf(sizes), ...chunkUniforms(parts), ["images", "i32", images]],
    code: () => joinSlopesCode,
    groups: [groups, 1, 1],
  });
  const d = isRelu ? passed : "dy[at]";
  const value = `stats[place].y * (${d} * gamma[col] - slopes[place].y - normed * slopes[place].x)`;
  const given: Record<string, TensorInfo> = isRelu ? { x, gamma, beta, dy } : { x, gamma, dy };
  const dx = everywhere(backend, isRelu ? "relu_grad" : "grad", value, sizes, given, {
    stats,
    slopes: slopes!,
  });
  for (const { dataId } of [stats, parts.sums, slopes!]) backend.disposeData(dataId);
  return [dx, dGamma!, dBeta!];
}

/** `GlofGroupNorm` and `GlofGroupNormGrad`: three passes forwards, five backwards. */
export const groupNormKernels: readonly WebgpuKernel[] = [
  { name: "GlofGroupNorm", compute: groupNorm },
  { name: "GlofGroupNormGrad", compute: groupNormGradient },
];
