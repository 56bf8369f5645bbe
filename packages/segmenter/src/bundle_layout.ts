import type { ModelCard } from "./model_card.js";
import { BUNDLE_FORMAT_VERSION, type SegmenterConfig } from "./segmenter_config.js";

/** Marks a file or folder as a bundle of this package. */
export const bundleFormat = "glof-lake-segmenter";
/** Of a bundle that is a folder: config, card, format and hash. */
export const configFileName = "config.json";
/** Of a bundle that is a folder: the weights under their official names. */
export const weightsFileName = "weights.safetensors";

/** The text in the header of a bundle that is one file; safetensors allows strings only, so the objects are JSON. */
export interface BundleMetadata extends Readonly<Record<string, string>> {
  readonly format: string;
  readonly formatVersion: string;
  readonly config: string;
  readonly card: string;
  readonly sha256: string;
}

/** Makes the header text of a bundle. */
export function bundleMetadata(bundle: {
  readonly config: SegmenterConfig;
  readonly card: ModelCard;
  readonly sha256: string;
}): BundleMetadata {
  return {
    format: bundleFormat,
    formatVersion: String(BUNDLE_FORMAT_VERSION),
    config: JSON.stringify(bundle.config),
    card: JSON.stringify(bundle.card),
    sha256: bundle.sha256,
  };
}
