import { readFile } from "node:fs/promises";
import type { Dinov2Options } from "@glof/vit-dinov2";

/** Arguments of the original DINOv2 constructor, as the fixtures state them. */
export interface StatedConfig {
  readonly patch_size: number;
  readonly in_chans: number;
  readonly mlp_ratio: number;
  readonly ffn_layer: string;
  readonly num_register_tokens: number;
  readonly interpolate_antialias: boolean;
  readonly interpolate_offset: number;
  readonly qkv_bias: boolean;
  readonly proj_bias: boolean;
  readonly ffn_bias: boolean;
  readonly init_values: number | null;
  readonly embed_dim: number;
  readonly depth: number;
  readonly num_heads: number;
  readonly img_size: number;
}

/** A model of `dinov2/cases.json`. */
export interface StatedModel {
  readonly file: string;
  readonly config: StatedConfig;
}

/** The models that the fixtures of group dinov2 bring along. */
export async function readStatedModels(
  fixturesFolder: string,
): Promise<Readonly<Record<string, StatedModel>>> {
  const text = await readFile(`${fixturesFolder}/dinov2/cases.json`, "utf8");
  return (JSON.parse(text) as { models: Record<string, StatedModel> }).models;
}

/** Our config for the original's arguments. */
export function toStatedConfig(name: string, config: StatedConfig): Dinov2Options {
  return {
    name,
    embedDim: config.embed_dim,
    depth: config.depth,
    heads: config.num_heads,
    mlpRatio: config.mlp_ratio,
    ffn: config.ffn_layer.startsWith("swiglu") ? "swiglu" : "mlp",
    patchSizePx: config.patch_size,
    imageSizePx: config.img_size,
    bands: Array.from(
      { length: config.in_chans },
      (_, index) => ["B04", "B03", "B02", "B08"][index] ?? `band ${index}`,
    ),
    registers: config.num_register_tokens,
    positionOffset: config.interpolate_offset,
    positionAntialias: config.interpolate_antialias,
    qkvBias: config.qkv_bias,
    projBias: config.proj_bias,
    ffnBias: config.ffn_bias,
    layerScale: config.init_values,
  };
}
