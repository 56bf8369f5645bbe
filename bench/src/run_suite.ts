import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import type { BenchCase, Suite } from "./bench_case.js";
import { type Measured, measureTask, type Outcomes, type Repeats } from "./measure.js";
import { type Launch, programOf } from "./programs.js";
import { type Facts, NO_VALUES, type SideName } from "./protocol.js";
import { type SideClient, startSide } from "./side_process.js";
import { maxAbs, maxAbsDifference } from "./statistics.js";

/** How far the values of a side are from ours. */
export interface Agreement {
  /** Why its values could not be had; then both numbers are NaN. */
  readonly problem?: string;
  readonly maxAbsDifference: number;
  /** Over the greatest value of ours. */
  readonly relative: number;
}

/** A case with what was measured. */
export interface CaseResult extends Omit<BenchCase, "setUp"> {
  readonly outcomes: Outcomes;
  readonly agreement: Partial<Record<SideName, Agreement>>;
  /** Clock when it began, ISO 8601. */
  readonly at: string;
  /** Seconds that all its measurements took. */
  readonly seconds: number;
  /** Load average of the last minute when it began. */
  readonly load: number;
}

/** A suite with what was measured. */
export interface SuiteResult {
  readonly name: string;
  readonly about: string;
  /** Whether peak memory is that of a case, since each had processes of its own. */
  readonly memoryPerCase: boolean;
  readonly cases: readonly CaseResult[];
  /** What each side says of itself. */
  readonly sides: Partial<Record<SideName, Facts>>;
  /** Cases that were not begun: it was stopped, or time was up. */
  readonly left: readonly string[];
  /** Sides that could not be started, and why. */
  readonly absent: Partial<Record<SideName, string>>;
}

/** What running a suite needs. */
export interface RunSuiteOptions {
  readonly sides: readonly SideName[];
  readonly launch: Launch;
  readonly repeats: Repeats;
  /** What was measured before: its cases are taken over. */
  readonly known?: SuiteResult | undefined;
  /** Which of the cases to measure now; default all. */
  readonly wants?: (one: BenchCase) => boolean;
  /** Whether to begin no further case. */
  readonly isOver?: () => boolean;
  /** After each case that was measured; `soFar` is what a report may show already. */
  readonly onCase?: (result: CaseResult, soFar: SuiteResult) => void;
  readonly onNoise?: (line: string) => void;
}

/** Runs the cases of a suite, one after the other. */
export async function runSuite(suite: Suite, given: RunSuiteOptions): Promise<SuiteResult> {
  const options = suite.backend ? { ...given, launch: { ...given.launch, backend: suite.backend } } : given;
  const taking = options.sides.filter((name) => suite.sides.includes(name));
  const { known, isOver = () => false, wants = () => true } = given;
  const facts: Partial<Record<SideName, Facts>> = { ...known?.sides };
  const absent: Partial<Record<SideName, string>> = {};
  const start = (names: readonly SideName[]) =>
    startSides(
      names.filter((name) => absent[name] === undefined),
      options,
      facts,
      absent,
    );
  const done = new Map(known?.cases.map((one) => [one.name, one]));
  const soFar = (): SuiteResult => ({
    ...{ name: suite.name, about: suite.about, memoryPerCase: suite.freshProcesses },
    cases: suite.cases.flatMap((one) => done.get(one.name) ?? []),
    left: suite.cases.map((one) => one.name).filter((name) => !done.has(name)),
    ...{ sides: facts, absent: { ...known?.absent, ...absent } },
  });
  const todo = suite.cases.filter((one) => !done.has(one.name) && wants(one));
  let shared: SideClient[] | undefined;
  for (const one of todo) {
    if (isOver()) break;
    await one.setUp?.();
    const [at, started, load] = [new Date().toISOString(), performance.now(), loadavg()[0]!];
    const wanted = taking.filter((name) => one.leftOut?.[name] === undefined);
    if (!suite.freshProcesses) shared ??= await start(taking);
    const sides = (shared ?? (await start(wanted))).filter(({ name }) => wanted.includes(name));
    const outcomes = await measureTask(one.task, sides, repeatsOf(one, options.repeats));
    const agreement = await compareOutputs(sides, outcomes);
    for (const side of sides) await (shared ? side.ask({ ask: "release" }) : side.close());
    const seconds = (performance.now() - started) / 1000;
    const { setUp, ...plain } = one;
    const all = { ...outcomes, ...leftOutOf(one, taking) };
    const result: CaseResult = { ...plain, outcomes: all, agreement, at, seconds, load };
    done.set(one.name, result);
    options.onCase?.(result, soFar());
  }
  for (const side of shared ?? []) await side.close();
  return soFar();
}

