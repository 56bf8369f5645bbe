import type { OnProgress } from "@glof/core";
import type { RasterGrid } from "@glof/geo";
import type { LakeSegmenter } from "@glof/segmenter";
import type { Scene } from "@glof/sentinel2";

/** Probabilities are kept to 1/1024, as `glof map` writes them: two bytes a pixel, and the same outlines. */
export const PROB_STEPS = 1024;
/** Stands for "no data" among them. */
export const NO_PROB = 0xffff;

/** Lake probability of a whole scene. */
export interface ProbabilityMap {
  readonly grid: RasterGrid;
  /** Row-major; probability times `PROB_STEPS`, or `NO_PROB`. */
  readonly steps: Uint16Array;
}

/** What a run takes. */
export interface RunOptions {
  readonly scene: Scene;
  readonly segmenter: LakeSegmenter;
  /** Side of a tile. Default: the model's. */
  readonly tilePx?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
}

/**
 * Runs the model over a scene, tile by tile; the page has its turn between tiles.
 * @throws GlofError what `LakeSegmenter.predictScene` throws: `missing-band`, `aborted`, …
 */
export async function runModel(options: RunOptions): Promise<ProbabilityMap> {
  const { scene, segmenter, tilePx, signal, onProgress } = options;
  const { grid } = scene;
  const steps = new Uint16Array(grid.width * grid.height);
  await segmenter.predictScene(scene, {
    tilePx,
    signal,
    onProgress,
    onRows: async ({ y, prob, validMask }) => {
      const start = y * grid.width;
      for (let pixel = 0; pixel < prob.length; pixel++) {
        steps[start + pixel] = validMask[pixel] === 1 ? Math.round(prob[pixel]! * PROB_STEPS) : NO_PROB;
      }
    },
  });
  return { grid, steps };
}
