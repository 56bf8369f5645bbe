import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { PixelLossOptions } from "../ops/pixel_loss_types.js";
import { dispatch, type ShaderInput, type UniformValue } from "./dispatch.js";
import { groupsPerAxis } from "./groups_per_axis.js";
import type { KernelCall, WebgpuKernel } from "./kernel.js";
import { lossCode } from "./loss_shader.js";

/**
 * Losses that are functions of sums over pixels, from logits: two dispatches for the sums, one for the derivative, where
 * TensorFlow.js's operations take some twenty.
 *
 * Arithmetic: some 40 FLOP a pixel over 8 bytes (12 for the derivative): bound by memory. Sums are added up in a tree:
 * 16 numbers a thread, 256 threads, then the groups likewise.
 */

const threads = 256;
const leastTile = 16 * threads;

/** Cross-entropy and pixels; or probabilities, |probability - label|, labels and pixels; or soft counts. */
const termsCode = {
  bce: `
fn terms(x : f32, label : f32) -> vec4<f32> {
  let t = label * (1.0 - 2.0 * uniforms.smooth_) + uniforms.smooth_;
  return vec4<f32>((1.0 - t) * x + softplusOfMinus(x) * (1.0 + t * (uniforms.posWeight - 1.0)), 1.0, 0.0, 0.0);
}`,
  region: `
fn terms(x : f32, label : f32) -> vec4<f32> {
  let p = sigmoidOf(x);
  return vec4<f32>(p, abs(p - label), label, 1.0);
}`,
  counts: `
fn terms(x : f32, label : f32) -> vec4<f32> {
  let p = vec2<f32>(sigmoidOf(x), sigmoidOf(-x));
  return vec4<f32>(p.x * label, p.x * (1.0 - label), p.y * label, p.y * (1.0 - label));
}`,
};

const slopeCode = {
  bce: `
fn slope(x : f32, label : f32) -> f32 {
  let t = label * (1.0 - 2.0 * uniforms.smooth_) + uniforms.smooth_;
  let byValue = sigmoidOf(x) - t - t * (uniforms.posWeight - 1.0) * sigmoidOf(-x);
  return byValue * coefficients[0];
}`,
  region: `
fn slope(x : f32, label : f32) -> f32 {
  let p = sigmoidOf(x);
  let rises = 0.5 - 0.5 * sign(p - label);
  return (rises * coefficients[0] + coefficients[1]) * p * sigmoidOf(-x);
}`,
  counts: `
fn slope(x : f32, label : f32) -> f32 {
  return (label * coefficients[0] + coefficients[1]) * sigmoidOf(x) * sigmoidOf(-x);
}`,
};

const groupSum = `
var<workgroup> parts : array<vec4<f32>, ${threads}>;
fn groupSum(thread : u32, value : vec4<f32>) -> vec4<f32> {
  parts[thread] = value;
  workgroupBarrier();
  for (var half = ${threads / 2}u; half > 0u; half /= 2u) {
    if (thread < half) { parts[thread] += parts[thread + half]; }
    workgroupBarrier();
  }
  return parts[0];
}
`;

const parameters = `
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_index) thread : u32) {`;

const sumsCode = (kind: PixelLossOptions["kind"]): string => `
${lossCode}
${termsCode[kind]}
${groupSum}
${parameters}
  let first = group.x * u32(uniforms.tileSize);
  let end = min(first + u32(uniforms.tileSize), u32(uniforms.size));
  var sum = vec4<f32>();
  for (var at = first + thread; at < end; at += ${threads}u) {
    let label = labels[at];
    if (counts(label)) { sum += terms(logits[at], label); }
  }
  let whole = groupSum(thread, sum);
  if (thread == 0u) { sums[group.x] = whole; }
}
`;

const totalCode = `
${groupSum}
${parameters}
  var sum = vec4<f32>();
  for (var at = thread; at < u32(uniforms.size); at += ${threads}u) { sum += sums[at]; }
  let whole = groupSum(thread, sum);
  if (thread == 0u) { total[group.x] = whole; }
}
`;

const slopesCode = (kind: PixelLossOptions["kind"]): string => `
${lossCode}
${slopeCode[kind]}
${parameters}
  let at = (group.y * ${groupsPerAxis}u + group.x) * ${threads}u + thread;
  if (at >= u32(uniforms.size)) { return; }
  let label = labels[at];
  var result = 0.0;
  if (counts(label)) { result = slope(logits[at], label); }
  dx[at] = result;
}
`;

function uniformsOf({ kind, ignore, smooth, posWeight }: PixelLossOptions, size: number): UniformValue[] {
  const counts: UniformValue[] = [
    ["size", "i32", size],
    ["hasIgnore", "i32", ignore === null ? 0 : 1],
    ["ignored", "f32", ignore ?? 0],
  ];
  // "smooth" is a word that WGSL keeps for itself.
  const ofBce: UniformValue[] = [
    ["smooth_", "f32", smooth],
    ["posWeight", "f32", posWeight],
  ];
  return kind === "bce" ? [...counts, ...ofBce] : counts;
}

const sizeOf = ({ shape }: TensorInfo): number => shape.reduce((product, extent) => product * extent, 1);

function pixels(inputs: KernelCall["inputs"]): ShaderInput[] {
  return [
    { name: "logits", element: "f32", tensor: inputs.logits! },
    { name: "labels", element: "f32", tensor: inputs.labels! },
  ];
}

function pixelSums({ backend, inputs, attributes }: KernelCall): TensorInfo {
  const options = attributes as unknown as PixelLossOptions;
  const size = sizeOf(inputs.logits!);
  const tileSize = Math.max(leastTile, Math.ceil(size / groupsPerAxis / threads) * threads);
  const tiles = Math.ceil(size / tileSize);
  const [sums] = dispatch(backend, {
    key: `pixel_sums_${options.kind}`,
    outputs: [{ name: "sums", element: "vec4<f32>", into: [tiles, 4] }],
    inputs: pixels(inputs),
    uniforms: [...uniformsOf(options, size), ["tileSize", "i32", tileSize]],
    code: () => sumsCode(options.kind),
    groups: [tiles, 1, 1],
  });
  const [total] = dispatch(backend, {
    key: "pixel_sums_total",
    outputs: [{ name: "total", element: "vec4<f32>", into: [4] }],
    inputs: [{ name: "sums", element: "vec4<f32>", tensor: sums! }],
    uniforms: [["size", "i32", tiles]],
    code: () => totalCode,
    groups: [1, 1, 1],
  });
  backend.disposeData(sums!.dataId);
  return total!;
}

function pixelSlopes({ backend, inputs, attributes }: KernelCall): TensorInfo {
  const options = attributes as unknown as PixelLossOptions;
  const size = sizeOf(inputs.logits!);
  const groups = Math.ceil(size / threads);
  const [dx] = dispatch(backend, {
    key: `pixel_slopes_${options.kind}`,
    outputs: [{ name: "dx", element: "f32", into: inputs.logits!.shape }],
    inputs: [...pixels(inputs), { name: "coefficients", element: "f32", tensor: inputs.coefficients! }],
    uniforms: uniformsOf(options, size),
    code: () => slopesCode(options.kind),
    groups: [Math.min(groups, groupsPerAxis), Math.ceil(groups / groupsPerAxis), 1],
  });
  return dx!;
}

/** `GlofPixelSums` and `GlofPixelSlopes`. */
export const pixelLossKernels: readonly WebgpuKernel[] = [
  { name: "GlofPixelSums", compute: pixelSums },
  { name: "GlofPixelSlopes", compute: pixelSlopes },
];
