import type { TensorInfo } from "@tensorflow/tfjs-core";
import { dispatch, type ShaderInput } from "./dispatch.js";
import { groupsPerAxis } from "./groups_per_axis.js";
import type { WebgpuKernel } from "./kernel.js";
import type { ShaderBackend } from "./shader.js";

/**
 * silu(gate) * value of rows [gate, value], where a gradient is recorded: the backward pass needs both. Where none is, it ends the
 * product (`gated_pairs.ts`).
 *
 * Arithmetic: some 15 FLOP a result over 12 bytes forwards and 20 backwards: bound by device memory. TensorFlow.js's operations
 * take five passes forwards (32 bytes) and nine backwards.
 */

const threads = 256;

const code = (store: string): string => `
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  let at = i32((group.y * ${groupsPerAxis}u + group.x) * ${threads}u + thread);
  if (at >= uniforms.count) { return; }
  let place = at / uniforms.cols * 2 * uniforms.cols + at % uniforms.cols;
  let gate = both[place];
  let value = both[place + uniforms.cols];
  let share = 1.0 / (1.0 + exp(-gate));
  ${store}
}
`;

const valueStore = "y[at] = gate * share * value;";
const gradientStore = `y[place] = dy[at] * value * share * (1.0 + gate * (1.0 - share));
  y[place + uniforms.cols] = dy[at] * gate * share;`;

function run(
  backend: ShaderBackend,
  store: string,
  inputs: Readonly<Record<string, TensorInfo>>,
): TensorInfo {
  const [rows, both] = inputs.both!.shape as [number, number];
  const [cols, isGradient] = [both / 2, inputs.dy !== undefined];
  const groups = Math.ceil((rows * cols) / threads);
  const [y] = dispatch(backend, {
    key: isGradient ? "gated_silu_grad" : "gated_silu",
    outputs: [{ name: "y", element: "f32", into: [rows, isGradient ? both : cols] }],
    inputs: Object.entries(inputs).map(([name, tensor]): ShaderInput => ({ name, element: "f32", tensor })),
    uniforms: [
      ["count", "i32", rows * cols],
      ["cols", "i32", cols],
    ],
    code: () => code(store),
    groups: [Math.min(groups, groupsPerAxis), Math.ceil(groups / groupsPerAxis), 1],
  });
  return y!;
}

/** `GlofGatedSilu` and `GlofGatedSiluGrad`: one pass each. */
export const gatedSiluKernels: readonly WebgpuKernel[] = [
  {
    name: "GlofGatedSilu",
    compute: ({ backend, inputs }) => run(backend, valueStore, { both: inputs.both! }),
  },
  {
    name: "GlofGatedSiluGrad",
    compute: ({ backend, inputs }) => run(backend, gradientStore, { both: inputs.both!, dy: inputs.dy! }),
  },
];
