import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import type { PredictRasterOptions, TilePredictor } from "./types.js";

/** A batch of tiles under way. */
export interface RunningBatch {
  /** Probabilities [N, tilePx, tilePx], row-major. Never unhandled, even where nobody waits for it. */
  readonly values: Promise<Float32Array>;
  /** Frees what the batch holds here; resolves when it holds nothing any more. */
  release(): Promise<void>;
}

/** Starts batches of tiles, here or elsewhere. */
export interface BatchStarter {
  /** Batches that may be under way at once. */
  readonly atOnce: number;
  /** Room for the pixels of the next batch, [batchSize, tilePx, tilePx, bands], to fill while others are under way. */
  nextPixels(): Float32Array;
  /** Starts the first `tileCount` tiles of what `nextPixels` gave last. */
  start(pixels: Float32Array, tileCount: number): RunningBatch;
}

/** Size of the batches to start. */
interface BatchSize {
  readonly batchSize: number;
  readonly tilePx: number;
  readonly bandCount: number;
}

/** Batches under way at once on the current backend: one computes, one is on its way back. */
const LOCAL_AT_ONCE = 2;

/** Batches under way at once for a way to predict. */
export function batchesAtOnce(predict: PredictRasterOptions["predict"] | undefined): number {
  return typeof predict === "object" ? predict.concurrency : LOCAL_AT_ONCE;
}

/** A starter for either way to predict. */
export function batchStarter(predict: PredictRasterOptions["predict"], size: BatchSize): BatchStarter {
  return typeof predict === "function" ? localStarter(predict, size) : remoteStarter(predict, size);
}

/** On the current backend. While batches are on the device, the next is filled. */
function localStarter(
  predict: (batch: tf.Tensor4D) => tf.Tensor4D,
  { batchSize, tilePx, bandCount }: BatchSize,
): BatchStarter {
  const tileLength = tilePx * tilePx * bandCount;
  // Used in turn: a backend may read an array until its batch is back, and the next is filled meanwhile.
  const buffers = Array.from({ length: LOCAL_AT_ONCE + 1 }, () => new Float32Array(batchSize * tileLength));
  let filled = 0;
  return {
    atOnce: LOCAL_AT_ONCE,
    nextPixels: () => buffers[filled++ % buffers.length]!,
    start: (pixels, tileCount) => {
      const used = pixels.subarray(0, tileCount * tileLength);
      const prob = tf.tidy(() => predict(tf.tensor4d(used, [tileCount, tilePx, tilePx, bandCount])));
      const expected = [tileCount, tilePx, tilePx, 1];
      if (prob.shape.join() !== expected.join()) {
        prob.dispose();
        throw wrongShape(expected, prob.shape);
      }
      const values = handled(prob.data<"float32">());
      const release = async (): Promise<void> => {
        await values.catch(() => undefined);
        prob.dispose();
      };
      return { values, release };
    },
  };
}

/**
 * In a predictor's hands. Arrays of batches that are done are filled again, unless they were transferred: one array more for each
 * tile would have the garbage collector go through the whole heap every few dozen tiles.
 */
function remoteStarter(predictor: TilePredictor, { batchSize, tilePx, bandCount }: BatchSize): BatchStarter {
  const tilePixels = tilePx * tilePx;
  const batchLength = batchSize * tilePixels * bandCount;
  const spare: Float32Array[] = [];
  const newPixels = (): Float32Array =>
    new Float32Array(
      predictor.sharesMemory ? new SharedArrayBuffer(4 * batchLength) : new ArrayBuffer(4 * batchLength),
    );
  const predict = async (pixels: Float32Array, tileCount: number): Promise<Float32Array> => {
    const prob = await predictor.predict(pixels, [tileCount, tilePx, tilePx, bandCount]);
    if (pixels.length === batchLength && prob.buffer !== pixels.buffer) spare.push(pixels);
    if (prob.length !== tileCount * tilePixels) throw wrongShape([tileCount, tilePx, tilePx], [prob.length]);
    return prob;
  };
  return {
    atOnce: predictor.concurrency,
    nextPixels: () => spare.pop() ?? newPixels(),
    start: (pixels, tileCount) => {
      const used = tileCount === batchSize ? pixels : pixels.slice(0, tileCount * tilePixels * bandCount);
      // Nothing of it lies here, and whoever runs it may be slow to notice that nobody waits.
      return { values: handled(predict(used, tileCount)), release: async () => {} };
    },
  };
}

/** A batch is awaited later: without this a failure before then would count as unhandled. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

function wrongShape(expected: readonly number[], got: readonly number[]): GlofError {
  return new GlofError(
    "shape-mismatch",
    `predictRaster: expected probabilities [${expected}] from predict, got [${got}]. ` +
      "Give one channel at the size of the tile.",
    { expected, got },
  );
}
