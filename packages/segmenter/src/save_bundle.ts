import { openCheckpoint, serializeSafetensors, type TensorToWrite, writeSafetensors } from "@glof/checkpoint";
import { type Params, saveParams } from "@glof/nn";
import { buildLakeSegmenter } from "./build_lake_segmenter.js";
import { hashTensors } from "./bundle_hash.js";
import { bundleMetadata, configFileName, weightsFileName } from "./bundle_layout.js";
import type { ModelCard } from "./model_card.js";
import { checkSegmenterConfig, type SegmenterConfig } from "./segmenter_config.js";

/** What goes into a bundle. */
export interface BundleToSave {
  readonly config: SegmenterConfig;
  readonly params: Params;
  readonly card: ModelCard;
  /** Element type of the weights in the file. Default `"F16"`: half the size, and no measurable loss for a trained model. */
  readonly dtype?: "F32" | "F16";
}

/**
 * Saves a segmenter: a `.safetensors` path gives one file (config, card, version and hash in its metadata), any other a
 * folder with `config.json` and `weights.safetensors`. Each file appears only when it is whole.
 *
 * @returns the SHA-256 of the weights, which `openBundle` verifies
 * @throws GlofError `bad-config`; `parameter-mismatch` for params of another model; `no-space`, `not-writable`, `io`
 */
export async function saveBundle(path: string, bundle: BundleToSave): Promise<string> {
  const { params, card, dtype = "F16" } = bundle;
  const config = checkSegmenterConfig(bundle.config, "saveBundle");
  const tensors = await saveParams(buildLakeSegmenter(config).specs, params);
  const sha256 = await hashAsWritten(tensors, dtype);
  const metadata = bundleMetadata({ config, card, sha256 });
  if (path.endsWith(".safetensors")) {
    await writeSafetensors(path, tensors, { dtype, metadata });
    return sha256;
  }
  const { writeFileAtomic } = await import("@glof/core/node");
  await writeSafetensors(`${path}/${weightsFileName}`, tensors, { dtype });
  const text = { format: metadata.format, sha256, config, card };
  await writeFileAtomic(`${path}/${configFileName}`, `${JSON.stringify(text, null, 2)}\n`);
  return sha256;
}

/** The hash is of the bytes in the file: those of the asked element type. */
async function hashAsWritten(
  tensors: Readonly<Record<string, TensorToWrite>>,
  dtype: "F32" | "F16",
): Promise<string> {
  return hashTensors(await openCheckpoint(serializeSafetensors(tensors, { dtype }), { name: "saveBundle" }));
}
