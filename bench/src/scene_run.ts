import type { TilePredictor } from "@glof/inference";
import { mapScene } from "@glof/mapping";
import type { LakeSegmenter } from "@glof/segmenter";
import { openScene, type Scene } from "@glof/sentinel2";
import { openMapEngine } from "../../packages/cli/src/jobs/map_engine.js";
import { processConsole } from "../../packages/cli/src/terminal/console.js";
import { fillValues } from "./protocol.js";

/** What `scripts/bench_large_scene.ts` hands to a process that runs one scene. */
export interface SceneRunOptions {
  readonly scene: string;
  readonly model: string;
  readonly setup: string;
  readonly outDir: string;
  readonly tilePx?: number;
  /** Share of the columns that hold no data. */
  readonly emptyShare: number;
}

/** What it measured. */
export interface SceneRun {
  readonly tiles: number;
  readonly skippedTiles: number;
  /** Time in which the model had a batch in work. */
  readonly modelSeconds: number;
  /** Of as many tiles through the model and nothing else, extrapolated from those run before and after the scene. */
  readonly modelCpuSeconds: number;
  /** Of the map, by stage. */
  readonly seconds: Readonly<Record<string, number>>;
  readonly cpuSeconds: number;
  /** Of this process; processes of `jobs` come on top. */
  readonly peakRssBytes: number;
}

/** Time for each of the two runs of the model alone. */
const aloneMs = 5000;

/** A model that looks at one pixel: an index of blue and near infrared, so that there are lakes to outline. */
const freePredictor: TilePredictor = {
  concurrency: 2,
  predict: async (pixels, [count, rows, cols, bands]) => {
    const prob = new Float32Array(count * rows * cols);
    for (let pixel = 0; pixel < prob.length; pixel++) {
      const at = pixel * bands;
      prob[pixel] = pixels[at]! - pixels[at + bands - 1]! > 0.9 ? 0.9 : 0.1;
    }
    return prob;
  },
};

const options = JSON.parse(process.argv[2]!) as SceneRunOptions;
const [name, ...given] = options.setup.split(/[:+]/);
const settings = Object.fromEntries(given.map((text) => text.split("=") as [string, string]));
const cleanUp: (() => unknown)[] = [];
const { segmenter, predictor } = await openEngine();
const tilePx = options.tilePx ?? segmenter.config.tilePx;
const batchSize = Number(settings.batch ?? 1);
const bandCount = segmenter.config.bands.length;

/** Batches under way at once: those of the engine `ort` wait in its thread, those of this thread have nowhere to. */
const concurrency = predictor?.concurrency ?? (name === "ort" ? 2 : 1);
const predict: TilePredictor["predict"] =
  predictor?.predict ?? ((pixels, shape) => segmenter.predictPixels(pixels, shape));
const busy = { batches: 0, sinceMs: 0, totalMs: 0 };

const before = await modelAlone();
const scene = withoutData(await openScene(options.scene), options.emptyShare);
const startCpu = cpuSeconds();
const { run } = await mapScene({
  ...{ scene, segmenter, outDir: options.outDir, overwrite: true, tilePx, batchSize },
  predictor: { concurrency, predict: watched },
});
const mapCpu = cpuSeconds() - startCpu;
const after = await modelAlone();
await scene.close();
for (const step of cleanUp) await step();
const { tiles, skippedTiles } = run.tiles;
const share = (tiles - skippedTiles) / (before.tiles + after.tiles);
const result: SceneRun = {
  ...{ tiles, skippedTiles, seconds: run.seconds, cpuSeconds: mapCpu },
  modelSeconds: busy.totalMs / 1000,
  modelCpuSeconds: (before.cpuSeconds + after.cpuSeconds) * share,
  peakRssBytes: 1024 * process.resourceUsage().maxRSS,
};
console.log(JSON.stringify(result));

async function openEngine(): Promise<{ segmenter: LakeSegmenter; predictor: TilePredictor | undefined }> {
  const quiet = processConsole({ quiet: true });
  const { signal } = new AbortController();
  const number = (key: string) => (settings[key] === undefined ? undefined : Number(settings[key]));
  const engine = await openMapEngine(
    {
      engine: name === "ort" ? "ort" : "tfjs",
      ...(name !== "ort" && { backend: (settings.backend ?? "wasm") as "wasm" }),
      jobs: number("jobs") ?? 1,
      threads: number("threads"),
    },
    { model: options.model, console: quiet, signal, cleanUp },
  );
  return name === "free" ? { ...engine, predictor: freePredictor } : engine;
}

/** `predict`, with the time counted in which any batch is under way. */
async function watched(...batch: Parameters<TilePredictor["predict"]>): Promise<Float32Array> {
  if (busy.batches++ === 0) busy.sinceMs = performance.now();
  try {
    return await predict(...batch);
  } finally {
    if (--busy.batches === 0) busy.totalMs += performance.now() - busy.sinceMs;
  }
}

/** Tiles through the model until the time is up, as many at once as in a scene. */
async function modelAlone(): Promise<{ tiles: number; cpuSeconds: number }> {
  const shape = [batchSize, tilePx, tilePx, bandCount] as const;
  const pixels = fillValues(
    shape.reduce((product, size) => product * size),
    1,
  );
  await predict(pixels.slice(), shape);
  const [startMs, startCpu] = [performance.now(), cpuSeconds()];
  let tiles = 0;
  const work = async (): Promise<void> => {
    while (performance.now() - startMs < aloneMs) {
      await predict(pixels.slice(), shape);
      tiles += batchSize;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return { tiles, cpuSeconds: cpuSeconds() - startCpu };
}

function withoutData(scene: Scene, share: number): Scene {
  if (share === 0) return scene;
  const firstEmpty = Math.round(scene.grid.width * (1 - share));
  return {
    ...scene,
    readReflectance: async (window, bands, readOptions) => {
      const read = await scene.readReflectance(window, bands, readOptions);
      const [rows, cols] = readOptions?.outputSize ?? [window.height, window.width];
      const from = Math.round(((firstEmpty - window.x) * cols) / window.width);
      for (let row = 0; row < rows; row++)
        read.validMask.fill(0, row * cols + Math.max(0, from), (row + 1) * cols);
      return read;
    },
  };
}

/** Of this process: what the processes of `jobs` compute is the model's alone. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
