import type { Logger, OnProgress } from "@glof/core";
import { beginCog, beginPolygonize, type LakeOutline, type RasterGrid } from "@glof/geo";
import type { ProbabilityRows } from "@glof/inference";
import type { LakeSegmenter } from "@glof/segmenter";
import type { Scene } from "@glof/sentinel2";
import { RowSpool } from "./row_spool.js";

/** Value of `mask.tif` where nothing is known. */
export const MASK_NO_DATA = 255;

/**
 * Probabilities are kept to 1/1024 (exact in f32): half a thousandth is far below what a model knows, and the file
 * compresses to a fraction. The threshold looks at the kept value, so that the files agree with each other.
 */
const PROB_STEPS = 1024;

/** What the first pass over a scene leaves for the second. */
export interface ProbabilityPass {
  readonly outlines: readonly LakeOutline[];
  /** Thresholded rows: 1, 0, 255. Close it. */
  readonly mask: RowSpool;
  readonly validPixels: number;
}

/** Options of the first pass. */
export interface ProbabilityPassOptions {
  readonly scene: Scene;
  readonly segmenter: LakeSegmenter;
  readonly threshold: number;
  readonly tilePx: number | undefined;
  readonly overlapPx: number | undefined;
  readonly batchSize: number | undefined;
  readonly probabilityPath: string;
  readonly spoolPath: string;
  readonly logger: Logger;
  readonly onProgress: OnProgress | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Runs the model over the scene; writes `probability.tif`, traces outlines and parks the mask, row by row. */
export async function runProbabilityPass(options: ProbabilityPassOptions): Promise<ProbabilityPass> {
  const { scene, segmenter, threshold, probabilityPath, spoolPath } = options;
  const { grid } = scene;
  const cog = await beginCog(probabilityPath, {
    grid,
    dtype: "float32",
    bandNames: ["lake_probability"],
    nodata: Number.NaN,
    overviews: "average",
  });
  const mask = await RowSpool.begin(spoolPath, grid.width);
  const polygonizer = beginPolygonize({ grid });
  let validPixels = 0;
  const takeRows = async (rows: ProbabilityRows) => {
    const kept = rows.prob.map((prob) => Math.round(prob * PROB_STEPS) / PROB_STEPS);
    const maskRows = thresholdRows(kept, rows.validMask, threshold);
    validPixels += rows.validMask.reduce((sum, valid) => sum + valid, 0);
    await cog.writeRows([kept], rows.height);
    await mask.append(maskRows);
    polygonizer.addRows(maskRows, kept, rows.validMask, rows.height);
  };
  try {
    await segmenter.predictScene(scene, { ...options, onRows: takeRows });
    await cog.close();
    return { outlines: polygonizer.finish(), mask, validPixels };
  } catch (error) {
    await cog.abandon();
    await mask.close();
    throw error;
  }
}

function thresholdRows(prob: Float32Array, validMask: Uint8Array, threshold: number): Uint8Array {
  const mask = new Uint8Array(prob.length);
  for (let pixel = 0; pixel < prob.length; pixel++) {
    mask[pixel] = validMask[pixel] === 0 ? MASK_NO_DATA : prob[pixel]! >= threshold ? 1 : 0;
  }
  return mask;
}

/** Rows a pass handles at a time: a whole number of file blocks. */
export const PASS_ROWS = 512;

/** Where a pass over the rows of a grid starts and how many rows it takes each time. */
export function* rowStrips(grid: Pick<RasterGrid, "height">): Generator<{ y: number; rowCount: number }> {
  for (let y = 0; y < grid.height; y += PASS_ROWS)
    yield { y, rowCount: Math.min(PASS_ROWS, grid.height - y) };
}
