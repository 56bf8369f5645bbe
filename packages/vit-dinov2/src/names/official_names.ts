import type { Checkpoint } from "@glof/checkpoint";
import type { Dinov2Config } from "../config.js";
import { officialFromHuggingFace, qkvPart } from "./hugging_face_names.js";
import { type MappedTensor, mappedCheckpoint, sameTensor, stackedTensor } from "./mapped_checkpoint.js";
import { type RecognizedDinov2, recognizeDinov2 } from "./recognize.js";
import { unfoldPosition } from "./timm_position.js";

/**
 * The backbone of any known checkpoint under the official names: wrappers stripped, chunks flattened, q, k and v joined,
 * timm's folded cls position unfolded. Names it does not know stay, for the strict load to report. Bits and dtypes stay.
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
    const joined = naming === "hugging-face" ? qkvPart(inside) : undefined;
    const parts = joined?.parts.map((part) => `${prefix}${part}`);
    const whole = parts?.every((part) => checkpoint.entries.has(part));
    if (joined && parts && whole) {
      if (joined.isFirst) tensors.set(joined.official, stackedTensor(checkpoint, parts, joined.official));
    } else {
      const name = officialName(inside, recognized, config);
      tensors.set(name, sameTensor(checkpoint, full, name));
    }
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
  if (naming === "hugging-face") return officialFromHuggingFace(flat);
  const named = flat === "reg_token" ? "register_tokens" : flat;
  if (config.ffn === "mlp") return named;
  return named.replace(/\.mlp\.fc1\./, ".mlp.w12.").replace(/\.mlp\.fc2\./, ".mlp.w3.");
}
