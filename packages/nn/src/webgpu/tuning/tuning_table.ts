import { attentionFormChoice, attentionFormName, attentionForms } from "../attention_form.js";
import type { AttentionWork } from "../attention_problem.js";
import { deviceOf } from "../dispatch.js";
import { attentionUnitsInUse, matrixUnitsInUse } from "../half_precision.js";
import { productForms } from "../product_choice.js";
import { formName, formsOf } from "../product_form.js";
import type { ProductProblem } from "../product_problem.js";
import type { ShaderBackend } from "../shader.js";

/** Counts up when the names of problems or forms change their meaning. */
const version = 4;

/** Which form of each matrix product and pass of attention was fastest on a device; plain JSON. */
export interface WebgpuTuning {
  readonly version: number;
  /** The device that was measured; on another one the choices are not used. */
  readonly adapter: string;
  /** The name of a form by the name of a problem. */
  readonly choices: Readonly<Record<string, string>>;
}

/** What `useWebgpuTuning` did. */
export interface TuningReport {
  /** Choices in use. */
  readonly choices: number;
  readonly reason: string;
}

/** The name of the backend's device, driver included where it says so. */
export function adapterName(backend: ShaderBackend): string {
  const info = (deviceOf(backend) as { adapterInfo?: GPUAdapterInfo }).adapterInfo;
  return [info?.vendor, info?.architecture, info?.device, info?.description].filter(Boolean).join(" / ");
}

/** A problem's name, the same in every process: all that its speed depends on. */
export function problemName({
  numbersA: _a,
  numbersB: _b,
  kindA,
  kindB,
  m,
  n,
  k,
  sizes,
  end,
  half,
  ...rest
}: ProductProblem): string {
  const flags = Object.entries({ ...rest, ...end }).filter(
    ([, value]) => value !== false && value !== "none",
  );
  return [
    `${kindA} ${kindB} ${m} x ${n} x ${k}`,
    ...flags.map(([name, value]) => (value === true ? name : `${name}=${value}`)),
    ...sizes.map(([name, , value]) => `${name}=${value}`),
    half ? matrixUnitsInUse()?.name : "single",
  ].join(" ");
}

/** The same of a pass of attention. */
export function attentionName({ problem, pass }: AttentionWork): string {
  const { shape, images, heads, queries, keys, layouts } = problem;
  const flags = Object.entries({ vector: shape.vector, packed: pass.packed, halfY: pass.halfY });
  const rows = pass.operands.map((name) => layouts[name].row);
  return [
    `${pass.name} ${images} x ${heads} x ${queries} x ${keys} x ${shape.width}`,
    ...flags.flatMap(([name, value]) => (value ? [name] : [])),
    `rows=${[...new Set(rows)].join("/")}`,
    (pass.half && attentionUnitsInUse()?.name) || "single",
  ].join(" ");
}

/** The table in use. */
let inUse: WebgpuTuning | undefined;

/** A table for the backend's device: these choices, and for other problems those in use. */
export function tuningTable(backend: ShaderBackend, choices: Readonly<Record<string, string>>): WebgpuTuning {
  const adapter = adapterName(backend);
  const before = inUse?.adapter === adapter ? inUse.choices : {};
  return { version, adapter, choices: { ...before, ...choices } };
}

/**
 * Uses measured choices for the products and the attention of the "webgpu" backend from now on, or none again. What is no table, is of another
 * version or device, or names a form that there no longer is, is left aside; nothing of it can change a result.
 */
export function useTuning(backend: ShaderBackend, table: unknown): TuningReport {
  productForms.setTuned(undefined);
  attentionFormChoice.setTuned(undefined);
  inUse = undefined;
  if (table === undefined) return { choices: 0, reason: "none was given" };
  if (!isTuning(table)) return { choices: 0, reason: "it is no table of tuned choices" };
  if (table.version !== version) {
    return { choices: 0, reason: `it is of version ${table.version}, not ${version}` };
  }
  if (table.adapter !== adapterName(backend)) {
    return { choices: 0, reason: `it was measured on ${table.adapter}, not on ${adapterName(backend)}` };
  }
  inUse = table;
  const choices = new Map(Object.entries(table.choices));
  productForms.setTuned((ofBackend, problem) => {
    const name = choices.get(problemName(problem));
    if (name === undefined) return undefined;
    return formsOf(ofBackend, problem).find((form) => formName(form) === name);
  });
  attentionFormChoice.setTuned((ofBackend, work) => {
    const name = choices.get(attentionName(work));
    if (name === undefined) return undefined;
    return attentionForms(ofBackend, work).find((form) => attentionFormName(form) === name);
  });
  return { choices: choices.size, reason: `measured on ${table.adapter}` };
}

function isTuning(table: unknown): table is WebgpuTuning {
  if (typeof table !== "object" || table === null) return false;
  const { version: v, adapter, choices } = table as Record<string, unknown>;
  if (typeof v !== "number" || typeof adapter !== "string") return false;
  return (
    typeof choices === "object" &&
    choices !== null &&
    Object.values(choices).every((name) => typeof name === "string")
  );
}
