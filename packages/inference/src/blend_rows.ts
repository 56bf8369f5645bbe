import { GlofError } from "@glof/core";
import { axisWindows } from "./blend_window.js";
import type { TilePlan } from "./types.js";

/**
 * The rows of the output that tiles still reach: a weighted mean per pixel and the sum of its weights.
 *
 * The mean is updated in place, `mean += (p - mean) · w / W` (West 1979), and not kept as two sums: tiles that agree on
 * a pixel then leave it exactly as it is, so a model that looks at one pixel alone gives the same bits under any tiling.
 */
export class BlendRows {
  private readonly mean: Float32Array;
  private readonly weight: Float32Array;
  private readonly rows: number;
  private readonly windowsX: readonly Float32Array[];
  private readonly windowsY: readonly Float32Array[];
  /** What `finished` gave last. */
  private strip = new Float32Array(0);

  constructor(private readonly plan: TilePlan) {
    this.rows = Math.min(plan.tilePx, plan.height);
    this.mean = new Float32Array(this.rows * plan.width);
    this.weight = new Float32Array(this.rows * plan.width);
    this.windowsX = axisWindows(plan.tileX, plan.tilePx, plan.width);
    this.windowsY = axisWindows(plan.tileY, plan.tilePx, plan.height);
  }

  /** Blends in the tile of column `tileColumn` and row `tileRow` of the plan. `prob` is [tilePx, tilePx]. */
  add(tileColumn: number, tileRow: number, prob: Float32Array): void {
    const { tilePx, width, tileX } = this.plan;
    const x = tileX[tileColumn]!;
    const columns = Math.min(tilePx, width - x);
    const windowX = this.windowsX[tileColumn]!;
    const windowY = this.windowsY[tileRow]!;
    for (let row = 0; row < this.rows; row++) {
      const rowWeight = windowY[row]!;
      let target = row * width + x;
      let source = row * tilePx;
      for (let column = 0; column < columns; column++, target++, source++) {
        const weight = rowWeight * windowX[column]!;
        const total = this.weight[target]! + weight;
        this.weight[target] = total;
        this.mean[target]! += ((prob[source]! - this.mean[target]!) * weight) / total;
      }
    }
  }

  /** The first `rows` rows, NaN where `validMask` is 0: a copy, good until the next is asked for. */
  finished(rows: number, validMask: Uint8Array): Float32Array {
    const count = rows * this.plan.width;
    if (this.strip.length < count) this.strip = new Float32Array(count);
    const prob = this.strip.subarray(0, count);
    for (let pixel = 0; pixel < count; pixel++) {
      const mean = this.mean[pixel]!;
      const isValid = validMask[pixel] !== 0;
      prob[pixel] = isValid ? mean : Number.NaN;
      if (isValid && !Number.isFinite(mean)) {
        throw new GlofError(
          "internal",
          `predictRaster: expected finite probabilities from the model, got ${mean}. ` +
            "Check the weights and the normalisation of the input.",
        );
      }
    }
    return prob;
  }

  /** Drops the first `rows` rows and makes room below. */
  drop(rows: number): void {
    const from = rows * this.plan.width;
    for (const values of [this.mean, this.weight]) {
      values.copyWithin(0, from);
      values.fill(0, values.length - from);
    }
  }
}
