export type { DecoderNorm } from "./layers.js";
export { buildLinearClassifier, type LinearClassifierConfig } from "./linear_classifier.js";
export * from "./types.js";
export { buildVitUnet, DEFAULT_VIT_UNET_WIDTHS, type VitUnetConfig, type VitUnetWidths } from "./vit_unet.js";
