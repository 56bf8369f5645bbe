import { rm } from "node:fs/promises";
import { join } from "node:path";
import { GlofError, throwIfAborted } from "@glof/core";
import {
  generateScene,
  SCENE_MODES,
  type SceneMode,
  SEASONS,
  type Season,
  writeScene,
} from "@glof/synthetic";
import type { Command } from "commander";
import { withInterrupt } from "../interrupt.js";
import { processConsole } from "../terminal/console.js";
import { beginProgress } from "../terminal/progress.js";
import { toNumber } from "./parse_flags.js";

interface SynthFlags {
  out: string;
  seed: number;
  count: number;
  size: number;
  pixelSize: number;
  season?: Season;
  mode?: SceneMode;
  overwrite?: boolean;
  quiet?: boolean;
}

/** Adds `glof synth`. */
export function addSynthCommand(program: Command): void {
  program
    .command("synth")
    .description("make scenes with exact truth: scene.tif, truth.tif, lakes.geojson")
    .requiredOption("-o, --out <dir>", "folder for the scene; with --count, of folders 0000, 0001, …")
    .option("--seed <number>", "same seed, same scene", toNumber, 0)
    .option("--count <scenes>", "how many scenes, seeds counting up", toNumber, 1)
    .option("--size <px>", "rows and columns", toNumber, 512)
    .option("--pixel-size <m>", "metres per pixel", toNumber, 10)
    .option("--season <name>", `${SEASONS.join(", ")} (default: drawn from the seed)`)
    .option("--mode <name>", `${SCENE_MODES.join(", ")} (default: mountain)`)
    .option("--overwrite", "replace earlier scenes")
    .option("-q, --quiet", "print only errors")
    .action(runSynth);
}

async function runSynth(flags: SynthFlags): Promise<void> {
  checkName("season", flags.season, SEASONS);
  checkName("mode", flags.mode, SCENE_MODES);
  const console = processConsole(flags);
  const progress = beginProgress(console);
  await withInterrupt(async (signal) => {
    for (let index = 0; index < flags.count; index++) {
      throwIfAborted(signal, "glof synth");
      const folder = flags.count === 1 ? flags.out : join(flags.out, String(index).padStart(4, "0"));
      if (flags.overwrite) await rm(join(folder, "scene.tif"), { force: true });
      const scene = generateScene({
        seed: flags.seed + index,
        width: flags.size,
        height: flags.size,
        pixelSizeM: flags.pixelSize,
        season: flags.season,
        mode: flags.mode,
      });
      await writeScene(folder, scene);
      progress.onProgress({ stage: "synth", done: index + 1, total: flags.count, unit: "scenes" });
    }
    progress.end();
    console.say(`${flags.count} ${flags.count === 1 ? "scene" : "scenes"} in ${flags.out}`);
  });
}

function checkName(option: string, name: string | undefined, names: readonly string[]): void {
  if (name === undefined || names.includes(name)) return;
  throw new GlofError(
    "bad-argument",
    `glof synth: expected --${option} to be ${names.join(", ")}, got ${name}.`,
  );
}
