import type { TensorInfo } from "@tensorflow/tfjs-core";
import { type Bands, toBands } from "../ops/bands.js";
import { internalsOf } from "./backend_internals.js";
import { dispatch } from "./dispatch.js";
import { groupsPerAxis } from "./groups_per_axis.js";
import type { KernelCall, WebgpuKernel } from "./kernel.js";
import type { ShaderBackend } from "./shader.js";

/**
 * An axis of a tensor multiplied by a matrix of few numbers a row: resizing, average pooling, padding, and their adjoints.
 *
 * Arithmetic: 2 t FLOP a number of the result for t taps (2 for a bilinear resize, 4 for a bicubic one) over 4 bytes written and,
 * since neighbours read the same numbers, about 4 s bytes read, s being the share of input per output: bound by device memory. As
 * a product with the dense matrix a resize from 74 to 259 pixels would take 74 taps, and two transpositions besides.
 */

const threads = 256;

/** One line per row of the matrix: the column of its first weight, how many there are, and they themselves. */
function tableOf(backend: ShaderBackend, { firsts, counts, weights }: Bands): TensorInfo {
  const width = 2 + counts.reduce((most, count) => Math.max(most, count), 0);
  const table = new Float32Array(firsts.length * width);
  let from = 0;
  for (const [row, first] of firsts.entries()) {
    const count = counts[row]!;
    table.set([first, count], row * width);
    table.set(weights.subarray(from, from + count), row * width + 2);
    from += count;
  }
  return internalsOf(backend).makeTensorInfo([firsts.length, width], "float32", table);
}

const code = (type: string): string => `
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  let at = i32((group.y * ${groupsPerAxis}u + group.x) * ${threads}u + thread);
  if (at >= uniforms.count) { return; }
  let place = at / uniforms.inner;
  let line = (place % uniforms.outSize) * uniforms.width;
  let first = place / uniforms.outSize * uniforms.inSize + i32(table[line]);
  let taps = i32(table[line + 1]);
  var sum = ${type}();
  for (var tap = 0; tap < taps; tap++) {
    sum += table[line + 2 + tap] * x[(first + tap) * uniforms.inner + at % uniforms.inner];
  }
  y[at] = sum;
}
`;

function axisMap({ backend, inputs, attributes }: KernelCall): TensorInfo {
  const x = inputs.x!;
  const { outSize, inSize, axis } = attributes as Record<"outSize" | "inSize" | "axis", number>;
  const bands = toBands(attributes.values as Float32Array, outSize, inSize, attributes.adjoint === true);
  const table = tableOf(backend, bands);
  const shape = x.shape.map((size, at) => (at === axis ? bands.firsts.length : size));
  const sizeOf = (sizes: readonly number[]): number => sizes.reduce((product, size) => product * size, 1);
  const inner = sizeOf(x.shape.slice(axis + 1));
  const lanes = inner % 4 === 0 ? 4 : 1;
  const element = lanes === 4 ? "vec4<f32>" : "f32";
  const count = sizeOf(shape) / lanes;
  const groups = Math.ceil(count / threads);
  const [y] = dispatch(backend, {
    key: `axis_map_${lanes}`,
    outputs: [{ name: "y", element, into: shape }],
    inputs: [
      { name: "x", element, tensor: x },
      { name: "table", element: "f32", tensor: table },
    ],
    uniforms: [
      ["count", "i32", count],
      ["inner", "i32", inner / lanes],
      ["inSize", "i32", x.shape[axis]!],
      ["outSize", "i32", shape[axis]!],
      ["width", "i32", table.shape[1]!],
    ],
    code: () => code(element),
    groups: [Math.min(groups, groupsPerAxis), Math.ceil(groups / groupsPerAxis), 1],
  });
  backend.disposeData(table.dataId);
  return y!;
}

/** `GlofAxisMap`: one pass. */
export const axisMapKernel: WebgpuKernel = { name: "GlofAxisMap", compute: axisMap };
