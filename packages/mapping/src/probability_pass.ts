import type { OnProgress } from "@glof/core";
import { beginCog, beginPolygonize, type CogWriter, type LakeOutline, type RasterGrid } from "@glof/geo";
import type { PredictRasterSummary, ProbabilityRows, TilePredictor } from "@glof/inference";
import type { LakeSegmenter } from "@glof/segmenter";
import { cropRows } from "./crop_rows.js";
import type { MapArea } from "./map_area.js";
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
  readonly tiles: PredictRasterSummary;
}

/** Options of the first pass. */
export interface ProbabilityPassOptions {
  readonly area: MapArea;
  readonly segmenter: LakeSegmenter;
  readonly threshold: number;
  readonly tilePx: number | undefined;
  readonly overlapPx: number | undefined;
  readonly batchSize: number | undefined;
  readonly predictor: TilePredictor | undefined;
  readonly probabilityPath: string;
  readonly spoolPath: string;
  readonly onProgress: OnProgress | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Runs the model over the scene; writes `probability.tif`, traces outlines and parks the mask, row by row. */
export async function runProbabilityPass(options: ProbabilityPassOptions): Promise<ProbabilityPass> {
  const { area, segmenter, probabilityPath, spoolPath } = options;
  const mask = await RowSpool.begin(spoolPath, area.grid.width);
  let cog: CogWriter | undefined;
  try {
    cog = await beginCog(probabilityPath, {
      grid: area.grid,
      dtype: "float32",
      bandNames: ["lake_probability"],
      nodata: Number.NaN,
      overviews: "average",
      deflateSearch: "runs",
    });
    const polygonizer = beginPolygonize({ grid: area.grid });
    let validPixels = 0;
    const writer = cog;
    const takeRows = async (finished: ProbabilityRows) => {
      const rows = mappedRows(finished, area);
      if (rows === undefined) return;
      const maskRows = thresholdRows(rows, options.threshold);
      for (const valid of rows.validMask) validPixels += valid;
      const written = Promise.all([writer.writeRows([rows.prob], rows.height), mask.append(maskRows)]);
      // While blocks are compressed and rows are on their way to the disk.
      polygonizer.addRows(maskRows, rows.prob, rows.validMask, rows.height);
      await written;
    };
    const tiles = await segmenter.predictScene(area.scene, { ...options, onRows: takeRows });
    await cog.close();
    return { outlines: polygonizer.finish(), mask, validPixels, tiles };
  } catch (error) {
    await cog?.abandon();
    await mask.close();
    throw error;
  }
}

/** Finished rows as the products keep them: cut to the area, probabilities to 1/1024 and NaN outside. */
function mappedRows(finished: ProbabilityRows, { scene, window, insideRows }: MapArea) {
  const rows = cropRows(finished, scene.grid.width, window);
  if (rows === undefined) return undefined;
  const { prob, validMask } = rows;
  const inside = insideRows(rows.y, rows.height);
  for (let pixel = 0; pixel < prob.length; pixel++) {
    if (inside?.[pixel] === 0) validMask[pixel] = 0;
    prob[pixel] = validMask[pixel] === 0 ? Number.NaN : Math.round(prob[pixel]! * PROB_STEPS) / PROB_STEPS;
  }
  return rows;
}

function thresholdRows({ prob, validMask }: ProbabilityRows, threshold: number): Uint8Array {
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
