import { GlofError } from "@glof/core";
import type { BenchCase, Suite } from "./bench_case.js";
import type { Repeats } from "./measure.js";
import { type BenchOptions, type SuiteName, sidesOf, suiteNames } from "./options.js";
import type { Launch } from "./programs.js";
import { type CaseResult, runSuite, type SuiteResult } from "./run_suite.js";

/** What running suites needs beside the options. */
export interface RunBenchOptions {
  readonly launch: Launch;
  /** What was measured before. */
  readonly known: readonly SuiteResult[];
  readonly isOver: () => boolean;
  readonly onSuite?: (suite: Suite) => void;
  /** After each case; `suites` is all that is known then. */
  readonly onCase?: (one: CaseResult, of: string, suites: readonly SuiteResult[]) => void;
  /** After each suite, and again after its further cases; `cases`: those that are new. */
  readonly onSuiteEnd?: (suite: SuiteResult, cases: readonly CaseResult[]) => void;
  readonly onNoise?: ((line: string) => void) | undefined;
}

/**
 * Runs suites: first the main cases of all, then the others, as long as there is time. What is known is kept, also of suites
 * and cases that were not asked for.
 *
 * @throws GlofError `bad-argument` where no case is left to run by its name
 */
export async function runBench(
  suites: readonly Suite[],
  options: BenchOptions,
  { launch, known, isOver, ...tell }: RunBenchOptions,
): Promise<readonly SuiteResult[]> {
  requireCases(suites, options);
  const found = new Map(known.map((suite) => [suite.name, suite]));
  const all = (): SuiteResult[] => suiteNames.flatMap((name) => found.get(name) ?? []);
  const passes: ((one: BenchCase) => boolean)[] = [({ isMain = false }) => isMain, () => true];
  for (const wants of passes) {
    for (const whole of suites) {
      const before = found.get(whole.name);
      const measured = new Set(before?.cases.map(({ name }) => name));
      const cases = whole.cases.filter(({ name }) => isAsked(name, options) || measured.has(name));
      if (!cases.some((one) => wants(one) && !measured.has(one.name))) continue;
      if (!isOver()) tell.onSuite?.(whole);
      const result = await runSuite(
        { ...whole, cases },
        {
          ...{ sides: sidesOf(options), launch, repeats: repeatsOf(options), known: before, wants, isOver },
          onCase: (one, soFar) => {
            found.set(whole.name, soFar);
            tell.onCase?.(one, `${soFar.cases.length}/${cases.length}`, all());
          },
          onNoise: tell.onNoise,
        },
      );
      found.set(whole.name, result);
      const fresh = result.cases.filter(({ name }) => !measured.has(name));
      if (fresh.length > 0) tell.onSuiteEnd?.(result, fresh);
    }
  }
  return all();
}

const isAsked = (name: string, { filter }: BenchOptions): boolean => name.includes(filter);

function requireCases(suites: readonly Suite[], options: BenchOptions): void {
  const names = suites.flatMap(({ cases }) => cases.map(({ name }) => name));
  if (names.some((name) => isAsked(name, options))) return;
  throw new GlofError(
    "bad-argument",
    `--case: expected a part of one of these, got "${options.filter}":\n  ${names.join("\n  ")}\nName another.`,
  );
}

/**
 * By size: a quick look must not take minutes, and stock kernels may take half a minute a run. A GPU's first run compiles, and its
 * clock rises with work: each measurement there is long enough to see it risen.
 */
function repeatsOf({ repeats, size, backend }: BenchOptions): Repeats {
  const onGpu = backend === "webgpu";
  const leastMs = { full: onGpu ? 250 : 50, quick: 50, smoke: 1 }[size];
  return { repeats, leastMs, mostMs: size === "full" ? 10_000 : 4000, warmUps: onGpu ? 1 : 0 };
}

/** Name of a suite and what makes it. */
export type SuiteMakers = Record<SuiteName, (options: BenchOptions, launch: Launch) => Suite>;
