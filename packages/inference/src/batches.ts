import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import type { PredictRasterOptions, TilePredictor } from "./types.js";

/** A batch of tiles under way. */
export interface RunningBatch {
  /** Probabilities [N, tilePx, tilePx], row-major. Never unhandled, even where nobody waits for it. */
  readonly values: Promise<Float32Array>;
  dispose(): void;
}

/** Starts batches of tiles, here or elsewhere. */
export interface BatchStarter {
  /** Batches that may be under way at once. */
  readonly atOnce: number;
  /** Starts a batch; `fill` writes its pixels, [tileCount, tilePx, tilePx, bands]. */
  start(tileCount: number, fill: (pixels: Float32Array) => void): RunningBatch;
}

/** Size of the batches to start. */
interface BatchSize {
  readonly batchSize: number;
  readonly tilePx: number;
  readonly bandCount: number;
}

/** Batches under way at once for a way to predict. */
export function batchesAtOnce(predict: PredictRasterOptions["predict"] | undefined): number {
  return typeof predict === "object" ? predict.concurrency : 2;
}

/** A starter for either way to predict. */
export function batchStarter(predict: PredictRasterOptions["predict"], size: BatchSize): BatchStarter {
  return typeof predict === "function" ? localStarter(predict, size) : remoteStarter(predict, size);
}

/** On the current backend. While one batch is on its way back from the device, the next is filled. */
function localStarter(
  predict: (batch: tf.Tensor4D) => tf.Tensor4D,
  { batchSize, tilePx, bandCount }: BatchSize,
): BatchStarter {
  const tileLength = tilePx * tilePx * bandCount;
  // Two, used in turn: one may still be on its way to the device while the next is filled.
  const buffers = [0, 1].map(() => new Float32Array(batchSize * tileLength));
  let started = 0;
  return {
    atOnce: 2,
    start: (tileCount, fill) => {
      const pixels = buffers[started++ % 2]!.subarray(0, tileCount * tileLength);
      fill(pixels);
      const prob = tf.tidy(() => predict(tf.tensor4d(pixels, [tileCount, tilePx, tilePx, bandCount])));
      const expected = [tileCount, tilePx, tilePx, 1];
      if (prob.shape.join() !== expected.join()) {
        prob.dispose();
        throw wrongShape(expected, prob.shape);
      }
      return { values: handled(prob.data<"float32">()), dispose: () => prob.dispose() };
    },
  };
}

/** In a predictor's hands, which gets a fresh array for each batch. */
function remoteStarter(predictor: TilePredictor, { tilePx, bandCount }: BatchSize): BatchStarter {
  const predict = async (pixels: Float32Array<ArrayBuffer>, tileCount: number): Promise<Float32Array> => {
    const prob = await predictor.predict(pixels, [tileCount, tilePx, tilePx, bandCount]);
    if (prob.length !== tileCount * tilePx * tilePx)
      throw wrongShape([tileCount, tilePx, tilePx], [prob.length]);
    return prob;
  };
  return {
    atOnce: predictor.concurrency,
    start: (tileCount, fill) => {
      const pixels = new Float32Array(tileCount * tilePx * tilePx * bandCount);
      fill(pixels);
      return { values: handled(predict(pixels, tileCount)), dispose: () => {} };
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
