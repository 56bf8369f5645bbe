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
      const rows = cropRows(finished, area.scene.grid.width, area.window);
      if (rows === undefined) return;
      dropOutside(rows.validMask, area.insideRows(rows.y, rows.height));
      const kept = keptRows(rows, options.threshold);
      validPixels += kept.validPixels;
      const written = Promise.all([writer.writeRows([rows.prob], rows.height), mask.append(kept.mask)]);
      // While blocks are compressed and rows are on their way to the disk.
      polygonizer.addRows(kept.mask, rows.prob, rows.validMask, rows.height);
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

function dropOutside(validMask: Uint8Array, inside: Uint8Array | undefined): void {
  if (inside === undefined) return;
  for (let pixel = 0; pixel < validMask.length; pixel++) if (inside[pixel] === 0) validMask[pixel] = 0;
}

/** Rows as the products keep them, in one pass: probabilities, in place, to `PROB_STEPS` and NaN where not valid; the mask. */
function keptRows({ prob, validMask }: ProbabilityRows, threshold: number) {
  const mask = new Uint8Array(prob.length);
  let validPixels = 0;
  for (let pixel = 0; pixel < prob.length; pixel++) {
    if (validMask[pixel] === 0) {
      prob[pixel] = Number.NaN;
      mask[pixel] = MASK_NO_DATA;
      continue;
    }
    // `Math.round` costs three times as much as all else here.
    const kept = Math.floor(prob[pixel]! * PROB_STEPS + 0.5) / PROB_STEPS;
    prob[pixel] = kept;
    mask[pixel] = kept >= threshold ? 1 : 0;
    validPixels++;
  }
  return { mask, validPixels };
}

/** Rows a pass handles at a time: a whole number of file blocks. */
export const PASS_ROWS = 512;

/** Where a pass over the rows of a grid starts and how many rows it takes each time. */
export function* rowStrips(grid: Pick<RasterGrid, "height">): Generator<{ y: number; rowCount: number }> {
  for (let y = 0; y < grid.height; y += PASS_ROWS)
    yield { y, rowCount: Math.min(PASS_ROWS, grid.height - y) };
}
