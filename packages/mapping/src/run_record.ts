import { isGlofError } from "@glof/core";
import { sha256File } from "@glof/core/node";
import type { PredictRasterSummary } from "@glof/inference";
import { areaLabel } from "@glof/report";
import type { Scene, SceneInput } from "@glof/sentinel2";
import type { Lake } from "./lake_features.js";
import type { MapArea } from "./map_area.js";
import type { MapSceneOptions } from "./map_options.js";
import { metresPerPixel } from "./pixel_size.js";

/** Content of `run.json`: enough to do it again and to know what was done. */
export interface MapRun {
  readonly startedAt: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly backend: Readonly<Record<string, unknown>>;
  readonly scene: {
    readonly id: string;
    readonly level: string;
    readonly acquiredAt: string | undefined;
    readonly width: number;
    readonly height: number;
    readonly pixelSizeM: number | undefined;
    readonly crs: string;
    readonly bands: readonly string[];
    readonly radiometry: Scene["radiometry"];
    /** `sha256` is absent for inputs that are no local file. */
    readonly inputs: readonly { path: string; role: string; sha256?: string }[];
  };
  readonly model: {
    readonly name: string;
    readonly source: string | undefined;
    readonly sha256: string | undefined;
  };
  readonly settings: Readonly<Record<string, unknown>>;
  readonly result: {
    readonly lakeCount: number;
    readonly totalAreaM2: number;
    readonly validPixels: number;
  };
  /** Tiles of the plan; of those, tiles without a usable pixel, which were not run. */
  readonly tiles: PredictRasterSummary;
  /** Seconds per stage, and in all. */
  readonly seconds: Readonly<Record<string, number>>;
}

/** The inputs with their hashes, while these are being computed. */
export type MapInputs = Promise<MapRun["scene"]["inputs"]>;

/** Measures the stages of a run. */
export class StageClock {
  readonly startedAt = new Date();
  private readonly stages: Record<string, number> = {};

  /** Runs a stage and notes how long it took. */
  async time<T>(stage: string, work: () => Promise<T>): Promise<T> {
    const started = performance.now();
    try {
      return await work();
    } finally {
      this.stages[stage] = (this.stages[stage] ?? 0) + (performance.now() - started) / 1000;
    }
  }

  /** Seconds per stage so far, to the millisecond. */
  seconds(): Record<string, number> {
    const total = (Date.now() - this.startedAt.getTime()) / 1000;
    const round = (value: number) => Number(value.toFixed(3));
    return Object.fromEntries(
      Object.entries({ ...this.stages, total }).map(([name, value]) => [name, round(value)]),
    );
  }
}

/** Gathers `run.json`. */
export async function describeRun(facts: {
  options: MapSceneOptions;
  area: MapArea;
  threshold: number;
  minAreaM2: number;
  lakes: readonly Lake[];
  validPixels: number;
  tiles: PredictRasterSummary;
  inputs: MapInputs;
  clock: StageClock;
}): Promise<MapRun> {
  const { options, area, threshold, minAreaM2, lakes, validPixels, tiles, clock } = facts;
  const { segmenter } = options;
  const { scene, grid } = area;
  const inputs = await clock.time("hash", () => facts.inputs);
  return {
    startedAt: clock.startedAt.toISOString(),
    versions: options.facts?.versions ?? {},
    backend: options.facts?.backend ?? {},
    scene: {
      id: scene.id,
      level: scene.level,
      acquiredAt: scene.acquiredAt,
      width: grid.width,
      height: grid.height,
      pixelSizeM: metresPerPixel(grid),
      crs: grid.crs?.name ?? "",
      bands: scene.bands,
      radiometry: scene.radiometry,
      inputs,
    },
    model: { name: segmenter.config.name, source: options.facts?.model, sha256: segmenter.sha256 },
    settings: {
      threshold,
      minAreaM2,
      tilePx: options.tilePx ?? segmenter.config.tilePx,
      overlapPx: options.overlapPx ?? segmenter.config.overlapPx,
      bands: segmenter.config.bands,
      areasOfInterest: options.areas?.length ?? 0,
    },
    result: {
      lakeCount: lakes.length,
      totalAreaM2: lakes.reduce((sum, { areaM2 }) => sum + areaM2, 0),
      validPixels,
    },
    tiles,
    seconds: clock.seconds(),
  };
}

/** Hashes the inputs of a scene: begin early, it goes on beside the model. Never unhandled, even where nobody waits for it. */
export function describeInputs({ inputs }: Scene, signal: AbortSignal): MapInputs {
  const described = Promise.all(inputs.map((input) => describeInput(input, signal)));
  described.catch(() => {});
  return described;
}

async function describeInput({ path, role }: SceneInput, signal: AbortSignal) {
  try {
    return { path, role, sha256: await sha256File(path, { signal }) };
  } catch (error) {
    // Scenes also come from addresses and from memory.
    if (isGlofError(error, "not-found")) return { path, role };
    throw error;
  }
}

/** The run as name and value pairs for the report. */
export function settingsTable(run: MapRun): (readonly [string, string])[] {
  const { scene, model, settings, result, versions, backend, tiles, seconds } = run;
  const size = scene.pixelSizeM === undefined ? "" : `, ${scene.pixelSizeM.toFixed(2)} m pixels`;
  return [
    ["scene", `${scene.id} (${scene.level})`],
    ["acquired", scene.acquiredAt ?? "not stated"],
    ["size", `${scene.width} x ${scene.height}${size}, ${scene.crs}`],
    ["inputs", scene.inputs.map(({ path, sha256 }) => withHash(path, sha256)).join(", ")],
    ["model", withHash(model.name, model.sha256)],
    ...Object.entries(settings).map(([name, value]) => [name, String(value)] as const),
    ["tiles", `${tiles.tiles}, of which ${tiles.skippedTiles} without data were skipped`],
    ["lake area in all", areaLabel(result.totalAreaM2)],
    [
      "backend",
      Object.values(backend)
        .filter((value) => typeof value === "string")
        .join("; "),
    ],
    [
      "versions",
      Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(", "),
    ],
    [
      "time",
      Object.entries(seconds)
        .map(([stage, value]) => `${stage} ${value.toFixed(1)} s`)
        .join(", "),
    ],
    ["started", run.startedAt],
  ];
}

const withHash = (name: string, sha256: string | undefined): string =>
  sha256 === undefined ? name : `${name} (sha256 ${sha256.slice(0, 12)}…)`;
