/** What the kernels `GlofPixelSums` and `GlofPixelSlopes` compute from logits and labels. */
export interface PixelLossOptions {
  /**
   * `"bce"`: binary cross-entropy. `"region"`: what Dice, Jaccard and Tversky losses are made of. `"counts"`: soft counts of
   * true and false pixels.
   */
  readonly kind: "bce" | "region" | "counts";
  /** The label of pixels that count nowhere; `null`: none. */
  readonly ignore: number | null;
  /** Of `"bce"`: labels t are moved to t (1 - 2 smooth) + smooth. */
  readonly smooth: number;
  /** Of `"bce"`: the factor of the positive part. */
  readonly posWeight: number;
}
