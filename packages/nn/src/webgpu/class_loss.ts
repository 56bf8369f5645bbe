import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { ClassLossOptions } from "../ops/class_loss_types.js";
import type { ClassLossVariant } from "./class_loss_shader.js";
import { classSlopesCode, classSumsCode, classTotalCode, threads } from "./class_loss_tiles.js";
import { columnsOfGroup } from "./column_sums.js";
import { dispatch, type ShaderInput, type UniformValue } from "./dispatch.js";
import { groupsPerAxis } from "./groups_per_axis.js";
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
    code: () => classSumsCode(variant, sumColumns),
    groups: [Math.ceil(sumColumns / columnsOfGroup(sumColumns)), count, 1],
  });
  const [total] = dispatch(backend, {
    key: `class_sums_total_${classes}_${sumColumns}`,
    outputs: [{ name: "total", element: "f32", into: [3, classes] }],
    inputs: [{ name: "parts", element: "vec4<f32>", tensor: parts! }],
    uniforms: [["parts", "i32", count]],
    code: () => classTotalCode(classes, sumColumns),
    groups: [Math.ceil(classes / columnsOfGroup(classes)), 1, 1],
  });
  backend.disposeData(parts!.dataId);
  return total!;
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
    code: () => classSlopesCode(variant),
    groups: [Math.min(groups, groupsPerAxis), Math.ceil(groups / groupsPerAxis), 1],
  });
  return dx!;
}

/** `GlofClassSums` and `GlofClassSlopes`. */
export const classLossKernels: readonly WebgpuKernel[] = [
  { name: "GlofClassSums", compute: classSums },
  { name: "GlofClassSlopes", compute: classSlopes },
];
