import { GlofError } from "@glof/core";
import { countParams } from "@glof/nn";
import { type BackendChoice, releaseBackend } from "@glof/runtime";
import {
  type Bundle,
  buildLakeSegmenter,
  LakeSegmenter,
  openBundle,
  type SegmenterConfig,
} from "@glof/segmenter";
import type { MapConfig } from "../config/map_config.js";
import type { Console } from "../terminal/console.js";
import { workerEntry } from "../worker_entry.js";
import { chooseBackend, precisionText } from "./choose_backend.js";
import { defaultBatch } from "./default_batch.js";
import { canShare, defaultJobs, jobsOnProcessors, threadsPerJob } from "./default_jobs.js";
import { startTileWorkers } from "./tile_workers.js";

/** What runs the model of `glof map`. */
export interface MapEngine {
  readonly segmenter: LakeSegmenter;
  /** Tiles per forward pass. */
  readonly batchSize: number;
  /** Whether the model runs on a device of its own, so that reading decides how fast it gets its tiles. */
  readonly isOffProcessors: boolean;
  /** For `run.json`. */
  readonly facts: { readonly name: string; readonly reason: string; readonly jobs: number };
}

/** What `openMapEngine` reads of the settings. */
export type EngineSettings = Pick<
  MapConfig,
  "engine" | "backend" | "precision" | "jobs" | "threads" | "tile" | "batch"
>;

/** What it is given besides. */
export interface EngineNeeds {
  /** Path of the bundle. */
  readonly model: string;
  readonly console: Console;
  readonly signal: AbortSignal;
  /** Gets a step for everything that is opened; they are taken from the front. */
  readonly cleanUp: (() => unknown)[];
}

/**
 * Loads the model into the engine that the settings ask for, and says which.
 *
 * @throws GlofError `bad-config` for settings that are of the other engine; what choosing a backend, loading the bundle
 * and starting workers throw
 */
export async function openMapEngine(settings: EngineSettings, needs: EngineNeeds): Promise<MapEngine> {
  const isOrt = settings.engine === "ort";
  const foreign = (isOrt ? (["backend", "precision"] as const) : (["threads"] as const)).find(
    (name) => settings[name] !== undefined,
  );
  if (foreign !== undefined) {
    throw new GlofError(
      "bad-config",
      `glof map: expected no --${foreign} with the engine ${isOrt ? "ort" : "tfjs"}, got ${settings[foreign]}. ` +
        `Leave it out, or choose --engine ${isOrt ? "tfjs" : "ort"}.`,
      { engine: settings.engine, [foreign]: settings[foreign] },
    );
  }
  return isOrt ? openOrt(settings, needs) : openTfjs(settings, needs);
}

async function openOrt(
  settings: EngineSettings,
  { model, console, signal, cleanUp }: EngineNeeds,
): Promise<MapEngine> {
  const { threads } = settings;
  const { config } = await readBundle(model, signal);
  const jobs = settings.jobs ?? jobsOnProcessors(weightBytes(config));
  const segmenter = await LakeSegmenter.load(model, { engine: "ort", workers: jobs, threads, signal });
  cleanUp.unshift(() => segmenter.dispose());
  const reason = segmenter.engineDescription ?? "";
  console.say(`engine ort: ${reason}`);
  return {
    ...{ segmenter, batchSize: settings.batch ?? 1, isOffProcessors: false },
    facts: { name: "ort", reason, jobs },
  };
}

async function openTfjs(settings: EngineSettings, needs: EngineNeeds): Promise<MapEngine> {
  const { model, console, signal, cleanUp } = needs;
  const backend = await chooseBackend(settings, "glof map", console);
  cleanUp.unshift(releaseBackend);
  const { name } = backend;
  const { config, card, sha256 } = await readBundle(model, signal);
  const jobs = jobsFor(settings, backend, config, console);
  const { tile: tilePx = config.tilePx, batch: batchSize = defaultBatch(backend, tilePx) } = settings;
  const reason = `${backend.reason}${precisionText(backend)}`;
  const isOffProcessors = !canShare(name);
  // A GPU is driven from a thread of its own: reading and writing take as much of this one's time as the GPU takes for a large model.
  if (jobs === 1 && name !== "webgpu") {
    const segmenter = await LakeSegmenter.load(model, { signal });
    cleanUp.unshift(() => segmenter.dispose());
    return { segmenter, batchSize, isOffProcessors, facts: { name, reason, jobs } };
  }
  // The backend is known to work; from here on it is the workers' business, and so are the weights.
  await releaseBackend();
  const engine = await startTileWorkers(
    jobs,
    {
      backend: name,
      ...{ precision: settings.precision, model, threads: threadsPerJob(jobs) },
      batchShape: [batchSize, tilePx, tilePx, config.bands.length],
    },
    workerEntry("tile_worker"),
  );
  cleanUp.unshift(engine.close);
  const segmenter = new LakeSegmenter({ config, card, sha256, params: {}, engine });
  return {
    ...{ segmenter, batchSize, isOffProcessors },
    facts: { name, reason: `${reason}; ${engine.description}`, jobs },
  };
}

/** What a bundle says of itself; its weights stay where they are. */
async function readBundle(model: string, signal: AbortSignal): Promise<Omit<Bundle, "checkpoint">> {
  const { checkpoint, ...facts } = await openBundle(model, { signal });
  await checkpoint.close();
  return facts;
}

/** Bytes of a model's weights in memory. */
export function weightBytes(config: SegmenterConfig): number {
  return 4 * countParams(buildLakeSegmenter(config).specs).weights;
}

function jobsFor(
  { jobs }: EngineSettings,
  { name }: BackendChoice,
  config: SegmenterConfig,
  console: Console,
): number {
  if (jobs === undefined) return defaultJobs(name, weightBytes(config));
  if (jobs === 1 || canShare(name)) return jobs;
  console.logger.warn(`--jobs ${jobs}: one job runs, because ${name} uses the whole device by itself.`);
  return 1;
}
