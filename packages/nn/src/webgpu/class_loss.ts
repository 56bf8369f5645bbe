import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { ClassLossOptions } from "../ops/class_loss_types.js";
import {
  type ClassLossVariant,
  classSlopesCode,
  classTermsCode,
  sharesSoftmax,
} from "./class_loss_shader.js";
import { columnsOfGroup, laneSumCode } from "./column_sums.js";
import { dispatch, type ShaderInput, type UniformValue } from "./dispatch.js";
import type { KernelCall, WebgpuKernel } from "./kernel.js";

/**
 * Losses over classes from logits: two dispatches for sums per class, one for the derivative, where TensorFlow.js's operations
 * take forty and more.
 *
 * Arithmetic, a logit: some 15 FLOP and two exponentials for a softmax, 60 and three for focal loss, over 4 bytes and a share of a
 * label (8 for the derivative): bound by memory where classes are few. A group of threads takes 256 pixels at a time: first a thread
 * each for what the classes of a pixel share, kept in workgroup memory, then a thread each for a class, so that neighbours read and write
 * neighbours. Sums are added up in a tree of fixed order.
 */

const threads = 256;
/** Groups along one axis that every device takes. */
const groupsPerRow = 65_535;
/** Groups that keep a large GPU busy, and the fewest pixels of one. */
const [wantedGroups, leastPixels] = [512, 1024];

interface ClassLoss {
  readonly variant: ClassLossVariant;
  readonly key: string;
  readonly pixels: number;
  readonly inputs: ShaderInput[];
  readonly uniforms: UniformValue[];
}

function lossOf({ inputs, attributes }: KernelCall): ClassLoss {
  const { kind, multilabel, ignore, ...numbers } = attributes as unknown as ClassLossOptions;
  const [pixels, classes] = inputs.logits!.shape as [number, number];
  const weighted = kind === "entropy" && inputs.weights !== undefined;
  const variant = { kind, multilabel, classes, weighted };
  const { logits, labels, weights } = inputs;
  const given = { logits: logits!, labels: labels!, ...(weighted && { weights: weights! }) };
  return {
    variant,
    key: [kind, classes, multilabel ? "multilabel" : "", weighted ? "weighted" : ""].join("_"),
    pixels,
    inputs: Object.entries(given).map(([name, tensor]) => ({ name, element: "f32", tensor })),
    uniforms: [
      ["pixels", "i32", pixels],
      ["hasIgnore", "i32", ignore === null ? 0 : 1],
      ["ignored", "f32", ignore ?? 0],
      ...ownUniforms(kind, numbers),
    ],
  };
}

function ownUniforms(
  kind: ClassLossOptions["kind"],
  {
    smoothing,
    gamma,
    weightOfTrue,
    weightOfFalse,
    threshold,
  }: Omit<ClassLossOptions, "kind" | "multilabel" | "ignore">,
): UniformValue[] {
  if (kind === "entropy") return [["smoothing", "f32", smoothing]];
  if (kind === "region") return [];
  return [
    ["gamma", "f32", gamma],
    ["rise", "f32", weightOfTrue - weightOfFalse],
    ["level", "f32", weightOfFalse],
    ["threshold", "f32", threshold],
    ["perThreshold", "f32", threshold > 0 ? threshold ** -gamma : 1],
  ];
}

/** Sums of a part of the pixels, per class; of cross-entropy there is one for all classes. */
function sumsCode(variant: ClassLossVariant, sumColumns: number): string {
  const columns = columnsOfGroup(sumColumns);
  const shared = sharesSoftmax(variant);
  return `
${classTermsCode(variant)}
${laneSumCode(columns, "vec4<f32>")}
var<workgroup> softmaxes : array<vec2<f32>, ${shared ? threads : 1}>;
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  let c = i32(group.x * ${columns}u + thread % ${columns}u);
  let first = i32(group.y) * uniforms.perGroup;
  let last = min(first + uniforms.perGroup, uniforms.pixels);
  var sum = vec4<f32>();
  for (var start = first; start < last; start += ${threads}) {
    let end = min(start + ${threads}, last);
    ${
      shared
        ? `if (start + i32(thread) < end) { softmaxes[thread] = softmaxOf(start + i32(thread)); }
    workgroupBarrier();`
        : ""
    }
    if (c < ${sumColumns}) {
      for (var pixel = start + i32(thread / ${columns}u); pixel < end; pixel += ${threads / columns}) {
        sum += terms(pixel, c, ${shared ? "softmaxes[pixel - start]" : "vec2<f32>()"});
      }
    }
    ${shared ? "workgroupBarrier();" : ""}
  }
  let whole = laneSum(sum, thread);
  if (thread < ${columns}u && c < ${sumColumns}) { parts[i32(group.y) * ${sumColumns} + c] = whole; }
}
`;
}

