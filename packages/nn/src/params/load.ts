import type { Checkpoint } from "@glof/checkpoint";
import { GlofError, seededRng, throwIfAborted } from "@glof/core";
import type * as tf from "@tensorflow/tfjs-core";
import type { LoadOptions, LoadReport, ParamSpec, Params } from "../types.js";
import { initParam, toParamTensor } from "./init.js";
import { disposeParams } from "./select.js";

/**
 * Strict load: every name of the table must be in the checkpoint with its shape, and nothing else may be there.
 *
 * Values are widened to f32 and reordered to memory layout. The caller disposes the result.
 *
 * @throws GlofError `parameter-mismatch`, listing every missing, unused and mis-shaped name (the `LoadReport` is in
 *   `details.report`); `aborted`
 */
export async function loadParams(
  specs: readonly ParamSpec[],
  checkpoint: Checkpoint,
  options: LoadOptions = {},
): Promise<Params> {
  const { allowMissing = [], seed = 0, onReport, signal } = options;
  const report = compareWithSpecs(specs, checkpoint, options);
  const refused = report.missing.filter((name) => !matchesAny(name, allowMissing));
  if (refused.length > 0 || report.unused.length > 0 || report.misshaped.length > 0) {
    throw mismatch(checkpoint, { ...report, missing: refused });
  }
  const rng = seededRng(seed);
  const missing = new Set(report.missing);
  const params: Record<string, tf.Tensor> = {};
  try {
    for (const spec of inFileOrder(specs, checkpoint)) {
      throwIfAborted(signal, "loadParams");
      params[spec.name] = missing.has(spec.name)
        ? initParam(spec, rng.split(spec.name))
        : toParamTensor(await checkpoint.readFloat32(spec.name), spec);
    }
  } catch (error) {
    disposeParams(params);
    throw error;
  }
  onReport?.(report);
  return Object.fromEntries(specs.map(({ name }) => [name, params[name]!]));
}

/** Files are read from front to back: disks and networks are fastest so, and each byte is fetched once. */
function inFileOrder(specs: readonly ParamSpec[], { entries }: Checkpoint): ParamSpec[] {
  const placeOf = ({ name }: ParamSpec): number => entries.get(name)?.offset ?? 0;
  return [...specs].sort((a, b) => placeOf(a) - placeOf(b));
}

/** What `loadParams` would find, without reading a value. `unused` leaves out what `allowUnused` names. */
export function compareWithSpecs(
  specs: readonly ParamSpec[],
  checkpoint: Pick<Checkpoint, "entries">,
  options: Pick<LoadOptions, "allowUnused"> = {},
): LoadReport {
  const { allowUnused = [] } = options;
  const known = new Map(specs.map((spec) => [spec.name, spec]));
  const loaded: string[] = [];
  const missing: string[] = [];
  const misshaped: { name: string; expected: readonly number[]; got: readonly number[] }[] = [];
  for (const spec of specs) {
    const entry = checkpoint.entries.get(spec.name);
    if (entry === undefined) missing.push(spec.name);
    else if (!sameShape(entry.shape, spec.shape)) {
      misshaped.push({ name: spec.name, expected: spec.shape, got: entry.shape });
    } else loaded.push(spec.name);
  }
  const unused = [...checkpoint.entries.keys()].filter(
    (name) => !known.has(name) && !matchesAny(name, allowUnused),
  );
  return { loaded, missing, unused, misshaped };
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** Tests from the start each time, whatever flags the expression has. */
function matchesAny(name: string, patterns: readonly RegExp[]): boolean {
  return patterns.some((pattern) => name.search(pattern) !== -1);
}

function mismatch(checkpoint: Checkpoint, report: LoadReport): GlofError {
  const lines = [
    ...report.missing.map((name) => `  missing from the file: ${name}`),
    ...report.misshaped.map(
      ({ name, expected, got }) => `  other shape: ${name}, expected [${expected}], got [${got}]`,
    ),
    ...report.unused.map((name) => `  unknown to the model: ${name}`),
  ];
  return new GlofError(
    "parameter-mismatch",
    `loadParams: expected the names and shapes of the model in ${checkpoint.name}, got ${report.missing.length} missing, ` +
      `${report.misshaped.length} mis-shaped and ${report.unused.length} unknown. ` +
      "Check that file and model configuration belong together, or allow names with allowMissing and allowUnused.\n" +
      lines.join("\n"),
    { report, checkpoint: checkpoint.name },
  );
}
