import type { TensorInfo } from "@tensorflow/tfjs-core";
import { columnsOfGroup, laneSumCode } from "./column_sums.js";
import type { Dispatch, ShaderInput } from "./dispatch.js";
import { type Epilogue, finishCode, isGated } from "./epilogue.js";
import { groupsPerAxis } from "./groups_per_axis.js";
import { followingOf, type ProductEnd } from "./product_end.js";
import type { ProductProblem } from "./product_problem.js";

/**
 * Products whose sum over K is shared among groups of threads: a filter's gradient has few results and a sum over all pixels, the
 * gradient of a linear layer's weights one over all tokens.
 *
 * Arithmetic: S parts of M N numbers are written and read once more, 8 S M N bytes, for S times as many groups. A part of
 * K / S = 256 brings 512 FLOP to these 8 bytes, about four times what a device of 67 TFLOP/s does while its memory of 4.8 TB/s moves
 * them. Parts are added in a fixed order, and what follows the product follows their sum.
 */

const threads = 256;
/** Groups wanted, numbers along K that one adds up at least. */
const [wantedGroups, leastDepth] = [256, 256];

/** Parts that give groups enough, with so many tiles of results; 1 where a product cannot be shared out or K is short. */
export function splitsFor({ k, batch, end }: ProductProblem, tiles: number): number {
  if (batch > 1 || isGated(end) || end.halfY) return 1;
  return Math.max(1, Math.min(Math.ceil(wantedGroups / tiles), Math.floor(k / leastDepth)));
}

/** What the passes that make parts end with: nothing. */
export function partsProblem(problem: ProductProblem): ProductProblem {
  const { vectorN } = problem.end;
  const nothing = { bias: false, norm: false, scale: false, residual: false, halfY: false };
  return { ...problem, end: { vectorN, activation: "none", ...nothing } };
}

const sumCode = (end: Epilogue, columns: number): string => `
${finishCode(end)}
${laneSumCode(columns)}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  let size = uniforms.M * uniforms.N;
  let at = i32((group.y * ${groupsPerAxis}u + group.x) * ${columns}u + thread % ${columns}u);
  var sum = 0.0;
  if (at < size) {
    for (var part = i32(thread / ${columns}u); part < uniforms.splits; part += ${threads / columns}) {
      sum += parts[part * size + at];
    }
  }
  let whole = laneSum(vec2<f32>(sum, 0.0), thread).x;
  if (thread < ${columns}u && at < size) { finishAt(at, at % uniforms.N, whole); }
}
`;

/** The pass that adds parts [S, M, N] and ends the product: [1, M, N]. */
export function sumOfParts({ m, n, end }: ProductProblem, parts: TensorInfo, after: ProductEnd): Dispatch {
  const single = { ...end, vectorN: false };
  const columns = columnsOfGroup(m * n);
  const groups = Math.ceil((m * n) / columns);
  const steps = Object.entries(end).map(([name, value]) => (value === true ? name : value || ""));
  const { tensors, uniforms } = followingOf(after);
  const given = [["parts", parts] as const, ...tensors];
  return {
    key: `product_parts_${columns}_${steps.join("_")}`,
    outputs: [{ name: "y", element: "f32", into: [1, m, n] }],
    inputs: given.map(([name, tensor]): ShaderInput => ({ name, element: "f32", tensor })),
    uniforms: [["M", "i32", m], ["N", "i32", n], ["splits", "i32", parts.shape[0]!], ...uniforms],
    code: () => sumCode(single, columns),
    groups: [Math.min(groups, groupsPerAxis), Math.ceil(groups / groupsPerAxis), 1],
  };
}
