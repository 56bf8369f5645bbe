import { mkdirSync } from "node:fs";
import { loadavg } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isGlofError } from "@glof/core";
import { isMeasured, readKnown, writeWhole } from "./bench_file.js";
import { type Ceilings, measureCpuCeilings, measureGpuCeilings } from "./ceiling.js";
import { endOnSignals, useOwnTemporaryFolder } from "./interrupt.js";
import { commitName, type Machine, thisMachine } from "./machine.js";
import { type BenchOptions, parseOptions, USAGE } from "./options.js";
import { findPython, type Launch } from "./programs.js";
import { type BenchReport, reportPage, rowsOf, threadsOf, usedColumns, warningsOf } from "./report.js";
import { runBench, type SuiteMakers } from "./run_bench.js";
import type { SuiteResult } from "./run_suite.js";
import { hostSuite } from "./suites/host_suite.js";
import { lossesSuite } from "./suites/losses_suite.js";
import { modelSuite } from "./suites/model_suite.js";
import { opsSuite } from "./suites/ops_suite.js";
import { polygonizeSuite } from "./suites/polygonize_suite.js";
import { sceneSuite } from "./suites/scene_suite.js";
import { trainSuite } from "./suites/train_suite.js";
import { plainTable } from "./table.js";

const suiteMakers: SuiteMakers = {
  ops: ({ size }) => opsSuite(size),
  model: ({ size }, launch) => modelSuite(size, launch),
  train: ({ size }, launch) => trainSuite(size, launch),
  host: ({ size }, launch) => hostSuite(size, launch),
  losses: ({ size }) => lossesSuite(size),
  polygonize: ({ size }, launch) => polygonizeSuite(size, launch),
  scene: ({ size }, launch) => sceneSuite(size, launch),
};

const args = process.argv.slice(2);
const commit = commitName();
if (args.includes("--help")) console.log(USAGE);
else await main().catch(endWith);

/** What the caller can put right is told in a line; a signal that came meanwhile ends it as a signal does. */
async function endWith(error: unknown): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 50));
  if (!isGlofError(error)) throw error;
  console.error(`bench: ${error.message}`);
  if (error.details.option !== undefined) console.error(`\n${USAGE}`);
  process.exit(error.code === "bad-argument" ? 2 : 1);
}

async function main(): Promise<void> {
  const options = parseOptions(args);
  let suites: readonly SuiteResult[] = [];
  endOnSignals(() => console.log(`\n${stoppedText(options, suites)}`));
  useOwnTemporaryFolder();
  mkdirSync(options.cache, { recursive: true });
  const started = new Date();
  const needsPython = options.peers.some((peer) => peer === "torch" || peer === "ort");
  const launch: Launch = {
    backend: options.backend,
    cache: options.cache,
    robustness: options.robustness,
    python: needsPython ? findPython() : undefined,
  };
  const machine = thisMachine(undefined);
  const known = options.resume ? readKnown(options, machine) : undefined;
  const ceilings = known?.ceilings ?? (await measureCeilings(options, machine, launch));
  const context = { machine, ceilings, known, started };
  suites = await runBench(
    options.suites.map((name) => suiteMakers[name](options, launch)),
    options,
    {
      ...{ launch, known: known?.suites ?? [] },
      isOver: () => (Date.now() - started.getTime()) / 1000 > options.budget,
      onSuite: ({ name, about }) => console.log(`\n${name}: ${about}`),
      onCase: (one, of, all) => {
        console.log(`  ${of.padStart(7)}  ${one.name}: ${one.seconds.toFixed(0)} s`);
        // After each case: what a long run has measured is not lost when it is stopped.
        suites = all;
        writeResults(options, reportOf(options, suites, context));
      },
      onSuiteEnd: (suite, cases) => sayTable({ ...suite, cases }, ceilings),
      onNoise: options.verbose ? (line) => console.error(`    ${line}`) : undefined,
    },
  );
  writeResults(options, reportOf(options, suites, context));
  for (const { name, left } of suites)
    if (left.length > 0) console.log(`${name}: not begun, time was up: ${left.join("; ")}`);
  for (const line of warningsOf({ machine, suites })) if (line) console.log(`\n${line}`);
  if (suites.some(({ cases }) => cases.some(isMeasured))) return;
  console.error("bench: nothing was measured");
  process.exitCode = 1;
}

function measureCeilings(options: BenchOptions, machine: Machine, launch: Launch): Promise<Ceilings> {
  const isQuick = options.size !== "full";
  return options.backend === "webgpu"
    ? measureGpuCeilings(launch, isQuick)
    : measureCpuCeilings(machine, launch, isQuick);
}

function sayTable({ cases, sides, absent }: SuiteResult, ceilings: Ceilings): void {
  for (const [side, reason] of Object.entries(absent)) console.log(`  ${side}: absent: ${reason}`);
  const rows = cases.flatMap((one) => rowsOf(one, ceilings, threadsOf(sides)));
  console.log(`\n${plainTable(...usedColumns(rows))}`);
}

function stoppedText({ json }: BenchOptions, suites: readonly SuiteResult[]): string {
  const count = suites.reduce((sum, { cases }) => sum + cases.length, 0);
  if (json === undefined) return "stopped; with --json file what was measured would be kept";
  return `stopped; ${count === 0 ? "no case was finished" : `${count} finished cases are in ${json}; --resume goes on from there`}`;
}

function reportOf(
  { backend, size }: BenchOptions,
  suites: readonly SuiteResult[],
  context: Pick<BenchReport, "machine" | "ceilings"> & { known: BenchReport | undefined; started: Date },
): BenchReport {
  const { machine, ceilings, known, started } = context;
  const gpu =
    backend === "webgpu" ? suites.find(({ name }) => name !== "host")?.sides.glof?.device : undefined;
  const begun = suites.flatMap(({ cases }) => cases.map(({ at }) => at));
  const first = [started.toISOString(), ...begun].sort()[0]!;
  const now = new Date().toISOString();
  const day = (date: string) => (date.slice(0, 10) === first.slice(0, 10) ? "" : `${date.slice(0, 10)}, `);
  const earlier = known !== undefined && known.suites.length > 0 ? known.commit.split(" and ") : [];
  return {
    date: first.slice(0, 10),
    clock: `${first.slice(11, 16)} to ${day(now)}${now.slice(11, 16)}`,
    commit: [...new Set([...earlier, commit])].join(" and "),
    command: `npm run bench${args.length > 0 ? ` -- ${args.join(" ")}` : ""}`,
    machine: gpu === undefined ? machine : { ...machine, ...thisMachine(String(gpu)), load: machine.load },
    loadAtEnd: loadavg()[0]!,
    ...{ backend, size, ceilings, suites },
  };
}

function writeResults({ json, report: asked }: BenchOptions, report: BenchReport): void {
  if (json !== undefined) writeWhole(json, `${JSON.stringify(report, null, 1)}\n`);
  if (asked === "none") return;
  const folder = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "docs", "benchmarks");
  writeWhole(asked ?? join(folder, `${report.machine.slug}.md`), reportPage(report));
}
