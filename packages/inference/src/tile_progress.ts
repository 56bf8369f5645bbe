import type { OnProgress } from "@glof/core";

/** Counts tiles and tells how far a run is. */
export class TileProgress {
  private run = 0;
  private skipped = 0;
  private firstBatch: { readonly atMs: number; readonly tiles: number } | undefined;

  /** @param now for tests: milliseconds of a clock that never goes back */
  constructor(
    private readonly total: number,
    private readonly onProgress: OnProgress | undefined,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Tiles that were not run. */
  get skippedTiles(): number {
    return this.skipped;
  }

  /** Counts tiles without a usable pixel. */
  addSkipped(tiles: number): void {
    if (tiles === 0) return;
    this.skipped += tiles;
    this.report();
  }

  /** Counts a batch that came back. */
  addRun(tiles: number): void {
    this.run += tiles;
    // The first batch also compiles and uploads: the rate is measured from its end on.
    this.firstBatch ??= { atMs: this.now(), tiles };
    this.report();
  }

  private report(): void {
    const done = this.run + this.skipped;
    const secondsLeft = this.secondsLeft();
    this.onProgress?.({
      stage: "tiles",
      done,
      total: this.total,
      unit: "tiles",
      ...(this.skipped > 0 && { note: `${this.skipped} without data skipped` }),
      ...(secondsLeft !== undefined && { secondsLeft }),
    });
  }

  /** By the rate of tiles that were run, skipped ones being free; `undefined` before there is one and at the end. */
  private secondsLeft(): number | undefined {
    const left = this.total - this.run - this.skipped;
    const counted = this.run - (this.firstBatch?.tiles ?? 0);
    if (left === 0 || this.firstBatch === undefined || counted === 0) return undefined;
    return (left * (this.now() - this.firstBatch.atMs)) / counted / 1000;
  }
}
