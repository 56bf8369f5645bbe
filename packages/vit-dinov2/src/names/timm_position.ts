import { castBytes, elementCount, itemBytes, toFloat32 } from "@glof/checkpoint";
import { concatenate, type MappedTensor } from "./mapped_checkpoint.js";

/**
 * timm adds the cls position to the cls token of register models and stores positions of patches only; a cls position of
 * zero gives the same sum.
 */
export function unfoldPosition(tensors: Map<string, MappedTensor>): void {
  const position = tensors.get("pos_embed");
  const [one, count, width] = position?.entry.shape ?? [];
  if (!position || one !== 1 || count === undefined || width === undefined) return;
  if (!Number.isInteger(Math.sqrt(count))) return;
  const { entry } = position;
  tensors.set("pos_embed", {
    entry: { ...entry, shape: [1, count + 1, width] },
    readBytes: async () =>
      concatenate([new Uint8Array(width * itemBytes[entry.dtype]), await position.readBytes()]),
  });
}

/** The way back: the cls position goes into the cls token. Source: timm, vision_transformer.py (`_convert_dinov2`). */
export function foldPosition(tensors: Map<string, MappedTensor>): void {
  const position = tensors.get("pos_embed");
  const token = tensors.get("cls_token");
  const [one, count, width] = position?.entry.shape ?? [];
  if (!position || !token || one !== 1 || !count || width === undefined) return;
  if (elementCount(token.entry.shape) !== width) return;
  const firstBytes = width * itemBytes[position.entry.dtype];
  tensors.set("pos_embed", {
    entry: { ...position.entry, shape: [1, count - 1, width] },
    readBytes: async () => (await position.readBytes()).slice(firstBytes),
  });
  tensors.set("cls_token", {
    entry: token.entry,
    readBytes: async () => {
      const { dtype } = token.entry;
      const values = toFloat32(await token.readBytes(), dtype);
      const shift = toFloat32((await position.readBytes()).slice(0, firstBytes), position.entry.dtype);
      // Nothing is added where the position is zero: a token of -0 keeps its sign, and a file comes back as it was.
      for (let at = 0; at < width; at++) if (shift[at] !== 0) values[at] = values[at]! + shift[at]!;
      return castBytes(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), "F32", dtype);
    },
  });
}
