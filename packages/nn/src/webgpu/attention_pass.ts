import { GlofError } from "@glof/core";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { type AttentionForm, attentionFormChoice } from "./attention_form.js";
import type { AttentionPass, AttentionProblem } from "./attention_problem.js";
import { elementOf, poolBytes, type RowLayout } from "./attention_shader.js";
import { type Dispatch, dispatch, type ShaderInput, type UniformValue, workgroupBytes } from "./dispatch.js";
import { foldedGroups } from "./folded_groups.js";
import { attentionUnitsInUse } from "./half_precision.js";
import { unitAttentionCode, unitAttentionKey } from "./matrix_unit_attention.js";
import { queriesOf } from "./matrix_unit_attention_shape.js";

/** Queues a pass in the form that is chosen for it; its result belongs to the caller. */
export function runAttentionPass(problem: AttentionProblem, pass: AttentionPass): TensorInfo {
  const { backend } = problem;
  const form = attentionFormChoice.choose(backend, { problem, pass });
  const [result] = dispatch(backend, attentionPass(problem, pass, form));
  return result!;
}

/** A pass in a form. */
export function attentionPass(problem: AttentionProblem, pass: AttentionPass, form: AttentionForm): Dispatch {
  const { key, code, extensions, rows } = shaderOf(problem, pass, form);
  return {
    key,
    extensions,
    outputs: [
      {
        name: "result",
        element: pass.halfY ? "vec2<u32>" : pass.resultLayout ? elementOf(problem.shape) : "f32",
        into: pass.into,
      },
    ],
    inputs: inputsOf(problem, pass),
    uniforms: uniformsOf(problem, pass),
    code,
    groups: foldedGroups(Math.ceil(pass.rows / rows), problem.images * problem.heads),
  };
}

/** What the form decides on; `rows` are those of a workgroup. */
function shaderOf(
  problem: AttentionProblem,
  pass: AttentionPass,
  form: AttentionForm,
): Pick<Dispatch, "key" | "code"> & { readonly extensions: readonly string[]; readonly rows: number } {
  const { packed, halfY } = pass;
  if (form.kind === "units") {
    const units = attentionUnitsInUse()!;
    const unitForm = { ...form.shape, packed, halfY };
    return {
      key: unitAttentionKey(unitForm, units),
      code: () => unitAttentionCode(unitForm, units),
      extensions: units.extensions,
      rows: queriesOf(form.shape),
    };
  }
  const shape = { ...problem.shape, ...form.tile, packed, halfY };
  checkMemory(problem, poolBytes(shape));
  return {
    key: `${pass.name}_${Object.values(shape).join("_")}`,
    code: () => pass.code(shape),
    extensions: [],
    rows: form.tile.rows,
  };
}

function inputsOf({ shape, tensors }: AttentionProblem, pass: AttentionPass): ShaderInput[] {
  const element = pass.packed ? "vec2<u32>" : elementOf(shape);
  const inputs = pass.operands.map((name): ShaderInput => ({ name, element, tensor: tensors[name]! }));
  if (pass.statistics) inputs.push({ name: "statistics", element: "vec2<f32>", tensor: pass.statistics });
  return inputs;
}

function uniformsOf(
  { layouts, queries, keys, images, heads, shape, scale }: AttentionProblem,
  { operands, resultLayout }: AttentionPass,
): UniformValue[] {
  const places = operands.map((name): [string, RowLayout] => [name, layouts[name]]);
  if (resultLayout) places.push(["result", resultLayout]);
  const ofPlaces = places.flatMap(([name, { offset, batch, row }]): UniformValue[] => [
    [`${name}Offset`, "i32", offset],
    [`${name}Batch`, "i32", batch],
    [`${name}Row`, "i32", row],
  ]);
  return [
    ...ofPlaces,
    ["queries", "i32", queries],
    ["keys", "i32", keys],
    ["heads", "i32", heads],
    ["pairs", "i32", images * heads],
    ["headStep", "i32", shape.width],
    ["scale", "f32", scale],
    ["scale2", "f32", scale * Math.LOG2E],
  ];
}

function checkMemory({ backend, shape }: AttentionProblem, needed: number): void {
  const there = workgroupBytes(backend);
  if (needed <= there) return;
  throw new GlofError(
    "limit-exceeded",
    `attention: expected heads that fit into ${there} bytes of workgroup memory, got a width of ${shape.width}, which ` +
      `takes ${needed}. Use more heads, or withReferenceKernels.`,
  );
}
