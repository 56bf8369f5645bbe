import { nearestIndices, type ParamSpec } from "@glof/nn";
import {
  batchNorm,
  conv2d,
  convTranspose2d,
  elementwise,
  groupNorm,
  type OnnxGraph,
  type OnnxValue,
  resizeNearest,
  type WeightReader,
} from "@glof/onnx";
import type { ConvUnit } from "../conv_unit.js";
import { groupsFor, type NormKind } from "../norm.js";

/** Added to the variance by both normalisations. */
const epsilon = 1e-5;

/** What the parts of a decoder's graph are made from. */
export interface DecoderParts {
  readonly graph: OnnxGraph;
  /** Gives a parameter by its name, in PyTorch's layout. */
  readonly read: WeightReader;
  readonly specs: ReadonlyMap<string, ParamSpec>;
  /** Put before the names of parameters in the graph. */
  readonly prefix: string;
}

/** A parameter of the table, under another shape where that is asked for; `undefined` where the table has none. */
export function addWeight(
  { graph, read, specs, prefix }: DecoderParts,
  name: string,
  shape: readonly number[] | undefined = specs.get(name)?.shape,
): OnnxValue | undefined {
  return shape && specs.has(name) ? graph.weight(prefix + name, shape, () => read(name)) : undefined;
}

/** A convolution by the parameters named `at`, as `applyConv`. */
export function addConv(
  parts: DecoderParts,
  at: string,
  x: OnnxValue,
  options: { readonly stride?: number; readonly padding?: number } = {},
): OnnxValue {
  const weight = addWeight(parts, `${at}.weight`)!;
  return conv2d(parts.graph, x, { weight, bias: addWeight(parts, `${at}.bias`), ...options });
}

/** The doubling transposed convolution by the parameters named `at`. */
export function addDoubling(parts: DecoderParts, at: string, x: OnnxValue): OnnxValue {
  const weight = addWeight(parts, `${at}.weight`)!;
  return convTranspose2d(parts.graph, x, { weight, bias: addWeight(parts, `${at}.bias`), stride: 2 });
}

/** The normalisation named `at`, as `applyNorm`. */
export function addNorm(parts: DecoderParts, kind: NormKind, at: string, x: OnnxValue): OnnxValue {
  if (kind === "none") return x;
  const width = x.shape[1] as number;
  const shape = kind === "group" ? [width, 1, 1] : [width];
  const weight = addWeight(parts, `${at}.weight`, shape)!;
  const bias = addWeight(parts, `${at}.bias`, shape)!;
  if (kind === "group") return groupNorm(parts.graph, x, groupsFor(width), { weight, bias, epsilon });
  const mean = addWeight(parts, `${at}.running_mean`)!;
  const variance = addWeight(parts, `${at}.running_var`)!;
  return batchNorm(parts.graph, x, { weight, bias, mean, variance, epsilon });
}

/** Convolution, normalisation, ReLU, as `applyUnit`. */
export function addUnit(parts: DecoderParts, unit: ConvUnit, x: OnnxValue): OnnxValue {
  const { conv, norm, kernel = 3, stride = 1, normKind } = unit;
  const convolved = addConv(parts, conv, x, { stride, padding: (kernel - 1) / 2 });
  return elementwise(parts.graph, "Relu", addNorm(parts, normKind, norm, convolved));
}

/** Several units one behind the other. */
export function addUnits(parts: DecoderParts, units: readonly ConvUnit[], x: OnnxValue): OnnxValue {
  return units.reduce((current, unit) => addUnit(parts, unit, current), x);
}

/** Nearest resize to [rows, cols] by nn's rule. */
export function addNearest(
  { graph }: DecoderParts,
  x: OnnxValue,
  size: readonly [rows: number, cols: number],
): OnnxValue {
  const [height, width] = sizeOf(x);
  return resizeNearest(graph, x, [
    nearestIndices(height, size[0], undefined, false),
    nearestIndices(width, size[1], undefined, false),
  ]);
}

/** [rows, cols] of [N, C, rows, cols]. */
export function sizeOf({ shape }: OnnxValue): readonly [rows: number, cols: number] {
  return [shape[2] as number, shape[3] as number];
}
