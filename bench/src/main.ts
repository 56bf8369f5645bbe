import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Suite } from "./bench_case.js";
import { type Ceilings, measureCpuCeilings, measureGpuCeilings } from "./ceiling.js";
import { commitName, type Machine, thisMachine } from "./machine.js";
import type { Repeats } from "./measure.js";
import { type BenchOptions, parseOptions, type SuiteName, sidesOf, USAGE } from "./options.js";
import { findPython, type Launch } from "./programs.js";
import { type BenchReport, reportPage, rowsOf, threadsOf, usedColumns, warningsOf } from "./report.js";
import { runSuite, type SuiteResult } from "./run_suite.js";
import { hostSuite } from "./suites/host_suite.js";
import { lossesSuite } from "./suites/losses_suite.js";
import { modelSuite } from "./suites/model_suite.js";
import { opsSuite } from "./suites/ops_suite.js";
import { polygonizeSuite } from "./suites/polygonize_suite.js";
import { sceneSuite } from "./suites/scene_suite.js";
import { trainSuite } from "./suites/train_suite.js";
import { plainTable } from "./table.js";

const suiteMakers: Record<SuiteName, (options: BenchOptions, launch: Launch) => Suite | Promise<Suite>> = {
  ops: ({ size }) => opsSuite(size),
  model: ({ size }, launch) => modelSuite(size, launch),
  train: ({ size }, launch) => trainSuite(size, launch),
  host: ({ size }) => hostSuite(size),
  losses: ({ size }) => lossesSuite(size),
  polygonize: ({ size }, launch) => polygonizeSuite(size, launch),
  scene: ({ size }, launch) => sceneSuite(size, launch),
};

const args = process.argv.slice(2);
const commit = commitName();
if (args.includes("--help")) {
  console.log(USAGE);
} else {
  await main(readOptions(args));
}

function readOptions(given: readonly string[]): BenchOptions {
  try {
    return parseOptions(given);
  } catch (error) {
    console.error(`bench: ${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exit(2);
  }
}

async function main(options: BenchOptions): Promise<void> {
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
  const isOver = () => (Date.now() - started.getTime()) / 1000 > options.budget;
  const suites: SuiteResult[] = [];
  const write = (current?: SuiteResult): void =>
    writeResults(options, { machine, ceilings, suites: current ? [...suites, current] : suites }, started);
  stopOnInterrupt();
  for (const name of options.suites) {
    const suite = await suiteMakers[name](options, launch);
    const cases = suite.cases.filter((one) => one.name.includes(options.filter));
    console.log(`\n${suite.name}: ${suite.about}`);
    const result = await runSuite(
      { ...suite, cases },
      {
        sides: sidesOf(options),
        launch,
        repeats: repeatsOf(options),
        known: known?.suites.find((one) => one.name === name),
        isOver,
        onCase: (one, soFar) => {
          const whole = `${soFar.cases.length}/${cases.length}`;
          console.log(`  ${whole.padStart(7)}  ${one.name}: ${one.seconds.toFixed(0)} s`);
          // After each case: what a long run has measured is not lost when it is stopped.
          write(soFar);
        },
        onNoise: options.verbose ? (line) => console.error(`    ${line}`) : undefined,
      },
    );
    suites.push(result);
    const rows = result.cases.flatMap((one) => rowsOf(one, ceilings, threadsOf(result.sides)));
    for (const [side, reason] of Object.entries(result.absent)) console.log(`  ${side}: absent: ${reason}`);
    if (result.left.length > 0) console.log(`  not begun, time was up: ${result.left.join("; ")}`);
    console.log(`\n${plainTable(...usedColumns(rows))}`);
    write();
  }
  for (const line of warningsOf({ machine, suites })) if (line) console.log(`\n${line}`);
}

function measureCeilings(options: BenchOptions, machine: Machine, launch: Launch): Promise<Ceilings> {
  const isQuick = options.size !== "full";
  return options.backend === "webgpu"
    ? measureGpuCeilings(launch, isQuick)
    : measureCpuCeilings(machine, launch, isQuick);
}

/** The sides end with this process; what is written stays. */
function stopOnInterrupt(): void {
  process.once("SIGINT", () => {
    console.log("\nstopped; every finished case is in the files (--resume goes on from there)");
    process.exit(130);
  });
}

/** What the file of an earlier run has, if it is of the same kind. */
function readKnown({ json, backend, size }: BenchOptions, machine: Machine): BenchReport | undefined {
  if (json === undefined || !existsSync(json)) return undefined;
  const before = JSON.parse(readFileSync(json, "utf8")) as BenchReport;
  if (before.backend === backend && before.size === size && before.machine.cpu === machine.cpu) return before;
  throw new Error(
    `--resume: expected ${json} to be of this machine, backend and size, got ${before.backend}, ${before.size} on ` +
      `${before.machine.cpu}. Name another file.`,
  );
}

function writeResults(
  options: BenchOptions,
  { machine, ceilings, suites }: Pick<BenchReport, "machine" | "ceilings" | "suites">,
  started: Date,
): void {
  const gpu =
    options.backend === "webgpu" ? suites.find(({ name }) => name !== "host")?.sides.glof?.device : undefined;
  const [from, to] = [started, new Date()].map((date) => date.toISOString());
  const report: BenchReport = {
    date: from!.slice(0, 10),
    clock: `${from!.slice(11, 16)} to ${to!.slice(11, 16)}`,
    commit,
    command: `npm run bench${args.length > 0 ? ` -- ${args.join(" ")}` : ""}`,
    machine: gpu === undefined ? machine : { ...machine, ...thisMachine(String(gpu)), load: machine.load },
    loadAtEnd: loadavg()[0]!,
    backend: options.backend,
    size: options.size,
    ceilings,
    suites,
  };
  if (options.json !== undefined) writeWhole(options.json, `${JSON.stringify(report, null, 1)}\n`);
  writeReport(options.report, report.machine.slug, reportPage(report));
}

/** Never half a file, whenever it is stopped. */
function writeWhole(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

function repeatsOf({ repeats, size }: BenchOptions): Repeats {
  return { repeats, leastMs: size === "smoke" ? 1 : 50, mostMs: size === "full" ? 60_000 : 10_000 };
}

function writeReport(asked: string | undefined, slug: string, page: string): void {
  if (asked === "none") return;
  const folder = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "docs", "benchmarks");
  const path = asked ?? join(folder, `${slug}.md`);
  writeWhole(path, page);
}
