export { buildLinearClassifier, type LinearClassifierConfig } from "./linear_classifier.js";
export { buildLinearHead, type LinearHeadConfig, type LinearHeadOptions } from "./linear_head.js";
export type { NormKind } from "./norm.js";
export { addDecoder, type DecoderConnections, type DecoderToAdd } from "./onnx/add_decoder.js";
export {
  buildPlainDecoder,
  type PlainDecoderConfig,
  type PlainDecoderOptions,
  type PlainDecoderPreset,
  plainDecoderPresets,
} from "./plain_decoder.js";
export * from "./types.js";
export {
  buildUnetDecoder,
  type UnetDecoderConfig,
  type UnetDecoderOptions,
  unetDecoderDefaults,
} from "./unet_decoder.js";
export {
  buildVitUnet,
  type VitUnetConfig,
  type VitUnetOptions,
  type VitUnetWidths,
  vitUnetDefaults,
} from "./vit_unet.js";
