import { GlofError } from "@glof/core";
import { BatchQueue, type TilePlace } from "./batch_queue.js";
import { batchesAtOnce, batchStarter } from "./batches.js";
import { BlendRows } from "./blend_rows.js";
import { RowBand } from "./row_band.js";
import { RowWriter } from "./row_writer.js";
import { StopSign } from "./stop_sign.js";
import { countTiles } from "./tile_plan.js";
import { TileProgress } from "./tile_progress.js";
import type { PredictRasterOptions, PredictRasterSummary, TileInput, TilePlan } from "./types.js";

/**
 * Runs a model over a raster of any size, tile by tile, and hands out the blended probability row by row.
 *
 * - Memory is that of one row of tiles (`workingBytes`), whatever the height of the raster.
 * - Reading, the model, blending and writing overlap, each at most one row of tiles ahead of the next: the next rows are
 *   read and finished rows are written while batches are under way, across rows of tiles too.
 * - Every row is read once, over the whole width.
 * - Overlapping tiles fade into each other (`blendWindow`). Tiles that reach beyond a small raster are mirrored.
 * - A tile without a usable pixel is not run. Pixels that are not usable leave as NaN.
 * - With a `TilePredictor` several batches run at once; they are blended in the order of the tiles all the same.
 * - It fails as soon as one part does; then no read or write is under way any more. Cancelled, it does not wait for a
 *   `TilePredictor`.
 *
 * @returns how many tiles there were, and how many were skipped
 * @throws GlofError `aborted`; `shape-mismatch` when `read` or `predict` gives another size than asked; `internal` when
 * the model gives a number that is not finite; and whatever `read`, `predict` and `write` throw
 */
export async function predictRaster(options: PredictRasterOptions): Promise<PredictRasterSummary> {
  return new RasterPrediction(options).run();
}

/**
 * Bytes of the buffers that `predictRaster` holds: pixels of one row of tiles, the rows read ahead, the blend, the rows
 * being written, and the batches (one being filled, and two or a predictor's `concurrency` under way). It does not grow
 * with the height of the raster. The model's own memory comes on top.
 */
export function workingBytes(
  options: Pick<PredictRasterOptions, "plan" | "bandCount" | "batchSize"> &
    Partial<Pick<PredictRasterOptions, "predict">>,
): number {
  const { plan, bandCount, batchSize = 1, predict } = options;
  const atOnce = batchesAtOnce(predict);
  const batchBytes = batchSize * plan.tilePx ** 2 * 4 * ((atOnce + 1) * bandCount + atOnce);
  const bandRows = Math.min(plan.tilePx, plan.height);
  const pixelBytes = 4 * bandCount + 1;
  // The first rows are read before there is anything to write; later there are fewer.
  const ahead = Math.max(bandRows * pixelBytes, longestStep(plan) * (pixelBytes + 5));
  return plan.width * (bandRows * (pixelBytes + 8) + ahead) + batchBytes;
}

/** Most rows between two rows of tiles. */
function longestStep({ tileY, height }: TilePlan): number {
  if (tileY.length === 1) return height;
  return tileY.slice(1).reduce((most, y, index) => Math.max(most, y - tileY[index]!), 0);
}

/** A row of tiles whose pixels are in and whose probabilities are not all out. */
interface OpenRow {
  readonly top: number;
  /** Validity of the rows that are finished with it: down to the next row of tiles. */
  readonly validMask: Uint8Array;
  readonly rowCount: number;
}

class RasterPrediction {
  private readonly stop: StopSign;
  private readonly band: RowBand;
  private readonly blend: BlendRows;
  private readonly queue: BatchQueue;
  private readonly writer: RowWriter;
  private readonly progress: TileProgress;
  /** From the row of tiles that is being blended on. */
  private readonly openRows: OpenRow[] = [];
  private blendRow = 0;
  /** Rows on their way in. */
  private incoming: Promise<TileInput> | undefined;
  /** The rows that came in last; the band has a copy of them. */
  private spare: TileInput | undefined;

  constructor(private readonly options: PredictRasterOptions) {
    const { plan, bandCount, batchSize: asked = 1, predict, onProgress } = options;
    const concurrency = batchesAtOnce(predict);
    for (const [name, value] of Object.entries({ bandCount, batchSize: asked, concurrency }))
      checkPositive(name, value);
    const batchSize = Math.min(asked, countTiles(plan));
    this.stop = new StopSign(options.signal, "predictRaster");
    this.band = new RowBand(plan, bandCount);
    this.blend = new BlendRows(plan);
    this.queue = new BatchQueue({
      starter: batchStarter(predict, { batchSize, tilePx: plan.tilePx, bandCount }),
      batchSize,
      tileLength: plan.tilePx ** 2 * bandCount,
      stop: this.stop,
      onFinished: (tiles, prob) => this.blendBatch(tiles, prob),
    });
    this.writer = new RowWriter(options.write, this.stop);
    this.progress = new TileProgress(countTiles(plan), onProgress);
  }

