import type { Checkpoint } from "@glof/checkpoint";
import { compareWithSpecs, type LoadReport } from "@glof/nn";
import { type Dinov2Config, ffnHidden, rgbBands, toDinov2Config } from "../config.js";
import { dinov2Specs } from "../specs.js";
import { type Dinov2Variant, dinov2Variants } from "../variants.js";
import { toOfficialNames } from "./official_names.js";
import { type RecognizedDinov2, recognizeDinov2 } from "./recognize.js";

/** A checkpoint's model, as far as its names and shapes tell. */
export interface Dinov2Description {
  readonly recognized: RecognizedDinov2;
  /** The official model of this width, feed-forward and registers, whatever the depth; undefined for other sizes. */
  readonly variant: Dinov2Variant | undefined;
  /**
   * A model that the file fills. Heads are not in a file: 64 wide, as in every official model, else one. The rule of
   * position interpolation is the official one for models with or without registers.
   */
  readonly config: Dinov2Config;
  /** What a load into that model would find; `unused` are names inside the backbone only. */
  readonly report: LoadReport;
}

/**
 * Reads from names and shapes which model a checkpoint is for, without reading a value.
 *
 * @throws GlofError `parameter-mismatch` when no backbone is found; `bad-config` when its shapes make no model
 */
export function describeDinov2(checkpoint: Checkpoint): Dinov2Description {
  const recognized = recognizeDinov2(checkpoint);
  const ffn = ffnOf(checkpoint, recognized);
  const official = toOfficialNames(checkpoint, { ffn }, recognized);
  const config = configOf(official, recognized, ffn);
  const report = compareWithSpecs(dinov2Specs(config), official);
  // timm drops the mask token, which inference does not use: a load makes it of zeros.
  const missing = report.missing.filter((name) => recognized.naming !== "timm" || name !== "mask_token");
  return { recognized, variant: variantOf(config), config, report: { ...report, missing } };
}

/** SwiGLU's first matrix makes two of what the second takes. timm calls them as the MLP's. */
function ffnOf({ entries }: Checkpoint, { prefix }: RecognizedDinov2): Dinov2Config["ffn"] {
  for (const [name, { shape }] of entries) {
    if (!name.startsWith(prefix)) continue;
    if (/\.mlp\.(w12|w3|weights_in|weights_out)\./.test(name)) return "swiglu";
    if (!name.endsWith(".mlp.fc1.weight")) continue;
    const next = entries.get(name.replace(/fc1\.weight$/, "fc2.weight"));
    return next && shape[0] === 2 * (next.shape[1] ?? 0) ? "swiglu" : "mlp";
  }
  return "mlp";
}

function configOf(
  { name, entries, metadata }: Checkpoint,
  { depth }: RecognizedDinov2,
  ffn: Dinov2Config["ffn"],
): Dinov2Config {
  const size = (tensor: string, axis: number): number => entries.get(tensor)?.shape[axis] ?? 0;
  const embedDim = size("cls_token", 2);
  const patchSizePx = size("patch_embed.proj.weight", 2);
  const channels = size("patch_embed.proj.weight", 1);
  const registers = size("register_tokens", 1);
  const hidden = ffn === "mlp" ? size("blocks.0.mlp.fc1.weight", 0) : size("blocks.0.mlp.w3.weight", 1);
  const grid = Math.floor(Math.sqrt(Math.max(0, size("pos_embed", 1) - 1)));
  return toDinov2Config({
    name,
    embedDim,
    depth,
    heads: embedDim % 64 === 0 ? embedDim / 64 : 1,
    ffn,
    mlpRatio: ratioOf(hidden, embedDim, ffn),
    patchSizePx,
    imageSizePx: grid * patchSizePx,
    bands: metadata.bands?.split(",").map((band) => band.trim()) ?? namedBands(channels),
    registers,
    ...(registers > 0 && { positionOffset: 0, positionAntialias: true }),
    qkvBias: entries.has("blocks.0.attn.qkv.bias"),
    projBias: entries.has("blocks.0.attn.proj.bias"),
    ffnBias: entries.has(`blocks.0.mlp.${ffn === "mlp" ? "fc2" : "w3"}.bias`),
    layerScale: entries.has("blocks.0.ls1.gamma") ? 1 : null,
  });
}

function ratioOf(hidden: number, embedDim: number, ffn: Dinov2Config["ffn"]): number {
  if (ffnHidden({ embedDim, mlpRatio: 4, ffn }) === hidden) return 4;
  return (ffn === "mlp" ? hidden : hidden * 1.5) / embedDim;
}

const namedBands = (channels: number): readonly string[] =>
  channels === 3 ? rgbBands : Array.from({ length: channels }, (_, index) => `band${index + 1}`);

function variantOf({ embedDim, ffn, registers, patchSizePx }: Dinov2Config): Dinov2Variant | undefined {
  return (Object.keys(dinov2Variants) as Dinov2Variant[]).find((name) => {
    const variant: Partial<Dinov2Config> = dinov2Variants[name];
    return (
      patchSizePx === 14 &&
      variant.embedDim === embedDim &&
      (variant.ffn ?? "mlp") === ffn &&
      (variant.registers ?? 0) === registers
    );
  });
}
