import * as tf from "@tensorflow/tfjs-core";
import { attentionFormName, attentionForms } from "../attention_form.js";
import { attentionPass } from "../attention_pass.js";
import type { AttentionOperand, AttentionPass, AttentionWork } from "../attention_problem.js";
import { internalsOf } from "../backend_internals.js";
import type { FormPasses } from "../product.js";
import type { ShaderBackend } from "../shader.js";
import { numbers, operand } from "./made_up_numbers.js";
import type { MadeUpProblem } from "./measure_forms.js";

/** A pass of attention as the work's, on numbers that are made up. */
export async function madeUpAttention(backend: ShaderBackend, work: AttentionWork): Promise<MadeUpProblem> {
  const { problem, pass } = work;
  const made = new Map<object, tf.Tensor>();
  const tensors: Partial<Record<AttentionOperand, tf.Tensor>> = {};
  for (const name of pass.operands) {
    // Queries, keys and values of one packed tensor are one again.
    const { dataId, shape } = problem.tensors[name]!;
    const known = made.get(dataId) ?? (await operand(sizeOf(shape), pass.packed));
    made.set(dataId, known);
    tensors[name] = known;
  }
  const statistics = pass.statistics && numbers(pass.statistics.shape);
  const forms = attentionForms(backend, work);
  const passesOf = (form: (typeof forms)[number]) => (): FormPasses => {
    const given = { ...pass, ...(statistics && { statistics }), into: freshTarget(backend, pass) };
    return { first: attentionPass({ ...problem, tensors }, given, form) };
  };
  return {
    forms: new Map(forms.map((form) => [attentionFormName(form), passesOf(form)])),
    // On matrix units weights are rounded to 11 bits, under maxima that depend on the form.
    tolerance: forms[0]!.kind === "units" ? 2e-3 : 1e-4,
    dispose: () => tf.dispose([...made.values(), ...(statistics ? [statistics] : [])]),
  };
}

/** Gradients may be written into one tensor, a pass each: zeros for what the others write. */
function freshTarget(backend: ShaderBackend, { into, statistics }: AttentionPass): AttentionPass["into"] {
  const shape = "dataId" in into ? into.shape : into;
  if (statistics === undefined) return shape;
  return internalsOf(backend).makeTensorInfo([...shape], "float32", new Float32Array(sizeOf(shape)));
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);
