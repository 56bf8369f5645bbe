import { type BackendName, backendNames, releaseBackend, selectBackend } from "@glof/runtime";
import { LakeSegmenter } from "@glof/segmenter";
import { type Command, Option } from "commander";
import { defaultJobs } from "../jobs/default_jobs.js";
import { shippedModelPath } from "../shipped_model.js";
import { type Console, processConsole } from "../terminal/console.js";
import { durationText } from "../terminal/progress.js";
import { type BenchCase, blockCase, productCase, tileCase, tilesOfScene } from "./bench_cases.js";
import { type BenchResult, measureCase } from "./bench_measure.js";

interface BenchFlags {
  backend?: BackendName;
  model?: string;
  quick?: boolean;
  json?: boolean;
}

const HELP = `
Measures a matrix product, a block of ViT-S/14 and a whole tile of a model, each with glof's kernels and with those of
TensorFlow.js, prints the rates, and estimates how long a whole Sentinel-2 product (10980 x 10980) takes here.

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
    .option("--quick", "two repeats instead of seven: under a minute")
    .option("--json", "print the result as JSON on stdout")
    .addHelpText("after", HELP)
    .action((flags: BenchFlags) => runBench(flags, processConsole(flags)));
}

async function runBench({ backend: required, model, quick }: BenchFlags, console: Console): Promise<void> {
  const backend = await selectBackend(required === undefined ? {} : { require: required });
  try {
    console.say(`backend ${backend.reason}`);
    console.say(`${"".padEnd(42)} ${["ms", "GFLOP/s", "stock ms", "faster"].map(column).join("")}`);
    const segmenter = await LakeSegmenter.load(model ?? shippedModelPath());
    const tiles = tilesOfScene(segmenter);
    const repeats = quick ? 2 : 7;
    const results = [
      await measureAndSay(productCase(), repeats, console),
      await measureAndSay(blockCase(), repeats, console),
    ];
    const tile = await measureAndSay(tileCase(segmenter), repeats, console);
    const jobs = defaultJobs(backend.name);
    const sceneSeconds = (tiles * tile.ms) / 1000;
    console.say(
      `a scene of 10980 x 10980: ${tiles} tiles, about ${durationText(sceneSeconds)} in one process` +
        (jobs === 1
          ? ""
          : `, ${durationText(sceneSeconds / jobs)} with the ${jobs} jobs that glof map starts`),
    );
    if (console.asJson)
      console.json({ backend, cases: [...results, tile], scene: { tiles, sceneSeconds, jobs } });
  } finally {
    await releaseBackend();
  }
}

async function measureAndSay(one: BenchCase, repeats: number, console: Console): Promise<BenchResult> {
  try {
    const result = await measureCase(one, repeats);
    const { name, flop, ms, stockMs } = result;
    const cells = [
      ms.toFixed(1),
      (flop / ms / 1e6).toFixed(1),
      stockMs.toFixed(1),
      `${(stockMs / ms).toFixed(1)}x`,
    ];
    console.say(`${name.padEnd(42)} ${cells.map(column).join("")}`);
    return result;
  } finally {
    one.dispose();
  }
}

const column = (text: string): string => text.padStart(10);
