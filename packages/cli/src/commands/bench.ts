import { availableParallelism, cpus, loadavg } from "node:os";
import {
  type BackendChoice,
  type BackendName,
  backendNames,
  releaseBackend,
  selectBackend,
} from "@glof/runtime";
import { LakeSegmenter } from "@glof/segmenter";
import { type Command, Option } from "commander";
import { defaultJobs } from "../jobs/default_jobs.js";
import { weightBytes } from "../jobs/map_engine.js";
import { shippedModelPath } from "../shipped_model.js";
import { type Console, processConsole } from "../terminal/console.js";
import { durationText } from "../terminal/progress.js";
import { type BenchCase, blockCase, productCase, tileCase, tilesOfScene } from "./bench_cases.js";
import { type BenchEffort, type BenchResult, measureCase } from "./bench_measure.js";

interface BenchFlags {
  backend?: BackendName;
  model?: string;
  quick?: boolean;
  json?: boolean;
}

const HELP = `
Measures a matrix product, a block of ViT-S/14 and a whole tile of a model, each with glof's kernels ("ms") and with those of
TensorFlow.js on the same backend ("stock ms"), prints the rates, and estimates how long the model takes for a whole
Sentinel-2 product (10980 x 10980) here. What would take too long on a slow backend is measured once, smaller, or left out, and
said so. To compare with other engines (ONNX Runtime, PyTorch), see npm run bench of the sources.

Examples:
  $ glof bench --quick
  $ glof bench --backend webgpu --json > speed.json`;

/** Adds `glof bench`. */
export function addBenchCommand(program: Command): void {
  program
    .command("bench")
    .description("how fast this machine is, and how long a whole scene takes on it")
    .addOption(
      new Option(
        "--backend <name>",
        "measure this backend (default: the one that glof would choose)",
      ).choices([...backendNames]),
    )
    .option("-m, --model <bundle>", "model of the tile (default: the one that comes with glof)")
    .option("--quick", "two repeats instead of seven, and less of what is slow: a minute or two")
    .option("--json", "print the result as JSON on stdout")
    .addHelpText("after", HELP)
    .action((flags: BenchFlags) => runBench(flags, processConsole(flags)));
}

async function runBench({ backend: required, model, quick }: BenchFlags, console: Console): Promise<void> {
  const backend = await selectBackend(required === undefined ? {} : { require: required });
  try {
    const machine = machineFacts(backend);
    console.say(`backend ${backend.reason}${machine.adapter === undefined ? "" : `: ${machine.adapter}`}`);
    console.say(`on ${machine.cpu}, ${machine.cores} logical processors, Node ${machine.node}`);
    if (machine.load > 1)
      console.say(`other work is running here (load ${machine.load.toFixed(1)}): all times are too long`);
    console.say(`${"".padEnd(42)} ${["ms", "GFLOP/s", "stock ms", "faster"].map(column).join("")}`);
    const segmenter = await LakeSegmenter.load(model ?? shippedModelPath());
    const tiles = tilesOfScene(segmenter);
    const effort = quick ? { repeats: 2, mostMs: 8000 } : { repeats: 7, mostMs: 60_000 };
    const { results, expectedMs } = await measureParts(effort, console);
    const tile = tileCase(segmenter);
    const isTooSlow = expectedMs(tile) > 10 * effort.mostMs;
    if (isTooSlow) leaveOut(tile, expectedMs(tile), console);
    else results.push(await measureAndSay(tile, effort, console));
    const tileMs = isTooSlow ? expectedMs(tile) : results.at(-1)!.ms;
    const jobs = defaultJobs(backend.name, weightBytes(segmenter.config));
    const sceneSeconds = (tiles * tileMs) / 1000;
    console.say(
      `the model alone on a scene of 10980 x 10980${isTooSlow ? ", by the product's rate" : ""}: ${tiles} tiles, about ${durationText(sceneSeconds)} in one process` +
        (jobs === 1 ? "" : `; glof map shares them out among ${jobs}, which takes less`),
    );
    if (console.asJson)
      console.json({ backend, machine, cases: results, scene: { tiles, sceneSeconds, jobs } });
  } finally {
    await releaseBackend();
  }
}

interface MachineFacts {
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  /** Processes that wanted to run, over the last minute, before anything was measured. */
  readonly load: number;
  /** The GPU, and whether it is none. */
  readonly adapter: string | undefined;
}

function machineFacts({ details }: BackendChoice): MachineFacts {
  const adapter = details.adapter as { description: string; vendor: string; isSoftware: boolean } | undefined;
  const software = adapter?.isSoftware
    ? ", software that computes on the processor: no measure of a GPU"
    : "";
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown processor",
    cores: availableParallelism(),
    node: process.version,
    load: loadavg()[0]!,
    adapter: adapter && `${adapter.description || adapter.vendor}${software}`,
  };
}

/** A twentieth of the product tells how fast it is here: what would take too long is smaller, or left out. */
async function measureParts(
  effort: BenchEffort,
  console: Console,
): Promise<{ results: BenchResult[]; expectedMs: (one: BenchCase) => number }> {
  const probe = productCase(PROBE_ROWS);
  await probe.run();
  const { ms } = await measureCase(probe, { repeats: 1, mostMs: 0 });
  const expectedMs = ({ flop }: BenchCase): number => (ms * flop) / probe.flop;
  const whole = productCase();
  const isSlow = expectedMs(whole) > effort.mostMs / 4;
  (isSlow ? whole : probe).dispose();
  const results = [await measureAndSay(isSlow ? probe : whole, effort, console)];
  const block = blockCase();
  if (expectedMs(block) > effort.mostMs) leaveOut(block, expectedMs(block), console);
  else results.push(await measureAndSay(block, effort, console));
  return { results, expectedMs };
}

function leaveOut(one: BenchCase, ms: number, console: Console): void {
  console.say(`${one.name.padEnd(42)} left out: about ${durationText(ms / 1000)} a run`);
  one.dispose();
}

const PROBE_ROWS = 64;

async function measureAndSay(one: BenchCase, effort: BenchEffort, console: Console): Promise<BenchResult> {
  try {
    const result = await measureCase(one, effort);
    const { name, flop, ms, stockMs, repeats } = result;
    const cells = [
      ms.toFixed(1),
      (flop / ms / 1e6).toFixed(1),
      stockMs?.toFixed(1) ?? "no time",
      stockMs === null ? "" : `${(stockMs / ms).toFixed(1)}x`,
    ];
    const once = repeats === 1 && stockMs === null ? "  one run, compilation included" : "";
    console.say(`${name.padEnd(42)} ${cells.map(column).join("")}${once}`);
    return result;
  } finally {
    one.dispose();
  }
}

const column = (text: string): string => text.padStart(10);
