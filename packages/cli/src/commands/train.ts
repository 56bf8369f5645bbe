import { dirname, join, resolve } from "node:path";
import { isGlofError } from "@glof/core";
import { releaseBackend, selectBackend } from "@glof/runtime";
import type { Command } from "commander";
import { readConfig } from "../config/read_config.js";
import { type ChipSource, type TrainConfig, trainConfigSchema } from "../config/train_config.js";
import { withInterrupt } from "../interrupt.js";
import { processConsole } from "../terminal/console.js";
import { TRAIN_FILES } from "./train_files.js";
import { trainSegmenter } from "./train_segmenter.js";

interface TrainFlags {
  resume?: boolean;
  overwrite?: boolean;
  json?: boolean;
  quiet?: boolean;
}

const HELP = `
Writes into the folder that the config calls out: log.jsonl (one event a line), last.safetensors (to go on from),
best.safetensors (best weights so far), and at the end model.safetensors, the bundle that glof map takes.
Ctrl-C stops after the current step; --resume goes on from there.

Example:
  $ glof synth --out scenes --count 20 && glof train train.yaml

  train.yaml:
    out: run
    steps: 2000
    train: [{ scenes: scenes }]
    validation: [{ scenes: held-out }]`;

/** Adds `glof train`. */
export function addTrainCommand(program: Command): void {
  program
    .command("train")
    .description("train a lake segmenter from images with masks; gives a model bundle")
    .argument("<config>", "YAML file; docs/training.md lists its settings")
    .option("--resume", `go on from ${TRAIN_FILES.last} in the config's out folder`)
    .option("--overwrite", "replace an earlier run in the out folder")
    .option("--json", "print every event as a JSON line on stdout")
    .option("-q, --quiet", "print only errors")
    .addHelpText("after", HELP)
    .action((configPath: string, flags: TrainFlags) => runTrain(configPath, flags));
}

async function runTrain(configPath: string, flags: TrainFlags): Promise<void> {
  const { resume = false, overwrite = false } = flags;
  const console = processConsole(flags);
  const config = withAbsolutePaths(
    await readConfig(configPath, trainConfigSchema),
    dirname(resolve(configPath)),
  );
  await withInterrupt(async (signal) => {
    const backend = await selectBackend({
      ...(config.backend === undefined ? {} : { require: config.backend }),
      logger: console.logger,
    });
    console.say(`backend ${backend.reason}`);
    try {
      await trainSegmenter(config, { console, signal, resume, overwrite, configPath });
    } catch (error) {
      if (isGlofError(error, "aborted"))
        console.say(`go on with --resume, from ${join(config.out, TRAIN_FILES.last)}`);
      throw error;
    } finally {
      await releaseBackend();
    }
  });
}

function withAbsolutePaths(config: TrainConfig, base: string): TrainConfig {
  const absolute = (source: ChipSource): ChipSource =>
    "scenes" in source
      ? { ...source, scenes: resolve(base, source.scenes) }
      : { ...source, image: resolve(base, source.image), mask: resolve(base, source.mask) };
  return {
    ...config,
    out: resolve(base, config.out),
    init: config.init === undefined ? undefined : resolve(base, config.init),
    train: config.train.map(absolute),
    validation: config.validation.map(absolute),
  };
}
