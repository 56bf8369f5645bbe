import { deviceOf } from "../dispatch.js";
import { matrixUnitsInUse } from "../half_precision.js";
import { setTunedForms } from "../product_choice.js";
import { formName, formsOf, type ProductProblem } from "../product_form.js";
import type { ShaderBackend } from "../shader.js";

/** Counts up when the names of problems or forms change their meaning. */
const version = 3;

/** Which form of each matrix product was fastest on a device; plain JSON. */
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

/** A table with these choices for the backend's device. */
export function tuningTable(backend: ShaderBackend, choices: Readonly<Record<string, string>>): WebgpuTuning {
  return { version, adapter: adapterName(backend), choices };
}

/**
 * Uses measured choices for the products of the "webgpu" backend from now on, or none again. What is no table, is of another
 * version or device, or names a form that there no longer is, is left aside; nothing of it can change a result.
 */
export function useTuning(backend: ShaderBackend, table: unknown): TuningReport {
  setTunedForms(undefined);
  if (table === undefined) return { choices: 0, reason: "none was given" };
  if (!isTuning(table)) return { choices: 0, reason: "it is no table of tuned choices" };
  if (table.version !== version) {
    return { choices: 0, reason: `it is of version ${table.version}, not ${version}` };
  }
  if (table.adapter !== adapterName(backend)) {
    return { choices: 0, reason: `it was measured on ${table.adapter}, not on ${adapterName(backend)}` };
  }
  const choices = new Map(Object.entries(table.choices));
  setTunedForms((ofBackend, problem) => {
    const name = choices.get(problemName(problem));
    return name === undefined
      ? undefined
      : formsOf(ofBackend, problem).find((form) => formName(form) === name);
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
