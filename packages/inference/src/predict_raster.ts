import { GlofError, throwIfAborted } from "@glof/core";
import { type BatchStarter, batchesAtOnce, batchStarter, type RunningBatch } from "./batches.js";
import { BlendRows } from "./blend_rows.js";
import { RowBand } from "./row_band.js";
import { countTiles } from "./tile_plan.js";
import type { PredictRasterOptions, TileInput } from "./types.js";

/** Rows of pixels on their way in, for the row of tiles at `top`. */
interface PendingRows {
  readonly top: number;
  readonly rowCount: number;
  readonly input: Promise<TileInput>;
}

/**
 * Runs a model over a raster of any size, tile by tile, and hands out the blended probability row by row.
 *
 * - Memory is that of one row of tiles (`workingBytes`), whatever the height of the raster.
 * - Every row is read once, over the whole width; the next rows are read while the model runs.
 * - Overlapping tiles fade into each other (`blendWindow`). Tiles that reach beyond a small raster are mirrored.
 * - A tile without a usable pixel is not run. Pixels that are not usable leave as NaN.
 * - With a `TilePredictor` several batches run at once; they are blended in the order of the tiles all the same.
 *
 * @throws GlofError `aborted`; `shape-mismatch` when `read` or `predict` gives another size than asked; `internal` when
 * the model gives a number that is not finite; and whatever `read`, `predict` and `write` throw
 */
export async function predictRaster(options: PredictRasterOptions): Promise<void> {
  await new RasterPrediction(options).run();
}

/**
 * Bytes of the buffers that `predictRaster` holds: pixels of one row of tiles, the rows read ahead, the blend, and the
 * batches under way (two, or a predictor's `concurrency`). It does not grow with the height of the raster. The model's
 * own memory comes on top.
 */
export function workingBytes(
  options: Pick<PredictRasterOptions, "plan" | "bandCount" | "batchSize"> &
    Partial<Pick<PredictRasterOptions, "predict">>,
): number {
  const { plan, bandCount, batchSize = 1, predict } = options;
  const batchBytes = batchesAtOnce(predict) * batchSize * plan.tilePx ** 2 * 4 * (bandCount + 1);
  const rowPixels = Math.min(plan.tilePx, plan.height) * plan.width;
  const pixelBytes = 4 * bandCount + 1;
  return 2 * rowPixels * pixelBytes + rowPixels * 8 + batchBytes;
}

class RasterPrediction {
  private readonly band: RowBand;
  private readonly blend: BlendRows;
  private readonly batchSize: number;
  private readonly batches: BatchStarter;
  private doneTiles = 0;

  constructor(private readonly options: PredictRasterOptions) {
    const { plan, bandCount, batchSize = 1, predict } = options;
    const concurrency = batchesAtOnce(predict);
    for (const [name, value] of Object.entries({ bandCount, batchSize, concurrency }))
      checkPositive(name, value);
    this.batchSize = Math.min(batchSize, plan.tileX.length);
    this.band = new RowBand(plan, bandCount);
    this.blend = new BlendRows(plan);
    this.batches = batchStarter(predict, { batchSize: this.batchSize, tilePx: plan.tilePx, bandCount });
  }

  async run(): Promise<void> {
    const { tileY, height } = this.options.plan;
    throwIfAborted(this.options.signal, "predictRaster");
    let incoming: PendingRows | undefined = this.startReading(0, this.band.rows);
    for (let tileRow = 0; tileRow < tileY.length; tileRow++) {
      const rows: PendingRows = incoming!;
      this.band.advance(rows.top, await this.checkedInput(rows), rows.rowCount);
      const nextTop = tileY[tileRow + 1];
      incoming = nextTop === undefined ? undefined : this.startReading(nextTop, nextTop - rows.top);
      try {
        await this.runTileRow(tileRow);
        await this.writeRows((nextTop ?? height) - rows.top);
      } catch (error) {
        await incoming?.input.catch(() => {});
        throw error;
      }
    }
  }

