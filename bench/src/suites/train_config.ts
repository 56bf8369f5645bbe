import { buildSmallLakeSegmenterConfig, type SegmenterConfig } from "@glof/segmenter";

/** What of a segmenter learns. */
export const learnings = ["decoder", "last block", "LoRA", "full"] as const;
/** One of `learnings`. */
export type Learning = (typeof learnings)[number];

/** Inner width of the adapters, which are on qkv, proj and the patch embedding; their scale is 1. */
export const LORA_RANK = 8;

/** What learns, as a pattern over the names of parameters, and whose gradients are compared. */
export function learningNames(
  learning: Learning,
  depth: number,
): { readonly learns: string; readonly compare: readonly string[] } {
  const last = `backbone.blocks.${depth - 1}`;
  const decoder = ["decoder.logits.weight", "decoder.lateral.0.weight", "decoder.half_stem.0.conv.weight"];
  switch (learning) {
    case "decoder":
      return { learns: "^decoder\\.", compare: decoder };
    case "last block":
      return {
        learns: `^decoder\\.|^backbone\\.blocks\\.${depth - 1}\\.`,
        compare: [...decoder, `${last}.attn.qkv.weight`, `${last}.mlp.fc2.bias`],
      };
    case "LoRA":
      return {
        learns: "^decoder\\.|\\.lora_[AB]\\.",
        compare: [...decoder, "backbone.blocks.0.attn.qkv.lora_A.weight", `${last}.attn.proj.lora_B.weight`],
      };
    case "full":
      return {
        learns: ".",
        compare: [
          ...decoder,
          "backbone.patch_embed.proj.weight",
          "backbone.blocks.0.attn.qkv.weight",
          `${last}.ls2.gamma`,
        ],
      };
  }
}

/** The segmenter of a case and the side of its chips. */
export function trainConfig(model: string): SegmenterConfig & { readonly trainPx: number } {
  const sizes = {
    small: {},
    S: { embedDim: 384, depth: 12, heads: 6 },
    B: { embedDim: 768, depth: 12, heads: 12 },
    L: { embedDim: 1024, depth: 25, heads: 16 },
    tiny: { embedDim: 48, depth: 2, heads: 2 },
  }[model];
  if (sizes === undefined) throw new Error(`expected small, S, B, L or tiny as the model, got ${model}`);
  const trainPx = model === "tiny" ? 56 : 252;
  return { ...buildSmallLakeSegmenterConfig({ ...sizes, trainPx }), trainPx };
}
