import type { Dinov2Config, Dinov2Options } from "./config.js";
import { buildDinov2 } from "./model.js";
import type { Dinov2Model } from "./types.js";

/** What may differ from the official model. */
export type VariantOptions = Partial<
  Pick<
    Dinov2Config,
    | "depth"
    | "bands"
    | "extraBlocks"
    | "inflation"
    | "dropPathRate"
    | "dropPathUniform"
    | "imageSizePx"
    | "name"
  >
>;

/** The sizes of the official models, by their names at the hub. */
export const dinov2Variants = {
  dinov2_vits14: { embedDim: 384, depth: 12, heads: 6 },
  dinov2_vitb14: { embedDim: 768, depth: 12, heads: 12 },
  dinov2_vitl14: { embedDim: 1024, depth: 24, heads: 16 },
  dinov2_vitg14: { embedDim: 1536, depth: 40, heads: 24, ffn: "swiglu" },
  dinov2_vits14_reg: { embedDim: 384, depth: 12, heads: 6, ...registerRules() },
  dinov2_vitb14_reg: { embedDim: 768, depth: 12, heads: 12, ...registerRules() },
  dinov2_vitl14_reg: { embedDim: 1024, depth: 24, heads: 16, ...registerRules() },
  dinov2_vitg14_reg: { embedDim: 1536, depth: 40, heads: 24, ffn: "swiglu", ...registerRules() },
} as const satisfies Record<string, Dinov2Options>;

/** Name of an official model at the hub. */
export type Dinov2Variant = keyof typeof dinov2Variants;

function registerRules(): Pick<Dinov2Config, "registers" | "positionOffset" | "positionAntialias"> {
  return { registers: 4, positionOffset: 0, positionAntialias: true };
}

/**
 * An official model by its name at the hub. A `depth` above the official one appends blocks (see `extraBlocks`).
 *
 * @throws GlofError `bad-config`
 */
export function buildDinov2Variant(variant: Dinov2Variant, options: VariantOptions = {}): Dinov2Model {
  const base: Dinov2Options = dinov2Variants[variant];
  const depth = options.depth ?? base.depth;
  return buildDinov2({ name: variant, ...base, ...options, depth, baseDepth: Math.min(base.depth, depth) });
}

/** ViT-S/14: 22,056,576 parameters. */
export const buildDinov2Vits14 = (options?: VariantOptions): Dinov2Model =>
  buildDinov2Variant("dinov2_vits14", options);
/** ViT-B/14: 86,580,480 parameters. */
export const buildDinov2Vitb14 = (options?: VariantOptions): Dinov2Model =>
  buildDinov2Variant("dinov2_vitb14", options);
/** ViT-L/14: 304,368,640 parameters; 316,966,912 with `depth: 25`. */
export const buildDinov2Vitl14 = (options?: VariantOptions): Dinov2Model =>
  buildDinov2Variant("dinov2_vitl14", options);
/** ViT-g/14 with SwiGLU: 1,136,480,768 parameters. */
export const buildDinov2Vitg14 = (options?: VariantOptions): Dinov2Model =>
  buildDinov2Variant("dinov2_vitg14", options);
/** ViT-S/14 with 4 registers. */
export const buildDinov2Vits14Reg = (options?: VariantOptions): Dinov2Model =>
  buildDinov2Variant("dinov2_vits14_reg", options);
/** ViT-B/14 with 4 registers. */
export const buildDinov2Vitb14Reg = (options?: VariantOptions): Dinov2Model =>
  buildDinov2Variant("dinov2_vitb14_reg", options);
/** ViT-L/14 with 4 registers. */
export const buildDinov2Vitl14Reg = (options?: VariantOptions): Dinov2Model =>
  buildDinov2Variant("dinov2_vitl14_reg", options);
/** ViT-g/14 with SwiGLU and 4 registers. */
export const buildDinov2Vitg14Reg = (options?: VariantOptions): Dinov2Model =>
  buildDinov2Variant("dinov2_vitg14_reg", options);
