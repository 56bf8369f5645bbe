import type { TileInput, TilePlan } from "./types.js";

/**
 * The pixels of one row of tiles, over the whole width of the raster. Going down to the next row of tiles keeps the rows
 * that both share, so each row of the raster is read once.
 */
export class RowBand {
  /** Rows held: the tile's, or the raster's when it is lower than a tile. */
  readonly rows: number;
  /** First raster row held. */
  top = 0;
  private readonly pixels: Float32Array;
  private readonly validMask: Uint8Array;
  private readonly columnOf: Int32Array;

  constructor(
    private readonly plan: TilePlan,
    private readonly bandCount: number,
  ) {
    this.rows = Math.min(plan.tilePx, plan.height);
    this.pixels = new Float32Array(this.rows * plan.width * bandCount);
    this.validMask = new Uint8Array(this.rows * plan.width);
    this.columnOf = Int32Array.from({ length: plan.tilePx }, (_, column) => mirrorIndex(column, plan.width));
  }

  /** Moves down to `top` and fills the rows that come in from below. */
  advance(top: number, incoming: TileInput, incomingRows: number): void {
    const kept = this.rows - incomingRows;
    const { width } = this.plan;
    const rowLength = width * this.bandCount;
    const from = this.rows - kept;
    this.pixels.copyWithin(0, from * rowLength);
    this.validMask.copyWithin(0, from * width);
    this.pixels.set(incoming.pixels, kept * rowLength);
    this.validMask.set(incoming.validMask, kept * width);
    this.top = top;
  }

  /** Validity of the first `rows` rows held; a view. */
  validRows(rows: number): Uint8Array {
    return this.validMask.subarray(0, rows * this.plan.width);
  }

  /** Whether the tile at column `x` has a usable pixel. */
  hasValidPixel(x: number): boolean {
    const { width, tilePx } = this.plan;
    const end = Math.min(x + tilePx, width);
    for (let row = 0; row < this.rows; row++) {
      if (this.validMask.subarray(row * width + x, row * width + end).includes(1)) return true;
    }
    return false;
  }

  /** Copies the tile at column `x` into `out`, [tilePx, tilePx, bands]; beyond the raster it is mirrored. */
  copyTile(x: number, out: Float32Array): void {
    const { width, tilePx } = this.plan;
    const rowLength = width * this.bandCount;
    const tileLength = tilePx * this.bandCount;
    for (let row = 0; row < tilePx; row++) {
      const source = mirrorIndex(row, this.rows) * rowLength;
      const target = out.subarray(row * tileLength, (row + 1) * tileLength);
      if (width >= tilePx) {
        const start = source + x * this.bandCount;
        target.set(this.pixels.subarray(start, start + tileLength));
      } else {
        this.copyMirroredRow(source, target);
      }
    }
  }

  private copyMirroredRow(source: number, target: Float32Array): void {
    for (let column = 0; column < this.columnOf.length; column++) {
      const start = source + this.columnOf[column]! * this.bandCount;
      target.set(this.pixels.subarray(start, start + this.bandCount), column * this.bandCount);
    }
  }
}

/** Folds an index back into 0..size-1 at the borders without repeating them: 0 1 2 | 1 0 1 2 …. */
export function mirrorIndex(index: number, size: number): number {
  if (size === 1) return 0;
  const period = 2 * (size - 1);
  const folded = index % period;
  return folded < size ? folded : period - folded;
}