const repeatsOf = ({ repeats = Number.POSITIVE_INFINITY }: BenchCase, asked: Repeats): Repeats => ({
  ...asked,
  repeats: Math.min(repeats, asked.repeats),
});

function leftOutOf({ leftOut = {} }: BenchCase, taking: readonly SideName[]): Outcomes {
  const entries = taking.flatMap((name) => {
    const reason = leftOut[name];
    return reason === undefined ? [] : [[name, { status: "absent", reason }] as const];
  });
  return Object.fromEntries(entries);
}

/** Starts sides; those that do not start are noted in `absent`. */
async function startSides(
  names: readonly SideName[],
  { launch, onNoise }: RunSuiteOptions,
  facts: Partial<Record<SideName, Facts>>,
  absent: Partial<Record<SideName, string>>,
): Promise<SideClient[]> {
  const clients: SideClient[] = [];
  for (const name of names) {
    const program = programOf(name, launch);
    if ("absent" in program) {
      absent[name] = program.absent;
      continue;
    }
    const client = startSide(name, program, onNoise);
    const hello = await client.ask({ ask: "hello" });
    if (hello.problem === undefined) {
      facts[name] = hello.facts ?? {};
      clients.push(client);
    } else {
      absent[name] = hello.problem;
      await client.close();
    }
  }
  return clients;
}

/** Every side's values beside ours: a fast wrong answer is no answer. */
async function compareOutputs(
  sides: readonly SideClient[],
  outcomes: Outcomes,
): Promise<Partial<Record<SideName, Agreement>>> {
  const folder = mkdtempSync(join(tmpdir(), "glof-bench-"));
  const agreement: Partial<Record<SideName, Agreement>> = {};
  try {
    let ours: Float32Array | undefined;
    let oursParts: readonly number[] = [];
    for (const side of sides) {
      if (outcomes[side.name]?.status !== "measured") continue;
      const path = join(folder, side.name);
      const reply = await side.ask({ ask: "output", path });
      if (reply.problem !== undefined) {
        if (reply.problem !== NO_VALUES) agreement[side.name] = unknownValues(reply.problem);
        continue;
      }
      const values = readFloats(path);
      if (side.name === "glof") [ours, oursParts] = [values, reply.parts ?? [values.length]];
      else if (ours !== undefined) {
        agreement[side.name] = agreementOf(ours, values, oursParts);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return agreement;
}

/** The worst part counts, each against its own greatest value. */
export function agreementOf(
  ours: Float32Array,
  theirs: Float32Array,
  parts: readonly number[] = [ours.length],
): Agreement {
  if (ours.length !== theirs.length) {
    return unknownValues(`${theirs.length} values where ours has ${ours.length}`);
  }
  let [start, worst, relative] = [0, 0, 0];
  for (const length of parts) {
    const part = ours.subarray(start, start + length);
    const difference = maxAbsDifference(part, theirs.subarray(start, start + length));
    worst = Math.max(worst, difference);
    relative = Math.max(relative, difference / maxAbs(part));
    start += length;
  }
  return { maxAbsDifference: worst, relative };
}

const unknownValues = (problem: string): Agreement => ({
  problem,
  maxAbsDifference: Number.NaN,
  relative: Number.NaN,
});

function readFloats(path: string): Float32Array {
  const bytes = readFileSync(path);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}

/** What a side measured on a case, if it did. */
export function measuredBy(result: CaseResult, side: SideName): Measured | undefined {
  const outcome = result.outcomes[side];
  return outcome?.status === "measured" ? outcome : undefined;
}
