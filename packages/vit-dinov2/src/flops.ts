import { GlofError } from "@glof/core";
import { type Dinov2Config, ffnHidden } from "./config.js";

/** What `flopsOf` reads of a config. */
export type FlopsConfig = Pick<
  Dinov2Config,
  "name" | "embedDim" | "depth" | "mlpRatio" | "ffn" | "patchSizePx" | "bands" | "registers"
>;

/**
 * Floating-point operations of one image through the model: its matrix products, two operations per multiply-add.
 *
 * With T tokens, D width, F hidden width, per block: 8 T D² (qkv and projection), 4 T² D (scores and weighted values),
 * 4 T D F (MLP; 6 T D F with SwiGLU). Norms, softmax, GELU and the interpolation of positions, about one percent more,
 * are left out, as is usual (fvcore and the tables of ViT papers count the same products, at half as many "MACs").
 *
 * @param size [rows, cols] of the image in pixels, multiples of the patch
 * @throws GlofError `shape-mismatch`
 */
export function flopsOf(config: FlopsConfig, size: readonly [rows: number, cols: number]): number {
  const { embedDim: width, depth, patchSizePx: patch, bands, registers, ffn, name } = config;
  const [rows, cols] = size;
  if (![rows, cols].every((side) => side > 0 && Number.isInteger(side / patch))) {
    throw new GlofError(
      "shape-mismatch",
      `flopsOf(${name}): expected rows and cols that are multiples of ${patch}, got [${size.join(", ")}]. Round them.`,
      { size },
    );
  }
  const patches = (rows / patch) * (cols / patch);
  const tokens = 1 + registers + patches;
  const hidden = ffnHidden(config);
  const embedding = 2 * patches * patch * patch * bands.length * width;
  const projections = 8 * tokens * width * width;
  const attention = 4 * tokens * tokens * width;
  const feedForward = (ffn === "mlp" ? 4 : 6) * tokens * width * hidden;
  return embedding + depth * (projections + attention + feedForward);
}
