/**
 * Damages sound files and feeds them to every parser of the project. Whatever comes out must be a result or a `GlofError`,
 * soon and in bounded memory; inputs for which that is not so are saved with the seed that made them.
 *
 * Run: npm run fuzz -- --target tiff --minutes 10 --seed 1
 */
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Executor, type InputLimits } from "./fuzz/executor.js";
import { type FuzzReport, fuzzTarget } from "./fuzz/fuzz_loop.js";
import { fuzzTargets } from "./fuzz/targets.js";

const usage = `npm run fuzz -- [options]
  --target <name>   one or more of the targets, separated by commas; default: all
  --minutes <m>     time for each target, default 1
  --inputs <n>      most inputs for each target; default: as many as the time allows
  --seed <s>        default 1; the same seed makes the same inputs
  --out <folder>    where inputs that fail are saved
  --replay <folder> run a saved input of the one target named, and say what happens
  --list            the targets`;

const limits: InputLimits = { seconds: 10, heapMiB: 512, arrayMiB: 600, processMiB: 1024 };

const { values: flags } = parseArgs({
  options: {
    ...{ target: { type: "string" }, minutes: { type: "string" }, inputs: { type: "string" } },
    ...{ seed: { type: "string" }, out: { type: "string" }, replay: { type: "string" } },
    ...{ list: { type: "boolean" }, help: { type: "boolean" } },
  },
});

function chosenTargets(): string[] {
  const names = flags.target?.split(",") ?? Object.keys(fuzzTargets);
  const unknown = names.filter((name) => !(name in fuzzTargets));
  if (unknown.length === 0) return names;
  throw new Error(`no target ${unknown.join(", ")}; there are: ${Object.keys(fuzzTargets).join(", ")}`);
}

function positive(flag: "minutes" | "inputs", fallback: number): number {
  const value = Number(flags[flag] ?? fallback);
  if (value > 0) return value;
  throw new Error(`--${flag}: expected a number above 0, got ${flags[flag]}`);
}

async function replay(folder: string): Promise<void> {
  const [target] = chosenTargets();
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const paths = entries.map((entry) => join(entry.parentPath, entry.name));
  const files = new Map(paths.map((path) => [path.slice(join(folder, "/").length), readFileSync(path)]));
  const executor = new Executor(limits);
  const outcome = await executor.run(target!, files);
  await executor.close();
  console.log(`${outcome.code} ${outcome.message}`);
  process.exitCode = outcome.isFailure ? 1 : 0;
}

function describe(name: string, report: FuzzReport): string {
  const { inputs, seconds, codes, kinds, failures } = report;
  const counts = [...codes].sort((a, b) => b[1] - a[1]).map(([code, count]) => `${code} ${count}`);
  const speed = `${inputs} inputs in ${seconds.toFixed(1)} s, ${kinds} kinds of outcome`;
  return `${failures.length === 0 ? "ok    " : "FAILED"} ${name.padEnd(12)} ${speed} (${counts.join(", ")})`;
}

async function fuzzAll(): Promise<void> {
  const seed = flags.seed ?? "1";
  const out = flags.out ?? join(tmpdir(), "glof-fuzz-failures");
  const executor = new Executor(limits);
  const limit = {
    seconds: 60 * positive("minutes", 1),
    inputs: positive("inputs", Number.POSITIVE_INFINITY),
  };
  const options = { seed, out, executor, ...limit };
  for (const name of chosenTargets()) {
    const report = await fuzzTarget(name, fuzzTargets[name]!, options);
    console.log(describe(name, report));
    for (const folder of report.failures) {
      const [code, message] = readFileSync(join(folder, "failure.txt"), "utf8").split("\n");
      console.log(
        `         ${code}: ${message}\n         --target ${name} --replay ${join(folder, "input")}`,
      );
      process.exitCode = 1;
    }
  }
  await executor.close();
}

if (flags.help) console.log(usage);
else if (flags.list)
  for (const [name, { about }] of Object.entries(fuzzTargets)) console.log(`${name.padEnd(12)} ${about}`);
else if (flags.replay !== undefined) await replay(flags.replay);
else await fuzzAll();