/** Adds the parts, and puts the three sums of each class one row below the other; classes without sums get zeros. */
function totalCode(classes: number, sumColumns: number): string {
  const columns = columnsOfGroup(classes);
  return `
${laneSumCode(columns, "vec4<f32>")}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  let c = i32(group.x * ${columns}u + thread % ${columns}u);
  var sum = vec4<f32>();
  if (c < ${sumColumns}) {
    for (var part = i32(thread / ${columns}u); part < uniforms.parts; part += ${threads / columns}) {
      sum += parts[part * ${sumColumns} + c];
    }
  }
  let whole = laneSum(sum, thread);
  if (thread < ${columns}u && c < ${classes}) {
    for (var row = 0; row < 3; row++) { total[row * ${classes} + c] = whole[row]; }
  }
}
`;
}

/** `GlofClassSums`: logits [P, K], labels, weights? [K] -> sums [3, K]. */
function classSums(call: KernelCall): TensorInfo {
  const { backend } = call;
  const { variant, key, pixels, inputs, uniforms } = lossOf(call);
  const { classes, kind } = variant;
  const sumColumns = kind === "entropy" ? 1 : classes;
  const tiles = Math.ceil(Math.max(pixels / wantedGroups, leastPixels) / threads);
  const perGroup = tiles * threads;
  const count = Math.ceil(pixels / perGroup);
  const [parts] = dispatch(backend, {
    key: `class_sums_${key}`,
    outputs: [{ name: "parts", element: "vec4<f32>", into: [count, sumColumns, 4] }],
    inputs,
    uniforms: [...uniforms, ["perGroup", "i32", perGroup]],
    code: () => sumsCode(variant, sumColumns),
    groups: [Math.ceil(sumColumns / columnsOfGroup(sumColumns)), count, 1],
  });
  const [total] = dispatch(backend, {
    key: `class_sums_total_${classes}_${sumColumns}`,
    outputs: [{ name: "total", element: "f32", into: [3, classes] }],
    inputs: [{ name: "parts", element: "vec4<f32>", tensor: parts! }],
    uniforms: [["parts", "i32", count]],
    code: () => totalCode(classes, sumColumns),
    groups: [Math.ceil(classes / columnsOfGroup(classes)), 1, 1],
  });
  backend.disposeData(parts!.dataId);
  return total!;
}

function slopesCode(variant: ClassLossVariant): string {
  const shared = sharesSoftmax(variant);
  return `
${classSlopesCode(variant)}
var<workgroup> known : array<vec4<f32>, ${shared ? threads : 1}>;
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  let start = i32(group.y * ${groupsPerRow}u + group.x) * ${threads};
  if (start >= uniforms.pixels) { return; }
  let count = min(${threads}, uniforms.pixels - start);
  ${
    shared
      ? `if (i32(thread) < count) { known[thread] = pixelOf(start + i32(thread)); }
  workgroupBarrier();`
      : ""
  }
  for (var i = i32(thread); i < count * K; i += ${threads}) {
    dx[start * K + i] = slope(start + i / K, i % K, ${shared ? "known[i / K]" : "vec4<f32>()"});
  }
}
`;
}

/** `GlofClassSlopes`: as above and coefficients [2, K] -> the derivative by the logits. */
function classSlopes(call: KernelCall): TensorInfo {
  const { variant, key, pixels, inputs, uniforms } = lossOf(call);
  const groups = Math.ceil(pixels / threads);
  const [dx] = dispatch(call.backend, {
    key: `class_slopes_${key}`,
    outputs: [{ name: "dx", element: "f32", into: call.inputs.logits!.shape }],
    inputs: [...inputs, { name: "coefficients", element: "f32", tensor: call.inputs.coefficients! }],
    uniforms,
    code: () => slopesCode(variant),
    groups: [Math.min(groups, groupsPerRow), Math.ceil(groups / groupsPerRow), 1],
  });
  return dx!;
}

/** `GlofClassSums` and `GlofClassSlopes`. */
export const classLossKernels: readonly WebgpuKernel[] = [
  { name: "GlofClassSums", compute: classSums },
  { name: "GlofClassSlopes", compute: classSlopes },
];
