import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { LovaszOptions } from "../ops/lovasz_types.js";
import { dispatch, type ShaderInput, type UniformValue } from "./dispatch.js";
import type { KernelCall, WebgpuKernel } from "./kernel.js";
import { notCounted, slopesCode, sumTilesCode, truthsCode } from "./lovasz_shader.js";
import { groupsOf, radixSort, type Tiling, tilingOf, tilingUniforms } from "./radix_sort.js";
import type { ShaderBackend } from "./shader.js";

/**
 * The Lovasz extension and its derivative: the sort, then what the pixels before each one say about its slope, in 15
 * dispatches. TensorFlow.js's operations take 192 for the sort and some 30 more.
 *
 * Arithmetic: about 20 FLOP a pixel; 100 bytes for the sort, 20 for the rest: bound by memory.
 */

/** The error of a pixel as a key: the larger the error the smaller; NaN first; what costs nothing, last of all. */
const keyCode = (form: LovaszOptions["form"]): string => `
fn keyAt(at : u32) -> u32 {
  let label = labels[at];
  let error = ${form === "hinge" ? "1.0 - select(-scores[at], scores[at], label == 1.0)" : "scores[at]"};
  let bits = bitcast<u32>(error);
  let isIgnored = uniforms.hasIgnore == 1 && label == uniforms.ignored;
  if (isIgnored) { return ${notCounted}; }
  if ((bits & 0x7fffffffu) > 0x7f800000u) { return 0u; }
  return select(${notCounted}, 0x7fffffffu - bits, bits > 0u && bits < 0x80000000u);
}
`;

/** The pixel's place in its row, and in the highest bit whether it is a true one that counts. */
const payloadCode = `
fn payloadAt(at : u32, column : u32) -> u32 {
  let label = labels[at];
  let isTrue = label == 1.0 && !(uniforms.hasIgnore == 1 && label == uniforms.ignored);
  return column | select(0u, 0x80000000u, isTrue);
}
`;

function lovasz({ backend, inputs, attributes }: KernelCall): TensorInfo[] {
  const { form, ignore, scale } = attributes as unknown as LovaszOptions;
  const [scores, labels] = [inputs.scores!, inputs.labels!];
  const [rows, cols] = scores.shape as [number, number];
  const [keys, payloads] = radixSort(backend, {
    name: `lovasz_${form}`,
    rows,
    cols,
    inputs: [
      { name: "scores", element: "f32", tensor: scores },
      { name: "labels", element: "f32", tensor: labels },
    ],
    uniforms: [
      ["hasIgnore", "i32", ignore === null ? 0 : 1],
      ["ignored", "f32", ignore ?? 0],
    ],
    keyCode: keyCode(form),
    payloadCode,
  }) as [TensorInfo, TensorInfo];
  const results = slopes(backend, { keys, payloads }, tilingOf(rows, cols), { form, scale });
  for (const { dataId } of [keys, payloads]) backend.disposeData(dataId);
  return results;
}

/** Value [R] and derivative [R, P] of sorted pixels. */
function slopes(
  backend: ShaderBackend,
  sorted: Readonly<Record<"keys" | "payloads", TensorInfo>>,
  tiling: Tiling,
  { form, scale }: Pick<LovaszOptions, "form" | "scale">,
): TensorInfo[] {
  const { rows, cols, tiles } = tiling;
  const uniforms: readonly UniformValue[] = tilingUniforms(tiling);
  const payloads: ShaderInput = { name: "payloads", element: "u32", tensor: sorted.payloads };
  const [truths] = dispatch(backend, {
    key: "lovasz_truths",
    outputs: [{ name: "truths", element: "u32", into: [rows, tiles] }],
    inputs: [payloads],
    uniforms,
    code: () => truthsCode,
    groups: groupsOf(tiling),
  });
  const [derivative, partial] = dispatch(backend, {
    key: `lovasz_slopes_${form}`,
    outputs: [
      { name: "derivative", element: "f32", into: [rows, cols] },
      { name: "sums", element: "f32", into: [rows, tiles] },
    ],
    inputs: [
      { name: "keys", element: "u32", tensor: sorted.keys },
      payloads,
      { name: "truths", element: "u32", tensor: truths! },
    ],
    uniforms: [...uniforms, ["scale", "f32", scale]],
    code: () => slopesCode(form),
    groups: groupsOf(tiling),
  });
  const [value] = dispatch(backend, {
    key: "lovasz_sum_tiles",
    outputs: [{ name: "value", element: "f32", into: [rows] }],
    inputs: [{ name: "sums", element: "f32", tensor: partial! }],
    uniforms,
    code: () => sumTilesCode,
    groups: groupsOf({ rows, tiles: 1 }),
  });
  for (const { dataId } of [truths!, partial!]) backend.disposeData(dataId);
  return [value!, derivative!];
}

/** `GlofLovasz`: scores and labels -> value of each row and its derivative by the scores. */
export const lovaszKernel: WebgpuKernel = { name: "GlofLovasz", compute: lovasz };
