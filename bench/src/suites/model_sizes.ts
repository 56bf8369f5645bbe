/** Sizes of DINOv2: S, B, L (with the block more that glof's own models have), and a tiny one for trying out. */
export const modelSizes = {
  S: { embedDim: 384, depth: 12, heads: 6 },
  B: { embedDim: 768, depth: 12, heads: 12 },
  L: { embedDim: 1024, depth: 25, heads: 16 },
  T: { embedDim: 192, depth: 2, heads: 3 },
} as const;

/** Name of a size. */
export type ModelSize = keyof typeof modelSizes;
