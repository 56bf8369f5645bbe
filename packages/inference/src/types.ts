import type { OnProgress } from "@glof/core";
import type { PixelWindow } from "@glof/geo";
import type * as tf from "@tensorflow/tfjs-core";

/** How a raster is cut into overlapping square tiles. */
export interface TilePlan {
  readonly width: number;
  readonly height: number;
  /** Side of a tile in pixels, the size the model runs at. */
  readonly tilePx: number;
  /** Least overlap of neighbours in pixels. */
  readonly overlapPx: number;
  /** Upper left corners, evenly spread; a raster smaller than a tile has one tile at 0 that is padded. */
  readonly tileX: readonly number[];
  readonly tileY: readonly number[];
}

/** Pixels of one window for the model. */
export interface TileInput {
  /** Row-major [height, width, bands], bands interleaved, already normalised for the model. */
  readonly pixels: Float32Array;
  /** 1 = usable. Row-major [height, width]. */
  readonly validMask: Uint8Array;
}

/** A finished strip of the output: rows leave in order, each exactly once. */
export interface ProbabilityRows {
  /** First row. */
  readonly y: number;
  readonly height: number;
  /** Row-major [height, width]; NaN where no data. */
  readonly prob: Float32Array;
  readonly validMask: Uint8Array;
}

/** Runs batches of tiles elsewhere, such as in worker threads, several at once. */
export interface TilePredictor {
  /** Batches that may be under way at the same time, at least 1. */
  readonly concurrency: number;
  /**
   * Give pixels in shared memory (`SharedArrayBuffer`), for threads that read them where they lie: an array that is transferred is
   * new for each batch, and a thread keeps dozens of them before its garbage collector looks. Default false.
   */
  readonly sharesMemory?: boolean;
  /**
   * Pixels of `shape` to probabilities [N, tilePx, tilePx], row-major. The array is the predictor's until its promise settles;
   * it may transfer it. One that was not transferred is filled again for a later batch.
   */
  predict(
    pixels: Float32Array,
    shape: readonly [N: number, tilePx: number, tilePx: number, bands: number],
  ): Promise<Float32Array>;
}

/** What `predictRaster` did. */
export interface PredictRasterSummary {
  /** Tiles of the plan. */
  readonly tiles: number;
  /** Of those, tiles without a usable pixel, which the model never saw. */
  readonly skippedTiles: number;
}

/** Everything `predictRaster` needs. */
export interface PredictRasterOptions {
  readonly plan: TilePlan;
  readonly bandCount: number;
  /**
   * Gives the pixels of a window inside the raster. `spare` is an earlier answer that is not needed any more: its memory may
   * be used again where it is large enough.
   */
  readonly read: (
    window: PixelWindow,
    signal: AbortSignal | undefined,
    spare?: TileInput,
  ) => Promise<TileInput>;
  /**
   * Batch [N, tilePx, tilePx, bands] to probabilities [N, tilePx, tilePx, 1], on the current backend. Borrows its input.
   * Or a predictor that runs batches elsewhere; the result does not depend on the order in which they finish.
   */
  readonly predict: ((batch: tf.Tensor4D) => tf.Tensor4D) | TilePredictor;
  /** Takes finished rows in order. The arrays are reused afterwards: copy what you keep. */
  readonly write: (rows: ProbabilityRows) => Promise<void>;
  /** Tiles per forward pass. Default 1. */
  readonly batchSize?: number;
  /**
   * Told of each batch and of skipped tiles, stage `"tiles"`: `done` counts the tiles of the plan that need no more work,
   * `note` how many of them were skipped. `secondsLeft` is measured on tiles that were run, as if none of those to come
   * were skipped: never too hopeful.
   */
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}
