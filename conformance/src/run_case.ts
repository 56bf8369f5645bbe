import { openCheckpoint } from "@glof/checkpoint";
import { isGlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import type { CaseContext, CaseRunner, GoldenCase, Got, GroupRunners, SideCheck } from "./case.js";
import { type Comparison, compareOutput } from "./compare.js";
import type { FixtureGroup } from "./read_fixtures.js";

/** How one case came out. */
export interface CaseResult {
  readonly id: string;
  readonly kind: string;
  readonly status: "passed" | "failed" | "not offered";
  /** Worst `|error| / tolerance` over its outputs. */
  readonly ratio: number;
  readonly milliseconds: number;
  /** Failed outputs, the error, or what the reference does. */
  readonly notes: readonly string[];
  /** What of it was not compared, because no user of ours needs it. */
  readonly excused: readonly { readonly output: string; readonly reason: string }[];
}

/** Runs one case and compares each of its outputs. It never throws. */
export async function runCase(
  fixtures: FixtureGroup,
  golden: GoldenCase,
  { runners, notOffered = [] }: GroupRunners,
): Promise<CaseResult> {
  const excused = notOffered.filter(
    ({ kind, applies }) => kind === golden.kind && (applies?.(golden) ?? true),
  );
  const whole = excused.find(({ outputs }) => !outputs);
  const outputsExcused = Object.keys(golden.expected).flatMap((output) => {
    const reason = (whole ?? excused.find(({ outputs }) => outputs?.test(output)))?.reason;
    return reason === undefined ? [] : [{ output, reason }];
  });
  const base = { id: golden.id, kind: golden.kind, excused: outputsExcused };
  if (whole) return { ...base, status: "not offered", ratio: 0, milliseconds: 0, notes: [] };
  const started = performance.now();
  const tape = tf.engine();
  tape.startScope();
  try {
    const outcome = await attempt(
      fixtures,
      golden,
      runners[golden.kind],
      new Set(outputsExcused.map(({ output }) => output)),
    );
    return { ...base, ...outcome, milliseconds: performance.now() - started };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const ratio = Number.POSITIVE_INFINITY;
    return { ...base, status: "failed", ratio, milliseconds: performance.now() - started, notes: [text] };
  } finally {
    tape.endScope();
  }
}

/** Runs a check beside the cases. It never throws. */
export async function runSideCheck({ id, kind, run }: SideCheck): Promise<CaseResult> {
  const started = performance.now();
  const result = await run().then(
    () => ({ status: "passed" as const, ratio: 0, notes: [] }),
    (error: unknown) => ({
      status: "failed" as const,
      ratio: Number.POSITIVE_INFINITY,
      notes: [error instanceof Error ? error.message : String(error)],
    }),
  );
  return { id, kind, excused: [], milliseconds: performance.now() - started, ...result };
}

type Outcome = Pick<CaseResult, "status" | "ratio" | "notes">;

async function attempt(
  fixtures: FixtureGroup,
  golden: GoldenCase,
  runner: CaseRunner | undefined,
  excused: ReadonlySet<string>,
): Promise<Outcome> {
  if (!runner) throw new Error(`no runner for kind ${golden.kind}`);
  const file = await openCheckpoint(`${fixtures.folder}/${golden.file}`);
  try {
    const context = await buildContext(fixtures, golden, file);
    if (golden.reference_raises) return await runRejected(runner, context, golden.reference_raises);
    return judge(await compareAll(await runner(context), golden, file, excused));
  } finally {
    await file.close();
  }
}

/** Where the original code crashes, ours rejects with its own error or gives a finite, documented value. */
async function runRejected(runner: CaseRunner, context: CaseContext, theirs: string): Promise<Outcome> {
  let results: Readonly<Record<string, Got>>;
  try {
    results = await runner(context);
  } catch (error) {
    if (!isGlofError(error)) throw error;
    return { status: "passed", ratio: 0, notes: [`rejected as the reference does: ${error.message}`] };
  }
  for (const [name, got] of Object.entries(results)) {
    const values = got instanceof tf.Tensor ? await got.data() : typeof got === "number" ? [got] : got;
    if (!Array.from(values).every(Number.isFinite)) {
      throw new Error(`${name} is not finite where the reference raises ${theirs}`);
    }
  }
  return { status: "passed", ratio: 0, notes: [`a defined finite result; the reference raises ${theirs}`] };
}

async function compareAll(
  results: Readonly<Record<string, Got>>,
  golden: GoldenCase,
  file: CaseContext["file"],
  excused: ReadonlySet<string>,
): Promise<Comparison[]> {
  const compared: Comparison[] = [];
  for (const [name, facts] of Object.entries(golden.expected)) {
    if (golden.grad_tie_sensitive && name.startsWith("grad.")) continue;
    if (excused.has(name)) continue;
    compared.push(await compareOutput(name, results[name], await file.readFloat32(name), facts));
  }
  return compared;
}

function judge(compared: readonly Comparison[]): Outcome {
  const bad = compared.filter(({ passed }) => !passed);
  return {
    status: bad.length === 0 ? "passed" : "failed",
    ratio: compared.reduce((worst, { ratio }) => Math.max(worst, ratio), 0),
    notes: bad.map(
      ({ output, ratio, problem }) => `${output}: ${ratio.toPrecision(3)} x tolerance, ${problem}`,
    ),
  };
}

async function buildContext(
  fixtures: FixtureGroup,
  golden: GoldenCase,
  file: CaseContext["file"],
): Promise<CaseContext> {
  const read = new Map<string, Float32Array>();
  for (const name of Object.keys(golden.inputs)) read.set(name, await file.readFloat32(name));
  const values = (name: string): Float32Array => {
    const found = read.get(name);
    if (!found) throw new Error(`case ${golden.id} has no input ${name}`);
    return found;
  };
  const shape = (name: string): readonly number[] => file.entries.get(name)?.shape ?? [];
  const tensor = (name: string): tf.Tensor => tf.tensor(values(name), [...shape(name)]);
  return {
    golden,
    file,
    values,
    shape,
    tensor,
    fixturesFolder: fixtures.fixturesFolder,
    groupFolder: fixtures.folder,
    facts: fixtures.facts,
    has: (name) => read.has(name),
    image: (name) => tf.tidy(() => tf.transpose(tensor(name) as tf.Tensor4D, [0, 2, 3, 1])),
  };
}
