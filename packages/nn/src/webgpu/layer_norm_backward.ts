import type { TensorInfo } from "@tensorflow/tfjs-core";
import { addPairs } from "./column_sums.js";
import { dispatch, isHardware } from "./dispatch.js";
import type { KernelCall } from "./kernel.js";
import { repeat } from "./repeat.js";

/**
 * The gradients of a layer norm, in two passes.
 *
 * Arithmetic: some 20 FLOP a number over 12 bytes (x and dy read, dx written): bound by device memory. A group takes several
 * rows one after the other, each thread the same columns of all of them: the row's numbers stay in registers between its
 * statistics and its gradient, and so do the sums for gamma and beta, which leave the group once. The second pass adds those of
 * all groups, 8 bytes a column for a group, always in the same order.
 */

/** Groups that keep a large GPU busy. */
const wantedGroups = 256;
/** Rows of a group at least, so that the second pass has little to add. */
const leastRows = 4;

const code = (threads: number, perThread: number, unroll: boolean): string => {
  const each = (line: (i: string) => string): string => repeat(perThread, "i", unroll, line);
  return `
var<workgroup> shared_sums : array<vec2<f32>, ${threads}>;
fn groupSum(value : vec2<f32>, thread : u32) -> vec2<f32> {
  shared_sums[thread] = value;
  workgroupBarrier();
  for (var half = ${threads / 2}u; half > 0u; half = half / 2u) {
    if (thread < half) { shared_sums[thread] = shared_sums[thread] + shared_sums[thread + half]; }
    workgroupBarrier();
  }
  let whole = shared_sums[0];
  workgroupBarrier();
  return whole;
}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  let first = i32(group.x) * uniforms.perGroup;
  let last = min(first + uniforms.perGroup, uniforms.rows);
  let size = f32(uniforms.cols);
  var values : array<f32, ${perThread}>;
  var slopes : array<f32, ${perThread}>;
  var sums : array<vec2<f32>, ${perThread}>;
  for (var row = first; row < last; row++) {
    let start = row * uniforms.cols;
    var sum = 0.0;
    ${each(
      (i) => `{
      let col = i32(thread + ${threads}u * ${i});
      values[${i}] = 0.0;
      slopes[${i}] = 0.0;
      if (col < uniforms.cols) {
        values[${i}] = x[start + col];
        slopes[${i}] = dy[start + col];
      }
      sum += values[${i}];
    }`,
    )}
    let mean = groupSum(vec2<f32>(sum, 0.0), thread).x / size;
    var squares = 0.0;
    ${each(
      (i) => `if (i32(thread + ${threads}u * ${i}) < uniforms.cols) {
      let off = values[${i}] - mean;
      squares += off * off;
    }`,
    )}
    let inverseStd = inverseSqrt(groupSum(vec2<f32>(squares, 0.0), thread).x / size + uniforms.epsilon);
    // Of g = dy * gamma and of g * normed.
    var along = vec2<f32>();
    ${each(
      (i) => `{
      let col = i32(thread + ${threads}u * ${i});
      if (col < uniforms.cols) {
        let normed = (values[${i}] - mean) * inverseStd;
        sums[${i}] += slopes[${i}] * vec2<f32>(normed, 1.0);
        slopes[${i}] = slopes[${i}] * gamma[col];
        values[${i}] = normed;
        along += slopes[${i}] * vec2<f32>(1.0, normed);
      }
    }`,
    )}
    let means = groupSum(along, thread) / size;
    ${each(
      (i) => `{
      let col = i32(thread + ${threads}u * ${i});
      if (col < uniforms.cols) {
        dx[start + col] = inverseStd * (slopes[${i}] - means.x - values[${i}] * means.y);
      }
    }`,
    )}
  }
  ${each(
    (i) => `{
    let col = i32(thread + ${threads}u * ${i});
    if (col < uniforms.cols) { parts[i32(group.x) * uniforms.cols + col] = sums[${i}]; }
  }`,
  )}
}
`;
};

/** x [M, D], gamma [D], dy [M, D] -> dx, dgamma, dbeta. */
export function layerNormGradient({ backend, inputs, attributes }: KernelCall): TensorInfo[] {
  const [x, gamma, dy] = [inputs.x!, inputs.gamma!, inputs.dy!];
  const [rows, cols] = x.shape as [number, number];
  const threads = cols <= 64 ? 64 : 256;
  const perThread = Math.ceil(cols / threads);
  const perGroup = Math.max(leastRows, Math.ceil(rows / wantedGroups));
  const groups = Math.ceil(rows / perGroup);
  const unroll = isHardware(backend);
  const [dx, parts] = dispatch(backend, {
    key: `layer_norm_grad_${threads}_${perThread}_${unroll}`,
    outputs: [
      { name: "dx", element: "f32", into: x.shape },
      { name: "parts", element: "vec2<f32>", into: [groups, cols, 2] },
    ],
    inputs: [
      { name: "x", element: "f32", tensor: x },
      { name: "gamma", element: "f32", tensor: gamma },
      { name: "dy", element: "f32", tensor: dy },
    ],
    uniforms: [
      ["rows", "i32", rows],
      ["cols", "i32", cols],
      ["perGroup", "i32", perGroup],
      ["epsilon", "f32", attributes.epsilon as number],
    ],
    code: () => code(threads, perThread, unroll),
    groups: [groups, 1, 1],
  });
  const gradients = addPairs(backend, parts!, [groups, cols], 2);
  backend.disposeData(parts!.dataId);
  return [dx!, ...gradients];
}
