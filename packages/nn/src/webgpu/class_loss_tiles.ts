import { type ClassLossVariant, sharesSoftmax, slopeCode, termsCode } from "./class_loss_shader.js";
import { columnsOfGroup, laneSumCode } from "./column_sums.js";
import { groupsPerAxis } from "./groups_per_axis.js";

/** Threads of a workgroup, and the pixels that it takes at a time. */
export const threads = 256;

/** Sums of a part of the pixels, per class; of cross-entropy there is one for all classes. */
export function classSumsCode(variant: ClassLossVariant, sumColumns: number): string {
  const columns = columnsOfGroup(sumColumns);
  const shared = sharesSoftmax(variant);
  return `
${termsCode(variant)}
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
export function classTotalCode(classes: number, sumColumns: number): string {
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

/** WGSL of the derivative. */
export function classSlopesCode(variant: ClassLossVariant): string {
  const shared = sharesSoftmax(variant);
  return `
${slopeCode(variant)}
var<workgroup> known : array<vec4<f32>, ${shared ? threads : 1}>;
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  let start = i32(group.y * ${groupsPerAxis}u + group.x) * ${threads};
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
