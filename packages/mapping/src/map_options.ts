import type { OnProgress } from "@glof/core";
import type { Feature } from "@glof/geo";
import type { TilePredictor } from "@glof/inference";
import type { LakeSegmenter } from "@glof/segmenter";
import type { Scene } from "@glof/sentinel2";

/** Least lake area of a map by default, m2. */
export const DEFAULT_MIN_AREA_M2 = 1000;

/** Files that a map consists of. */
export const MAP_PRODUCTS = [
  "probability.tif",
  "mask.tif",
  "lakes.geojson",
  "lakes.gpkg",
  "preview.png",
  "report.html",
  "run.json",
] as const;
/** One of `MAP_PRODUCTS`. */
export type MapProduct = (typeof MAP_PRODUCTS)[number];

/** What `mapScene` needs, and what may be chosen. */
export interface MapSceneOptions {
  /** Borrowed: the caller closes it. */
  readonly scene: Scene;
  /** Borrowed: the caller disposes it. */
  readonly segmenter: LakeSegmenter;
  /** Folder for the products; made if absent. */
  readonly outDir: string;
  /** Lake where the probability is at least this. Default: the bundle's. */
  readonly threshold?: number;
  /** Smaller lakes are dropped from outlines and mask. Default 1000 m2, ten Sentinel-2 pixels. */
  readonly minAreaM2?: number;
  /** Side of a tile. Default: the bundle's. */
  readonly tilePx?: number;
  /** Least overlap of tiles. Default: the bundle's. */
  readonly overlapPx?: number;
  /** Tiles per forward pass. Default 1. */
  readonly batchSize?: number;
  /** Runs the tiles elsewhere, such as in worker threads. Default: the segmenter itself, on the current backend. */
  readonly predictor?: TilePredictor;
  /**
   * Areas of interest in longitude and latitude. The products cover their bounding box; outside them is no data.
   * The model still sees their surroundings. Default: the whole scene.
   */
  readonly areas?: readonly Feature[];
  /** Replace an earlier result. Default false. */
  readonly overwrite?: boolean;
  /** Facts for `run.json` that only the caller knows, such as the backend and its command line. */
  readonly facts?: RunFacts;
  /** Stage `"tiles"` as `predictRaster` tells it, then `"files"`: products done, `note` their names. */
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** Facts that the caller adds to `run.json`. */
export interface RunFacts {
  /** Versions of programs: `{ glof: "1.2.0", node: "v20.20.2" }`. */
  readonly versions?: Readonly<Record<string, string>>;
  /** Backend that ran the model and why it was chosen. */
  readonly backend?: Readonly<Record<string, unknown>>;
  /** Path or URL of the bundle. */
  readonly model?: string;
}
