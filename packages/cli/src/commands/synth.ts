import { dirname, join } from "node:path";
import { throwIfAborted } from "@glof/core";
import { beginFileSet } from "@glof/core/node";
import {
  BASE_YEAR,
  generateScene,
  SCENE_MODES,
  type SceneMode,
  SEASONS,
  type Season,
  writeScene,
} from "@glof/synthetic";
import { type Command, Option } from "commander";
import { withInterrupt } from "../interrupt.js";
import { processConsole } from "../terminal/console.js";
import { beginProgress } from "../terminal/progress.js";
import { toCount, toNumber, toWhole } from "./parse_flags.js";

/** Files of one scene. */
const SCENE_FILES = ["scene.tif", "truth.tif", "lakes.geojson"];

interface SynthFlags {
  out: string;
  seed: number;
  count: number;
  size: number;
  pixelSize: number;
  year: number;
  season?: Season;
  mode: SceneMode;
  overwrite?: boolean;
  quiet?: boolean;
}

const HELP = `
Each scene is scene.tif (B02 B03 B04 B08 B11 B12), truth.tif (bands lake, visible, water: 1 yes, 0 no, 255 not
known) and lakes.geojson (WGS 84). All places, lakes and pixels are made up.

Examples:
  $ glof synth --out demo --size 1024 --seed 7
  $ glof synth --out train --count 40 --seed 1000      folders 0000 to 0039, for glof train`;

/** Adds `glof synth`. */
export function addSynthCommand(program: Command): void {
  program
    .command("synth")
    .description("make scenes with exact truth, to train on and to try things on")
    .requiredOption("-o, --out <dir>", "folder for the scene; with --count above 1, of folders 0000, 0001, …")
    .option("--seed <number>", "same seed, same scene", toWhole, 0)
    .option("--count <scenes>", "how many scenes, seeds counting up", toCount, 1)
    .option("--size <px>", "rows and columns", toCount, 512)
    .option("--pixel-size <m>", "metres per pixel", toNumber, 10)
    .option("--year <year>", `lakes grow from ${BASE_YEAR} on`, toWhole, BASE_YEAR)
    .addOption(new Option("--season <name>", "season (default: drawn from the seed)").choices([...SEASONS]))
    .addOption(
      new Option("--mode <name>", "kind of landscape").choices([...SCENE_MODES]).default(SCENE_MODES[0]),
    )
    .option("--overwrite", "replace earlier scenes")
    .option("-q, --quiet", "print only errors")
    .addHelpText("after", HELP)
    .action(runSynth);
}

async function runSynth(flags: SynthFlags): Promise<void> {
  const { out, count, overwrite } = flags;
  const console = processConsole(flags);
  const progress = beginProgress(console);
  const folders = Array.from({ length: count }, (_, index) =>
    count === 1 ? out : join(out, String(index).padStart(4, "0")),
  );
  await withInterrupt(async (signal) => {
    try {
      // Known before the first is made: not after an hour.
      for (const folder of folders) await (await beginFileSet(folder, SCENE_FILES, { overwrite })).abandon();
      for (const [index, folder] of folders.entries()) {
        throwIfAborted(signal, "glof synth");
        await makeScene(folder, flags, index);
        progress.onProgress({ stage: "synth", done: index + 1, total: count, unit: "scenes" });
        await nextTask();
      }
    } finally {
      progress.end();
    }
    console.say(`${count} ${count === 1 ? "scene" : "scenes"} in ${out}`);
  });
}

async function makeScene(folder: string, flags: SynthFlags, index: number): Promise<void> {
  const files = await beginFileSet(folder, SCENE_FILES, { overwrite: flags.overwrite });
  try {
    const scene = generateScene({
      seed: flags.seed + index,
      width: flags.size,
      height: flags.size,
      pixelSizeM: flags.pixelSize,
      season: flags.season,
      mode: flags.mode,
      year: flags.year,
    });
    await writeScene(dirname(files.pathOf(SCENE_FILES[0]!)), scene);
    await files.commit();
  } finally {
    await files.abandon();
  }
}

/** Lets a signal of the system be heard between two scenes. */
const nextTask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
