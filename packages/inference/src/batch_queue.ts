import type { BatchStarter, RunningBatch } from "./batches.js";
import type { StopSign } from "./stop_sign.js";

/** A tile of the plan by its place in `tileX` and `tileY`. */
export interface TilePlace {
  readonly column: number;
  readonly row: number;
}

interface StartedBatch {
  readonly tiles: readonly TilePlace[];
  readonly batch: RunningBatch;
}

/** What a `BatchQueue` works with. */
interface BatchQueueOptions {
  readonly starter: BatchStarter;
  readonly batchSize: number;
  /** Values of one tile's pixels. */
  readonly tileLength: number;
  readonly stop: StopSign;
  /** Takes finished batches in the order of their tiles: [N, tilePx, tilePx]. */
  readonly onFinished: (tiles: readonly TilePlace[], prob: Float32Array) => Promise<void>;
}

/**
 * Gathers tiles into full batches, whatever row they come from, and keeps as many under way as the starter takes. `add`
 * waits while that many are: what comes before is held back by the slowest part of what comes after.
 */
export class BatchQueue {
  private readonly running: StartedBatch[] = [];
  private pixels: Float32Array | undefined;
  private gathered: TilePlace[] = [];

  constructor(private readonly options: BatchQueueOptions) {}

  /** The tile that everything later waits for; `undefined` when nothing is under way. */
  get oldest(): TilePlace | undefined {
    return this.running[0]?.tiles[0] ?? this.gathered[0];
  }

  /** Adds a tile; `fill` writes its pixels before this returns. */
  async add(tile: TilePlace, fill: (pixels: Float32Array) => void): Promise<void> {
    const { starter, batchSize, tileLength } = this.options;
    this.pixels ??= starter.nextPixels();
    const start = this.gathered.length * tileLength;
    fill(this.pixels.subarray(start, start + tileLength));
    this.gathered.push(tile);
    if (this.gathered.length === batchSize) await this.startGathered();
  }

  /** Runs what was gathered and waits for all batches. */
  async drain(): Promise<void> {
    if (this.gathered.length > 0) await this.startGathered();
    while (this.running.length > 0) await this.finishFirst();
  }

  /** Gives up all batches; resolves when they hold nothing here. */
  async abandon(): Promise<void> {
    this.gathered = [];
    await Promise.all(this.running.splice(0).map(({ batch }) => batch.release()));
  }

  private async startGathered(): Promise<void> {
    const { starter, stop } = this.options;
    stop.check();
    if (this.running.length >= starter.atOnce) await this.finishFirst();
    const tiles = this.gathered;
    this.running.push({ tiles, batch: starter.start(this.pixels!, tiles.length) });
    this.pixels = undefined;
    this.gathered = [];
  }

  private async finishFirst(): Promise<void> {
    const { onFinished, stop } = this.options;
    const { tiles, batch } = this.running[0]!;
    const prob = await stop.unlessStopped(batch.values);
    await nextTask();
    stop.check();
    await onFinished(tiles, prob);
    this.running.shift();
    await batch.release();
  }
}

/**
 * Lets timers, file reads and signals of the operating system have their turn: on a synchronous backend nothing else
 * here ever leaves the queue of microtasks.
 */
function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
