import { GlofError } from "@glof/core";
import type { ByteImage } from "@glof/nn";
import { fitPca, projectPca } from "./pca.js";

/** Which patches are foreground: by the first component, scaled to 0 (its smallest value) to 1 (its largest). */
export interface ForegroundRule {
  readonly side: "above" | "below";
  /** From 0 to 1. */
  readonly threshold: number;
}

/** Options of `featurePicture`. */
export interface FeaturePictureOptions {
  /** Shares of the patches between which a component is stretched to 0…255. Default [0.01, 0.99]. */
  readonly percentiles?: readonly [low: number, high: number];
  /** Colour only these patches, by a second PCA of them alone; the others become black. Default: all patches. */
  readonly foreground?: ForegroundRule;
}

/** A picture of patch features, one pixel per patch. */
export interface FeaturePicture {
  /** Red, green and blue: the first three components. */
  readonly image: ByteImage;
  /** 1 for foreground patches. [rows · cols] */
  readonly foreground: Uint8Array;
  /** Share of the (foreground) patches' variance in each of the three components. */
  readonly explained: readonly number[];
}

/**
 * The picture by which DINOv2 is known: patch features reduced to three principal components, shown as red, green and
 * blue. Patches of like content get like colours. Source: Oquab et al. 2023, section 7.4 and figure 1.
 *
 * @param patches row-major [rows, cols, D], of one image
 * @throws GlofError `bad-argument`; `not-finite`
 */
export function featurePicture(
  patches: Float32Array,
  size: readonly [rows: number, cols: number, dim: number],
  { percentiles = [0.01, 0.99], foreground: rule }: FeaturePictureOptions = {},
): FeaturePicture {
  const [rows, cols, dim] = size;
  requirePercentiles(percentiles);
  const count = rows * cols;
  const foreground = rule ? foregroundOf(patches, count, dim, rule) : new Uint8Array(count).fill(1);
  const chosen = Array.from(foreground.keys()).filter((patch) => foreground[patch] === 1);
  const kept = new Float32Array(chosen.length * dim);
  for (const [to, patch] of chosen.entries())
    kept.set(patches.subarray(patch * dim, (patch + 1) * dim), to * dim);
  const pca = fitPca(kept, [chosen.length, dim]);
  const scores = projectPca(pca, kept);
  const bytes = new Uint8Array(count * 3);
  for (let channel = 0; channel < 3; channel++) {
    const values = Float32Array.from(chosen, (_, index) => scores[index * 3 + channel]!);
    const [low, high] = percentiles.map((share) => quantile(values, share)) as [number, number];
    chosen.forEach((patch, index) => {
      bytes[patch * 3 + channel] = toByte(values[index]!, low, high);
    });
  }
  const { variances, totalVariance } = pca;
  return {
    image: { rows, cols, channels: 3, bytes },
    foreground,
    explained: Array.from(variances, (variance) => (totalVariance > 0 ? variance / totalVariance : 0)),
  };
}

function foregroundOf(patches: Float32Array, count: number, dim: number, rule: ForegroundRule): Uint8Array {
  const { side, threshold } = rule;
  if (!(threshold >= 0 && threshold <= 1)) {
    throw new GlofError(
      "bad-argument",
      `featurePicture: expected a foreground threshold from 0 to 1, got ${threshold}. Try 0.5.`,
    );
  }
  const first = projectPca(fitPca(patches, [count, dim], { components: 1 }), patches);
  const low = first.reduce((a, b) => Math.min(a, b));
  const high = first.reduce((a, b) => Math.max(a, b));
  const isInside = (value: number): boolean => {
    const share = high > low ? (value - low) / (high - low) : 0.5;
    return side === "above" ? share > threshold : share < threshold;
  };
  const mask = Uint8Array.from(first, (value) => Number(isInside(value)));
  const found = mask.reduce((sum, one) => sum + one, 0);
  if (found >= 2) return mask;
  throw new GlofError(
    "bad-argument",
    `featurePicture: expected a foreground of at least 2 patches, got ${found} ${side} ${threshold}. Choose another threshold.`,
  );
}

function toByte(value: number, low: number, high: number): number {
  if (!(high > low)) return 128;
  return Math.round(255 * Math.min(1, Math.max(0, (value - low) / (high - low))));
}

/** Linear between neighbours, as NumPy's default. */
function quantile(values: Float32Array, share: number): number {
  const sorted = Float32Array.from(values).sort();
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const next = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (sorted[next]! - sorted[below]!) * (at - below);
}

function requirePercentiles([low, high]: readonly [number, number]): void {
  if (low >= 0 && high <= 1 && low < high) return;
  throw new GlofError(
    "bad-argument",
    `featurePicture: expected percentiles 0 <= low < high <= 1, got [${low}, ${high}]. Try [0.01, 0.99].`,
  );
}
