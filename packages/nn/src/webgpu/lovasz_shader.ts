import { groupsPerAxis } from "./groups_per_axis.js";
import { threads, tileOfRow, words } from "./radix_sort_shader.js";

/** Key of a pixel that adds nothing: ignored, or right by a margin. Those that count have at most 0x7fffffff. */
export const notCounted = "0xffffffffu";

/** WGSL: `groupSum_<type>(v)`, the sum of one number per thread, the same in every thread. */
const groupSum = (type: "f32" | "u32"): string => `
var<workgroup> parts_${type} : array<${type}, ${threads}>;
fn groupSum_${type}(thread : u32, value : ${type}) -> ${type} {
  parts_${type}[thread] = value;
  workgroupBarrier();
  for (var half = ${threads / 2}u; half > 0u; half /= 2u) {
    if (thread < half) { parts_${type}[thread] += parts_${type}[thread + half]; }
    workgroupBarrier();
  }
  let whole = parts_${type}[0];
  workgroupBarrier();
  return whole;
}
`;

/** truths[tile] = the true pixels of each tile of the sorted rows. */
export const truthsCode = `
${groupSum("u32")}
${tileOfRow}
  var count = 0u;
  for (var column = first + thread; column < end; column += ${threads}u) {
    count += payloads[rowStart + column] >> 31u;
  }
  let whole = groupSum_u32(thread, count);
  if (thread == 0u) { truths[tile] = whole; }
}
`;

/**
 * The slope of every pixel, scattered back to its place, and the sum of error times slope of every tile.
 *
 * With `size` and `positives - seen` the union and the intersection before a pixel joins, the Jaccard loss grows by 1 / size at
 * a true pixel and by (positives - seen) / (size (size + 1)) at another.
 */
export const slopesCode = (form: "hinge" | "error"): string => `
${groupSum("u32")}
${groupSum("f32")}
var<workgroup> truthMask : array<atomic<u32>, ${words}>;
${tileOfRow}
  var earlier = 0u;
  var all = 0u;
  for (var other = thread; other < u32(uniforms.tiles); other += ${threads}u) {
    let count = truths[row * u32(uniforms.tiles) + other];
    all += count;
    if (other < group.x) { earlier += count; }
  }
  let positives = groupSum_u32(thread, all);
  var seenBefore = groupSum_u32(thread, earlier);
  let bit = 1u << (thread % 32u);
  var sum = 0.0;
  for (var round = first; round < end; round += ${threads}u) {
    if (thread < ${words}u) { atomicStore(&truthMask[thread], 0u); }
    workgroupBarrier();
    let column = round + thread;
    var payload = 0u;
    if (column < end) { payload = payloads[rowStart + column]; }
    if (payload >= 0x80000000u) { atomicOr(&truthMask[thread / 32u], bit); }
    workgroupBarrier();
    var seen = seenBefore;
    for (var w = 0u; w < ${words}u; w++) {
      let held = atomicLoad(&truthMask[w]);
      seenBefore += countOneBits(held);
      if (w < thread / 32u) { seen += countOneBits(held); }
      if (w == thread / 32u) { seen += countOneBits(held & (bit - 1u)); }
    }
    if (column < end) {
      let key = keys[rowStart + column];
      let isTrue = payload >= 0x80000000u;
      let size = f32(positives + column - seen);
      var slope = 0.0;
      if (key != ${notCounted}) {
        if (isTrue) { slope = 1.0 / size; }
        else if (size == 0.0) { slope = 1.0; }
        else { slope = f32(positives - seen) / (size * (size + 1.0)); }
        sum += bitcast<f32>(0x7fffffffu - key) * slope;
      }
      let place = rowStart + (payload & 0x7fffffffu);
      derivative[place] = ${form === "hinge" ? "select(slope, -slope, isTrue)" : "slope"} * uniforms.scale;
    }
    workgroupBarrier();
  }
  let whole = groupSum_f32(thread, sum);
  if (thread == 0u) { sums[tile] = whole; }
}
`;

/** value[row] = the sum over its tiles; one group per row. */
export const sumTilesCode = `
${groupSum("f32")}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  let row = group.y + group.z * ${groupsPerAxis}u;
  if (row >= u32(uniforms.rows)) { return; }
  var sum = 0.0;
  for (var tile = thread; tile < u32(uniforms.tiles); tile += ${threads}u) {
    sum += sums[row * u32(uniforms.tiles) + tile];
  }
  let whole = groupSum_f32(thread, sum);
  if (thread == 0u) { value[row] = whole; }
}
`;
