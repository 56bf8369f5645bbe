import { readFile } from "node:fs/promises";
import type { TilePredictor } from "@glof/inference";
import { mapScene } from "@glof/mapping";
import type { LakeSegmenter } from "@glof/segmenter";
import { openScene, type Scene } from "@glof/sentinel2";
import { openMapEngine } from "../../packages/cli/src/jobs/map_engine.js";
import { readInThread } from "../../packages/cli/src/jobs/reading_thread.js";
import { processConsole } from "../../packages/cli/src/terminal/console.js";
import { workerEntry } from "../../packages/cli/src/worker_entry.js";
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
  /** The model runs, and its answer is replaced by that of an index: random weights find noise, a thousand outlines for each lake. */
  readonly lakesByIndex?: boolean;
}

/** What it measured. */
export interface SceneRun {
  readonly tiles: number;
  readonly skippedTiles: number;
  /** Time in which the model had a batch in work. */
  readonly modelSeconds: number;
  /** Of as many tiles through the model and nothing else, extrapolated from those run before and after the scene. */
  readonly aloneSeconds: number;
  /** The same of the processor's time of this process. */
  readonly aloneCpuSeconds: number;
  /** Of the map, by stage. */
  readonly seconds: Readonly<Record<string, number>>;
  readonly cpuSeconds: number;
  /** Of this process and of those that run its tiles. */
  readonly peakRssBytes: number;
}

/** Time for each of the two runs of the model alone. */
const aloneMs = 5000;

const options = JSON.parse(process.argv[2]!) as SceneRunOptions;
const [name, ...given] = options.setup.split(/[:+]/);
const settings = Object.fromEntries(given.map((text) => text.split("=") as [string, string]));
const cleanUp: (() => unknown)[] = [];
const { segmenter, jobs } = await openEngine();
const tilePx = options.tilePx ?? segmenter.config.tilePx;
const batchSize = Number(settings.batch ?? 1);
const bandCount = segmenter.config.bands.length;

/** Batches under way at once: as many as keep every process or thread that runs tiles at work. */
const concurrency = segmenter.tilePredictor?.concurrency ?? 2 * jobs;
const predict: TilePredictor["predict"] =
  name === "free" ? freePredict : options.lakesByIndex ? indexAfterModel : modelPredict;
const sharesMemory = segmenter.tilePredictor?.sharesMemory === true;
const busy = { batches: 0, sinceMs: 0, totalMs: 0 };

const before = await modelAlone();
const scene = withoutData(await openScene(options.scene), options.emptyShare);
if (settings.reader === "thread") {
  cleanUp.push(readInThread(scene, { path: options.scene, options: {} }, workerEntry("reading_worker")));
}
const startCpu = cpuSeconds();
const { run } = await mapScene({
  ...{ scene, segmenter, outDir: options.outDir, overwrite: true, tilePx, batchSize },
  predictor: { concurrency, predict: watched, sharesMemory },
});
const mapCpu = cpuSeconds() - startCpu;
const after = await modelAlone();
await scene.close();
const workersRss = await peakRssOfChildren();
for (const step of cleanUp) await step();
const { tiles, skippedTiles } = run.tiles;
const share = (tiles - skippedTiles) / (before.tiles + after.tiles);
const result: SceneRun = {
  ...{ tiles, skippedTiles, seconds: run.seconds, cpuSeconds: mapCpu },
  modelSeconds: busy.totalMs / 1000,
  aloneSeconds: (before.seconds + after.seconds) * share,
  aloneCpuSeconds: (before.cpuSeconds + after.cpuSeconds) * share,
  peakRssBytes: 1024 * process.resourceUsage().maxRSS + workersRss,
};
console.log(JSON.stringify(result));

async function openEngine(): Promise<{ segmenter: LakeSegmenter; jobs: number }> {
  const quiet = processConsole({ quiet: true });
  const { signal } = new AbortController();
  const number = (key: string) => (settings[key] === undefined ? undefined : Number(settings[key]));
  const { segmenter, facts } = await openMapEngine(
    {
      engine: name === "ort" ? "ort" : "tfjs",
      ...(name !== "ort" && { backend: (settings.backend ?? "wasm") as "wasm" }),
      jobs: number("jobs"),
      threads: number("threads"),
    },
    { model: options.model, console: quiet, signal, cleanUp },
  );
  return { segmenter, jobs: facts.jobs };
}

function modelPredict(...batch: Parameters<TilePredictor["predict"]>): Promise<Float32Array> {
  return segmenter.tilePredictor?.predict(...batch) ?? segmenter.predictPixels(...batch);
}

async function indexAfterModel(
  ...[pixels, shape]: Parameters<TilePredictor["predict"]>
): Promise<Float32Array> {
  // The model's array may go to a thread of its engine.
  const own = pixels.slice();
  await modelPredict(pixels, shape);
  return freePredict(own, shape);
}

/**
 * A model that looks at one pixel: an index of blue and near infrared, so that there are lakes to outline, and as much noise in the
 * last digits as a trained model leaves there.
 */
async function freePredict(
  ...[pixels, [count, rows, cols, bands]]: Parameters<TilePredictor["predict"]>
): Promise<Float32Array> {
  const prob = new Float32Array(count * rows * cols);
  for (let pixel = 0; pixel < prob.length; pixel++) {
    const at = pixel * bands;
    const base = pixels[at]! - pixels[at + bands - 1]! > 0.9 ? 0.9 : 0.1;
    prob[pixel] = base + 0.02 * pixels[at]!;
  }
  return prob;
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
async function modelAlone(): Promise<{ tiles: number; seconds: number; cpuSeconds: number }> {
  const shape = [batchSize, tilePx, tilePx, bandCount] as const;
  const pixels = fillValues(
    shape.reduce((product, size) => product * size),
    1,
  );
  await predict(pixels.slice(), shape);
  const [startMs, startCpu] = [performance.now(), cpuSeconds()];
  let tiles = 0;
  const work = async (): Promise<void> => {
    let own = copyOf(pixels);
    while (performance.now() - startMs < aloneMs) {
      // As in a scene: an array is filled again unless it was transferred.
      if (own.length === 0) own = copyOf(pixels);
      else own.set(pixels);
      await predict(own, shape);
      tiles += batchSize;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return { tiles, seconds: (performance.now() - startMs) / 1000, cpuSeconds: cpuSeconds() - startCpu };
}

function copyOf(pixels: Float32Array): Float32Array {
  const { byteLength } = pixels;
  const copy = new Float32Array(
    sharesMemory ? new SharedArrayBuffer(byteLength) : new ArrayBuffer(byteLength),
  );
  copy.set(pixels);
  return copy;
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

/** Sum of what the child processes held at their most, by Linux's account; 0 elsewhere. */
async function peakRssOfChildren(): Promise<number> {
  const pids = await readFile(`/proc/self/task/${process.pid}/children`, "utf8").catch(() => "");
  const peaks = pids.split(" ").flatMap((pid) => (pid.trim() === "" ? [] : [peakRssOf(pid)]));
  return (await Promise.all(peaks)).reduce((sum, bytes) => sum + bytes, 0);
}

async function peakRssOf(pid: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0);
}
