export type { DecoderNorm } from "./layers.js";
export * from "./types.js";
export { buildVitUnet, DEFAULT_VIT_UNET_WIDTHS, type VitUnetConfig, type VitUnetWidths } from "./vit_unet.js";
