// What a whole scene takes beside its model: `npx tsx scripts/bench_large_scene.ts [--sizes 1000,2520] [--setups
// tfjs,ort] [--model bundle | --width 384 --depth 12] [--tile px] [--empty 0.5] [--folder dir]`. It prints a table.
//
// Each size and setup runs in a process of its own, which maps the scene (all of `glof map`: decode, normalise, model,
// blend, write, mask, outlines, preview, hash). The whole run is held against the time of as many tiles through the model and
// nothing else, run before and after it (on a quiet machine: the truth), and against the time of the run in which the model had
// a batch in work (of one run, so that a machine shared with others slows down both).
//
// A setup is `tfjs`, `ort` or `free` (a made-up model that costs next to nothing: what the rest can do at most), and after
// a colon `jobs=2`, `batch=4`, `threads=1`, `backend=wasm`, `reader=thread` (as beside a GPU), with `+` between them.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildLakeSegmenter, buildSmallLakeSegmenterConfig, saveBundle } from "@glof/segmenter";
import { writeLargeScene } from "@glof/synthetic";
import * as tf from "@tensorflow/tfjs-core";
import type { SceneRun, SceneRunOptions } from "../bench/src/scene_run.js";
import { markdownTable } from "../bench/src/table.js";
import { shippedModelPath } from "../packages/cli/src/shipped_model.js";

const { values } = parseArgs({
  options: {
    sizes: { type: "string", default: "1000,2520" },
    setups: { type: "string", default: "tfjs,ort,free" },
    model: { type: "string" },
    width: { type: "string" },
    depth: { type: "string", default: "12" },
    tile: { type: "string" },
    empty: { type: "string", default: "0" },
    folder: { type: "string", default: join(tmpdir(), "glof-large") },
  },
});
const { folder } = values;
await mkdir(folder, { recursive: true });
const model = values.width === undefined ? (values.model ?? shippedModelPath()) : await randomModel();
const runner = fileURLToPath(new URL("../bench/src/scene_run.ts", import.meta.url));

const rows: string[][] = [];
for (const size of values.sizes.split(",").map(Number)) {
  const scene = join(folder, `scene-${size}.tif`);
  if (!existsSync(scene)) await writeLargeScene(scene, { width: size, height: size, seed: 11 });
  for (const setup of values.setups.split(",")) {
    const options: SceneRunOptions = {
      ...{ scene, model, setup, outDir: join(folder, "map"), emptyShare: Number(values.empty) },
      lakesByIndex: values.width !== undefined,
      ...(values.tile !== undefined && { tilePx: Number(values.tile) }),
    };
    const { status, stdout } = spawnSync(
      process.execPath,
      [...process.execArgv, runner, JSON.stringify(options)],
      { stdio: ["ignore", "pipe", "inherit"], encoding: "utf8" },
    );
    if (status !== 0) throw new Error(`${setup} of ${size} x ${size} ended with code ${status}`);
    rows.push(rowOf(size, setup, JSON.parse(stdout.trim().split("\n").at(-1)!) as SceneRun));
    console.error(rows.at(-1)!.join(" | "));
  }
}
console.log(
  markdownTable(
    [
      "pixels",
      "setup",
      "tiles run",
      "model alone, s",
      "model at work, s",
      "whole run, s",
      "over alone",
      "over at work",
      "rest, CPU ms per tile",
      "of the run: model stage",
      "measure",
      "mask",
      "outlines",
      "preview",
      "hash",
      "peak RSS, GB",
    ],
    rows,
  ),
);

function rowOf(size: number, setup: string, run: SceneRun): string[] {
  const { tiles, skippedTiles, modelSeconds, aloneSeconds, aloneCpuSeconds } = run;
  const { seconds, cpuSeconds, peakRssBytes } = run;
  const stages = ["model", "measure", "mask", "outlines", "preview", "hash"] as const;
  const over = (model: number): string =>
    setup.startsWith("free") ? "" : `${((100 * (seconds.total! - model)) / model).toFixed(1)} %`;
  return [
    `${size} x ${size}`,
    setup,
    `${tiles - skippedTiles}${skippedTiles > 0 ? ` of ${tiles}` : ""}`,
    aloneSeconds.toFixed(1),
    modelSeconds.toFixed(1),
    seconds.total!.toFixed(1),
    over(aloneSeconds),
    over(modelSeconds),
    ((1000 * (cpuSeconds - aloneCpuSeconds)) / (tiles - skippedTiles)).toFixed(1),
    ...stages.map((stage) => (seconds[stage] ?? 0).toFixed(1)),
    (peakRssBytes / 1e9).toFixed(2),
  ];
}

/** A bundle of the asked size with random weights: its time is that of a trained one. */
async function randomModel(): Promise<string> {
  const [embedDim, depth] = [Number(values.width), Number(values.depth)];
  const path = join(folder, `random-${embedDim}-${depth}.safetensors`);
  if (existsSync(path)) return path;
  await import("@tensorflow/tfjs-backend-cpu");
  await tf.setBackend("cpu");
  const config = buildSmallLakeSegmenterConfig({ name: "random", embedDim, depth, heads: embedDim / 64 });
  const params = buildLakeSegmenter(config).init(1);
  await saveBundle(path, { config, params, card: { description: "Random weights, to measure time by." } });
  tf.dispose({ ...params });
  return path;
}