  /** Starts to read the last `rowCount` rows of the row of tiles at `top`. */
  private startReading(top: number, rowCount: number): PendingRows {
    const { plan, read, signal } = this.options;
    const y = top + this.band.rows - rowCount;
    const input = read({ x: 0, y, width: plan.width, height: rowCount }, signal);
    // It is awaited later: without this a failure before then would count as unhandled.
    input.catch(() => {});
    return { top, rowCount, input };
  }

  private async checkedInput(rows: PendingRows): Promise<TileInput> {
    const input = await rows.input;
    throwIfAborted(this.options.signal, "predictRaster");
    const pixels = rows.rowCount * this.options.plan.width;
    const expected = pixels * this.options.bandCount;
    if (input.pixels.length === expected && input.validMask.length === pixels) return input;
    throw new GlofError(
      "shape-mismatch",
      `predictRaster: expected read to give ${expected} values and a mask of ${pixels}, got ` +
        `${input.pixels.length} and ${input.validMask.length}. Give [height, width, bands] of the window asked for.`,
    );
  }

  private async runTileRow(tileRow: number): Promise<void> {
    const { plan } = this.options;
    const columns = plan.tileX.map((_, column) => column).filter((column) => this.hasData(column));
    this.report(plan.tileX.length - columns.length);
    const running: { tiles: readonly number[]; batch: RunningBatch }[] = [];
    const finishFirst = async (): Promise<void> => {
      const first = running.shift();
      if (first) await this.finishBatch(first.tiles, first.batch, tileRow);
    };
    try {
      for (let start = 0; start < columns.length; start += this.batchSize) {
        throwIfAborted(this.options.signal, "predictRaster");
        if (running.length === this.batches.atOnce) await finishFirst();
        const tiles = columns.slice(start, start + this.batchSize);
        running.push({ tiles, batch: this.startBatch(tiles) });
      }
      while (running.length > 0) await finishFirst();
    } finally {
      for (const { batch } of running) batch.dispose();
    }
  }

  private hasData(column: number): boolean {
    return this.band.hasValidPixel(this.options.plan.tileX[column]!);
  }

  private startBatch(columns: readonly number[]): RunningBatch {
    const { plan, bandCount } = this.options;
    const tileLength = plan.tilePx ** 2 * bandCount;
    return this.batches.start(columns.length, (pixels) => {
      columns.forEach((column, index) => {
        this.band.copyTile(
          plan.tileX[column]!,
          pixels.subarray(index * tileLength, (index + 1) * tileLength),
        );
      });
    });
  }

  private async finishBatch(columns: readonly number[], batch: RunningBatch, tileRow: number): Promise<void> {
    try {
      const values = await batch.values;
      await nextTask();
      throwIfAborted(this.options.signal, "predictRaster");
      const tileLength = this.options.plan.tilePx ** 2;
      columns.forEach((column, index) => {
        this.blend.add(column, tileRow, values.subarray(index * tileLength, (index + 1) * tileLength));
      });
    } finally {
      batch.dispose();
    }
    this.report(columns.length);
  }

  private async writeRows(rowCount: number): Promise<void> {
    const validMask = this.band.validRows(rowCount);
    const prob = this.blend.finished(rowCount, validMask);
    await this.options.write({ y: this.band.top, height: rowCount, prob, validMask });
    this.blend.drop(rowCount);
  }

  private report(tiles: number): void {
    if (tiles === 0) return;
    this.doneTiles += tiles;
    const total = countTiles(this.options.plan);
    this.options.onProgress?.({ stage: "tiles", done: this.doneTiles, total, unit: "tiles" });
  }
}

/**
 * Lets timers, file reads and signals of the operating system have their turn: on a synchronous backend nothing else
 * here ever leaves the queue of microtasks.
 */
function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function checkPositive(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  throw new GlofError(
    "bad-argument",
    `predictRaster: expected ${name} to be a whole number of at least 1, got ${value}. Correct it.`,
    { name, value },
  );
}
