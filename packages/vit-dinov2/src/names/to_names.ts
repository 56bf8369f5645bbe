import { type Checkpoint, elementCount, itemBytes } from "@glof/checkpoint";
import { describeDinov2 } from "./describe.js";
import { huggingFaceFromOfficial, huggingFaceQkv } from "./hugging_face_names.js";
import {
  keepingReader,
  type MappedTensor,
  mappedCheckpoint,
  partTensor,
  sameTensor,
} from "./mapped_checkpoint.js";
import { toOfficialNames } from "./official_names.js";
import type { Dinov2Naming } from "./recognize.js";
import { foldPosition } from "./timm_position.js";

/**
 * The backbone of any known checkpoint under the names of one family, ready to be saved for its users. Bits and dtypes
 * stay, and what lies outside the backbone is left out.
 *
 * - `official`: a mask token of zeros is added where timm has dropped it
 * - `hugging-face`: q, k and v apart, as `Dinov2Model` and `Dinov2WithRegistersModel` have them
 * - `timm`: no mask token; with registers the cls position goes into the cls token. Neither comes back.
 *
 * @throws GlofError `parameter-mismatch` when no backbone is found
 */
export function toNames(checkpoint: Checkpoint, naming: Dinov2Naming): Checkpoint {
  const { recognized, config } = describeDinov2(checkpoint);
  const official = toOfficialNames(checkpoint, config, recognized);
  if (naming === "hugging-face") return toHuggingFaceNames(official);
  if (naming === "timm") return toTimmNames(official);
  return recognized.naming === "timm" ? withMaskToken(official) : official;
}

function toHuggingFaceNames(official: Checkpoint): Checkpoint {
  const tensors = new Map<string, MappedTensor>();
  const read = keepingReader(official);
  for (const name of official.entries.keys()) {
    const parts = huggingFaceQkv(name);
    if (parts) {
      const whole = sameTensor(official, name, name, read);
      for (const [index, part] of parts.entries()) {
        tensors.set(part, partTensor(whole, { name: part, index, count: parts.length }));
      }
    } else {
      const theirs = huggingFaceFromOfficial(name);
      tensors.set(theirs, sameTensor(official, name, theirs));
    }
  }
  return mappedCheckpoint(official, tensors);
}

/** Source: timm, vision_transformer.py (`_convert_dinov2`). */
function toTimmNames(official: Checkpoint): Checkpoint {
  const tensors = new Map<string, MappedTensor>();
  for (const name of official.entries.keys()) {
    if (name === "mask_token") continue;
    const theirs = name
      .replace(/^register_tokens$/, "reg_token")
      .replace(/\.mlp\.w12\./, ".mlp.fc1.")
      .replace(/\.mlp\.w3\./, ".mlp.fc2.");
    tensors.set(theirs, sameTensor(official, name, theirs));
  }
  if (tensors.has("reg_token")) foldPosition(tensors);
  return mappedCheckpoint(official, tensors);
}

function withMaskToken(official: Checkpoint): Checkpoint {
  const token = official.entries.get("cls_token");
  if (!token || official.entries.has("mask_token")) return official;
  const tensors = new Map(
    [...official.entries.keys()].map((name) => [name, sameTensor(official, name, name)]),
  );
  const width = elementCount(token.shape)!;
  tensors.set("mask_token", {
    entry: { name: "mask_token", dtype: token.dtype, shape: [1, width] },
    readBytes: async () => new Uint8Array(width * itemBytes[token.dtype]),
  });
  return mappedCheckpoint(official, tensors);
}
