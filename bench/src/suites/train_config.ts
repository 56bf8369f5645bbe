import { buildSmallLakeSegmenterConfig, type SegmenterConfig } from "@glof/segmenter";

/** What of a segmenter learns. */
export const learnings = ["decoder", "last block", "LoRA", "full"] as const;
/** One of `learnings`. */
export type Learning = (typeof learnings)[number];

/** The segmenter of a case and the side of its chips. */
export function trainConfig(model: string): SegmenterConfig & { readonly trainPx: number } {
  const sizes = {
    small: {},
    S: { embedDim: 384, depth: 12, heads: 6 },
    B: { embedDim: 768, depth: 12, heads: 12 },
    tiny: { embedDim: 48, depth: 2, heads: 2 },
  }[model];
  if (sizes === undefined) throw new Error(`expected small, S, B or tiny as the model, got ${model}`);
  return { ...buildSmallLakeSegmenterConfig(sizes), trainPx: model === "tiny" ? 56 : 252 };
}
