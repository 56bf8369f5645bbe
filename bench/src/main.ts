import { mkdirSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Suite } from "./bench_case.js";
import { measureCpuCeilings, measureGpuCeilings } from "./ceiling.js";
import { commitName, thisMachine } from "./machine.js";
import type { Repeats } from "./measure.js";
import { type BenchOptions, parseOptions, type SuiteName, sidesOf, USAGE } from "./options.js";
import { findPython, type Launch } from "./programs.js";
import { type BenchReport, reportPage, rowsOf, threadsOf, usedColumns } from "./report.js";
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
  const launch: Launch = {
    backend: options.backend,
    cache: options.cache,
    python: options.peers.some((peer) => peer === "torch" || peer === "ort") ? findPython() : undefined,
  };
  const machine = thisMachine(undefined);
  const ceilings =
    options.backend === "webgpu"
      ? await measureGpuCeilings(launch, options.size !== "full")
      : await measureCpuCeilings(machine, launch, options.size !== "full");
  const suites: SuiteResult[] = [];
  for (const name of options.suites) {
    const suite = await suiteMakers[name](options, launch);
    console.log(`\n${suite.name}: ${suite.about}`);
    const cases = suite.cases.filter((one) => one.name.includes(options.filter));
    const result = await runSuite(
      { ...suite, cases },
      {
        sides: sidesOf(options),
        launch,
        repeats: repeatsOf(options),
        onCase: (one) => console.log(`  ${one.name}`),
        onNoise: options.verbose ? (line) => console.error(`    ${line}`) : undefined,
      },
    );
    suites.push(result);
    const rows = result.cases.flatMap((one) => rowsOf(one, ceilings, threadsOf(result.sides)));
    for (const [side, reason] of Object.entries(result.absent)) console.log(`  ${side}: absent: ${reason}`);
    console.log(`\n${plainTable(...usedColumns(rows))}`);
    // After each suite: what a long run has measured is not lost when it is stopped.
    writeResults(options, { machine, ceilings, suites });
  }
}

function writeResults(
  options: BenchOptions,
  { machine, ceilings, suites }: Pick<BenchReport, "machine" | "ceilings" | "suites">,
): void {
  const gpu = options.backend === "webgpu" ? suites[0]?.sides.glof?.device : undefined;
  const report = {
    date: new Date().toISOString().slice(0, 10),
    commit: commitName(),
    command: `npm run bench${args.length > 0 ? ` -- ${args.join(" ")}` : ""}`,
    machine: gpu === undefined ? machine : { ...machine, ...thisMachine(String(gpu)), load: machine.load },
    loadAtEnd: loadavg()[0]!,
    backend: options.backend,
    ceilings,
    suites,
  };
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 1)}\n`);
  writeReport(options.report, report.machine.slug, reportPage(report));
}

function repeatsOf({ repeats, size }: BenchOptions): Repeats {
  return { repeats, leastMs: size === "smoke" ? 1 : 50, mostMs: size === "full" ? 60_000 : 10_000 };
}

function writeReport(asked: string | undefined, slug: string, page: string): void {
  if (asked === "none") return;
  const folder = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "docs", "benchmarks");
  const path = asked ?? join(folder, `${slug}.md`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, page);
  console.log(`\nwritten: ${relative(process.cwd(), path)}`);
}