  async run(): Promise<PredictRasterSummary> {
    try {
      this.stop.check();
      await this.runTileRows();
      await this.writer.end();
      this.stop.check();
    } catch (error) {
      this.stop.fail(error);
      throw error;
    } finally {
      await this.incoming?.catch(() => undefined);
      await this.writer.end();
      await this.queue.abandon();
      this.stop.end();
    }
    return { tiles: countTiles(this.options.plan), skippedTiles: this.progress.skippedTiles };
  }

  private async runTileRows(): Promise<void> {
    const { tileY, tileX, height } = this.options.plan;
    this.incoming = this.startReading(0, this.band.rows);
    for (const [row, top] of tileY.entries()) {
      const rowsIn = row === 0 ? this.band.rows : top - tileY[row - 1]!;
      this.spare = await this.checkedInput(rowsIn);
      this.band.advance(top, this.spare, rowsIn);
      const next = tileY[row + 1];
      this.incoming = next === undefined ? undefined : this.startReading(next, next - top);
      const rowCount = (next ?? height) - top;
      this.openRows.push({ top, rowCount, validMask: this.band.validRows(rowCount).slice() });
      const columns = [...tileX.keys()].filter((column) => this.band.hasValidPixel(tileX[column]!));
      await this.runTiles(columns, row);
      await this.finishRowsBefore(this.queue.oldest?.row ?? row + 1);
    }
    await this.queue.drain();
    await this.finishRowsBefore(tileY.length);
  }

  /** Starts to read the last `rowCount` rows of the row of tiles at `top`. */
  private startReading(top: number, rowCount: number): Promise<TileInput> {
    const { plan, read } = this.options;
    const y = top + this.band.rows - rowCount;
    const input = read({ x: 0, y, width: plan.width, height: rowCount }, this.stop.signal, this.spare);
    this.spare = undefined;
    // It is awaited later: without this a failure before then would count as unhandled.
    input.catch(() => {});
    return input;
  }

  private async checkedInput(rowCount: number): Promise<TileInput> {
    const input = await this.stop.unlessStopped(this.incoming!);
    const pixels = rowCount * this.options.plan.width;
    const expected = pixels * this.options.bandCount;
    if (input.pixels.length === expected && input.validMask.length === pixels) return input;
    throw new GlofError(
      "shape-mismatch",
      `predictRaster: expected read to give ${expected} values and a mask of ${pixels}, got ` +
        `${input.pixels.length} and ${input.validMask.length}. Give [height, width, bands] of the window asked for.`,
    );
  }

  private async runTiles(columns: readonly number[], row: number): Promise<void> {
    const { tileX } = this.options.plan;
    this.progress.addSkipped(tileX.length - columns.length);
    for (const column of columns) {
      await this.queue.add({ column, row }, (pixels) => this.band.copyTile(tileX[column]!, pixels));
    }
  }

  private async blendBatch(tiles: readonly TilePlace[], prob: Float32Array): Promise<void> {
    const tileLength = this.options.plan.tilePx ** 2;
    for (const [index, { column, row }] of tiles.entries()) {
      await this.finishRowsBefore(row);
      this.blend.add(column, row, prob.subarray(index * tileLength, (index + 1) * tileLength));
    }
    this.progress.addRun(tiles.length);
  }

  /** Hands out what the rows of tiles above `tileRow` leave finished. */
  private async finishRowsBefore(tileRow: number): Promise<void> {
    for (; this.blendRow < tileRow; this.blendRow++) {
      // Before the copy of the next strip is made, the one before is written and gone.
      await this.writer.end();
      this.stop.check();
      const { top, rowCount, validMask } = this.openRows.shift()!;
      const prob = this.blend.finished(rowCount, validMask);
      this.writer.begin({ y: top, height: rowCount, prob, validMask });
      this.blend.drop(rowCount);
    }
  }
}

function checkPositive(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  throw new GlofError(
    "bad-argument",
    `predictRaster: expected ${name} to be a whole number of at least 1, got ${value}. Correct it.`,
    { name, value },
  );
}
