/**
 * Official names and transformers' of what lies outside the blocks.
 * Source: transformers, convert_dinov2_to_hf.py and convert_dinov2_with_registers_to_hf.py.
 */
const outerNames: readonly (readonly [official: string, huggingFace: string])[] = [
  ["cls_token", "embeddings.cls_token"],
  ["mask_token", "embeddings.mask_token"],
  ["register_tokens", "embeddings.register_tokens"],
  ["pos_embed", "embeddings.position_embeddings"],
  ["patch_embed.proj.weight", "embeddings.patch_embeddings.projection.weight"],
  ["patch_embed.proj.bias", "embeddings.patch_embeddings.projection.bias"],
  ["norm.weight", "layernorm.weight"],
  ["norm.bias", "layernorm.bias"],
];

/** The same within a block, where they differ; `attn.qkv` is three tensors there. */
const blockParts: readonly (readonly [official: string, huggingFace: string])[] = [
  ["attn.proj.", "attention.output.dense."],
  ["ls1.gamma", "layer_scale1.lambda1"],
  ["ls2.gamma", "layer_scale2.lambda1"],
  ["mlp.w12.", "mlp.weights_in."],
  ["mlp.w3.", "mlp.weights_out."],
];

const toOfficial = new Map(outerNames.map(([official, theirs]) => [theirs, official]));
const toTheirs = new Map(outerNames);
const qkv = ["query", "key", "value"] as const;

/** The official name of a tensor of transformers; names it does not know stay. */
export function officialFromHuggingFace(name: string): string {
  const block = /^encoder\.layer\.(\d+)\.(.+)$/.exec(name);
  if (!block) return toOfficial.get(name) ?? name;
  const part = blockParts.find(([, theirs]) => block[2]!.startsWith(theirs));
  return `blocks.${block[1]}.${part ? part[0] + block[2]!.slice(part[1].length) : block[2]}`;
}

/** The name at transformers of an official tensor other than `attn.qkv`. */
export function huggingFaceFromOfficial(name: string): string {
  const block = /^blocks\.(\d+)\.(.+)$/.exec(name);
  if (!block) return toTheirs.get(name) ?? name;
  const part = blockParts.find(([official]) => block[2]!.startsWith(official));
  return `encoder.layer.${block[1]}.${part ? part[1] + block[2]!.slice(part[0].length) : block[2]}`;
}

/** The three tensors at transformers of an official `attn.qkv`, in the order in which they are stacked. */
export function huggingFaceQkv(name: string): string[] | undefined {
  const match = /^blocks\.(\d+)\.attn\.qkv\.(weight|bias)$/.exec(name);
  return match ? qkv.map((part) => qkvName(match[1]!, part, match[2]!)) : undefined;
}

/** What a tensor of transformers' attention is part of: the query stands for all three. */
export function qkvPart(name: string): { official: string; parts: string[]; isFirst: boolean } | undefined {
  const match = /^encoder\.layer\.(\d+)\.attention\.attention\.(query|key|value)\.(weight|bias)$/.exec(name);
  if (!match) return undefined;
  const [, layer, part, kind] = match;
  return {
    official: `blocks.${layer}.attn.qkv.${kind}`,
    parts: qkv.map((one) => qkvName(layer!, one, kind!)),
    isFirst: part === "query",
  };
}

const qkvName = (layer: string, part: string, kind: string): string =>
  `encoder.layer.${layer}.attention.attention.${part}.${kind}`;
