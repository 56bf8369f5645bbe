import { GlofError } from "@glof/core";
import type { TilePredictor } from "@glof/inference";
import { type BackendChoice, releaseBackend } from "@glof/runtime";
import { LakeSegmenter } from "@glof/segmenter";
import type { MapConfig } from "../config/map_config.js";
import type { Console } from "../terminal/console.js";
import { tileWorkerEntry } from "../tile_worker_entry.js";
import { chooseBackend, precisionText } from "./choose_backend.js";
import { canShare, defaultJobs } from "./default_jobs.js";
import { startTileWorkers } from "./tile_workers.js";

/** What runs the model of `glof map`. */
export interface MapEngine {
  readonly segmenter: LakeSegmenter;
  /** `undefined`: the segmenter itself. */
  readonly predictor: TilePredictor | undefined;
  /** For `run.json`. */
  readonly facts: { readonly name: string; readonly reason: string; readonly jobs: number };
}

/** What `openMapEngine` reads of the settings. */
export type EngineSettings = Pick<MapConfig, "engine" | "backend" | "precision" | "jobs" | "threads">;

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

/** One job unless asked for more: its threads use all cores, and weights are in memory once. */
async function openOrt(
  { jobs = 1, threads }: EngineSettings,
  { model, console, signal, cleanUp }: EngineNeeds,
): Promise<MapEngine> {
  const segmenter = await LakeSegmenter.load(model, { engine: "ort", workers: jobs, threads, signal });
  cleanUp.unshift(() => segmenter.dispose());
  const reason = segmenter.engineDescription ?? "";
  console.say(`engine ort: ${reason}`);
  return { segmenter, predictor: undefined, facts: { name: "ort", reason, jobs } };
}

async function openTfjs(
  settings: EngineSettings,
  { model, console, signal, cleanUp }: EngineNeeds,
): Promise<MapEngine> {
  const backend = await chooseBackend(settings, "glof map", console);
  cleanUp.unshift(releaseBackend);
  const segmenter = await LakeSegmenter.load(model, { signal });
  cleanUp.unshift(() => segmenter.dispose());
  const jobs = jobsFor(settings, backend, console);
  const { name } = backend;
  const reason = `${backend.reason}${precisionText(backend)}`;
  if (jobs === 1) return { segmenter, predictor: undefined, facts: { name, reason, jobs } };
  const workers = await startTileWorkers(jobs, { backend: name, model }, tileWorkerEntry());
  cleanUp.unshift(workers.close);
  return { segmenter, predictor: workers.predictor, facts: { name, reason, jobs } };
}

function jobsFor({ jobs }: EngineSettings, { name }: BackendChoice, console: Console): number {
  if (jobs === undefined) return defaultJobs(name);
  if (jobs === 1 || canShare(name)) return jobs;
  console.logger.warn(`--jobs ${jobs}: one job runs, because ${name} uses the whole device by itself.`);
  return 1;
}
