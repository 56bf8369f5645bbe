export { buildLinearClassifier, type LinearClassifierConfig } from "./linear_classifier.js";
export type { NormKind } from "./norm.js";
export * from "./types.js";
export {
  buildVitUnet,
  type VitUnetConfig,
  type VitUnetOptions,
  type VitUnetWidths,
  vitUnetDefaults,
} from "./vit_unet.js";
