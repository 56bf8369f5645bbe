import { GlofError, throwIfAborted } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { BlendRows } from "./blend_rows.js";
import { RowBand } from "./row_band.js";
import { countTiles } from "./tile_plan.js";
import type { PredictRasterOptions, TileInput } from "./types.js";

/** A batch whose result is on its way back from the device. */
interface PendingBatch {
  readonly columns: readonly number[];
  readonly prob: tf.Tensor4D;
  readonly values: Promise<Float32Array>;
}

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
 *
 * @throws GlofError `aborted`; `shape-mismatch` when `read` or `predict` gives another size than asked; `internal` when
 * the model gives a number that is not finite; and whatever `read`, `predict` and `write` throw
 */
export async function predictRaster(options: PredictRasterOptions): Promise<void> {
  await new RasterPrediction(options).run();
}

/**
 * Bytes of the buffers that `predictRaster` holds: pixels of one row of tiles, the rows read ahead, the blend, and two
 * batches. It does not grow with the height of the raster. The model's own memory comes on top.
 */
export function workingBytes(
  options: Pick<PredictRasterOptions, "plan" | "bandCount" | "batchSize">,
): number {
  const { plan, bandCount, batchSize = 1 } = options;
  const rowPixels = Math.min(plan.tilePx, plan.height) * plan.width;
  const pixelBytes = 4 * bandCount + 1;
  return 2 * rowPixels * pixelBytes + rowPixels * 8 + 2 * batchSize * plan.tilePx ** 2 * 4 * (bandCount + 1);
}

class RasterPrediction {
  private readonly band: RowBand;
  private readonly blend: BlendRows;
  private readonly batchSize: number;
  /** Two, used in turn: one may still be on its way to the device while the next is filled. */
  private readonly batches: readonly [Float32Array, Float32Array];
  private batchCount = 0;
  private doneTiles = 0;

  constructor(private readonly options: PredictRasterOptions) {
    const { plan, bandCount, batchSize = 1 } = options;
    for (const [name, value] of Object.entries({ bandCount, batchSize })) checkPositive(name, value);
    this.batchSize = Math.min(batchSize, plan.tileX.length);
    this.band = new RowBand(plan, bandCount);
    this.blend = new BlendRows(plan);
    const batchLength = this.batchSize * plan.tilePx ** 2 * bandCount;
    this.batches = [new Float32Array(batchLength), new Float32Array(batchLength)];
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
    let pending: PendingBatch | undefined;
    try {
      for (let start = 0; start < columns.length; start += this.batchSize) {
        throwIfAborted(this.options.signal, "predictRaster");
        const next = this.startBatch(columns.slice(start, start + this.batchSize));
        const previous = pending;
        pending = next;
        if (previous) await this.finishBatch(previous, tileRow);
      }
      const last = pending;
      pending = undefined;
      if (last) await this.finishBatch(last, tileRow);
    } finally {
      pending?.prob.dispose();
    }
  }

  private hasData(column: number): boolean {
    return this.band.hasValidPixel(this.options.plan.tileX[column]!);
  }

  private startBatch(columns: readonly number[]): PendingBatch {
    const { plan, bandCount, predict } = this.options;
    const { tilePx } = plan;
    const tileLength = tilePx * tilePx * bandCount;
    const buffer = this.batches[this.batchCount++ % 2]!;
    columns.forEach((column, index) => {
      this.band.copyTile(plan.tileX[column]!, buffer.subarray(index * tileLength, (index + 1) * tileLength));
    });
    const prob = tf.tidy(() => {
      const pixels = buffer.subarray(0, columns.length * tileLength);
      return predict(tf.tensor4d(pixels, [columns.length, tilePx, tilePx, bandCount]));
    });
    const expected = [columns.length, tilePx, tilePx, 1];
    if (prob.shape.join() !== expected.join()) {
      prob.dispose();
      throw new GlofError(
        "shape-mismatch",
        `predictRaster: expected probabilities [${expected}] from predict, got [${prob.shape}]. ` +
          "Give one channel at the size of the tile.",
        { expected, got: prob.shape },
      );
    }
    const values = prob.data<"float32">();
    values.catch(() => {});
    return { columns, prob, values };
  }

  private async finishBatch(batch: PendingBatch, tileRow: number): Promise<void> {
    try {
      const values = await batch.values;
      await nextTask();
      const tileLength = this.options.plan.tilePx ** 2;
      batch.columns.forEach((column, index) => {
        this.blend.add(column, tileRow, values.subarray(index * tileLength, (index + 1) * tileLength));
      });
    } finally {
      batch.prob.dispose();
    }
    this.report(batch.columns.length);
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
