import type { Checkpoint } from "@glof/checkpoint";
import type { Dinov2Config } from "../config.js";
import {
  concatenate,
  type MappedTensor,
  mappedCheckpoint,
  sameTensor,
  stackedTensor,
} from "./mapped_checkpoint.js";
import { type RecognizedDinov2, recognizeDinov2 } from "./recognize.js";

/**
 * The backbone of any known checkpoint under the official names: wrappers stripped, chunks flattened, q, k and v joined,
 * timm's folded cls position unfolded. Names it does not know stay, for the strict load to report.
 */
export function toOfficialNames(
  checkpoint: Checkpoint,
  config: Pick<Dinov2Config, "ffn">,
  recognized: RecognizedDinov2 = recognizeDinov2(checkpoint),
): Checkpoint {
  const { prefix, naming } = recognized;
  const tensors = new Map<string, MappedTensor>();
  for (const full of checkpoint.entries.keys()) {
    if (!full.startsWith(prefix)) continue;
    const inside = full.slice(prefix.length);
    const query = naming === "hugging-face" ? queryPart(inside) : undefined;
    if (query === "skip") continue;
    const name = query?.name ?? officialName(inside, recognized, config);
    const parts = query?.parts.map((part) => `${prefix}${part}`);
    const whole = parts?.every((part) => checkpoint.entries.has(part));
    tensors.set(
      name,
      parts && whole ? stackedTensor(checkpoint, parts, name) : sameTensor(checkpoint, full, name),
    );
  }
  if (naming === "timm") unfoldPosition(tensors);
  return mappedCheckpoint(checkpoint, tensors);
}

function officialName(
  inside: string,
  { naming }: RecognizedDinov2,
  config: Pick<Dinov2Config, "ffn">,
): string {
  const flat = inside.replace(/^blocks\.\d+\.(?=\d+\.)/, "blocks.");
  if (naming === "official") return flat;
  if (naming === "timm") {
    const named = flat === "reg_token" ? "register_tokens" : flat;
    if (config.ffn === "mlp") return named;
    return named.replace(/\.mlp\.fc1\./, ".mlp.w12.").replace(/\.mlp\.fc2\./, ".mlp.w3.");
  }
  return flat.startsWith("encoder.layer.") ? huggingFaceBlockName(flat) : (huggingFaceNames[flat] ?? flat);
}

const huggingFaceNames: Readonly<Record<string, string>> = {
  "embeddings.cls_token": "cls_token",
  "embeddings.mask_token": "mask_token",
  "embeddings.register_tokens": "register_tokens",
  "embeddings.position_embeddings": "pos_embed",
  "embeddings.patch_embeddings.projection.weight": "patch_embed.proj.weight",
  "embeddings.patch_embeddings.projection.bias": "patch_embed.proj.bias",
  "layernorm.weight": "norm.weight",
  "layernorm.bias": "norm.bias",
};

/** Source: transformers, convert_dinov2_to_hf.py. */
function huggingFaceBlockName(inside: string): string {
  return inside
    .replace("encoder.layer.", "blocks.")
    .replace(".attention.output.dense.", ".attn.proj.")
    .replace(/\.layer_scale([12])\.lambda1$/, ".ls$1.gamma")
    .replace(".mlp.weights_in.", ".mlp.w12.")
    .replace(".mlp.weights_out.", ".mlp.w3.");
}

/** The query stands for all three; key and value are read with it. */
function queryPart(inside: string): { name: string; parts: string[] } | "skip" | undefined {
  const match = /^encoder\.layer\.(\d+)\.attention\.attention\.(query|key|value)\.(weight|bias)$/.exec(
    inside,
  );
  if (!match) return undefined;
  const [, layer, part, kind] = match;
  if (part !== "query") return "skip";
  const at = `encoder.layer.${layer}.attention.attention`;
  return {
    name: `blocks.${layer}.attn.qkv.${kind}`,
    parts: ["query", "key", "value"].map((one) => `${at}.${one}.${kind}`),
  };
}

/**
 * timm adds the cls position to the cls token of register models and stores positions of patches only; a cls position of
 * zero gives the same sum.
 */
function unfoldPosition(tensors: Map<string, MappedTensor>): void {
  const position = tensors.get("pos_embed");
  const [one, count, width] = position?.entry.shape ?? [];
  if (!position || one !== 1 || count === undefined || width === undefined) return;
  if (!Number.isInteger(Math.sqrt(count))) return;
  tensors.set("pos_embed", {
    entry: { ...position.entry, shape: [1, count + 1, width] },
    read: async () => concatenate([new Float32Array(width), await position.read()]),
  });
}
