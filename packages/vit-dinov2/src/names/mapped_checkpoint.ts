import { type Checkpoint, type CheckpointEntry, toFloat32 } from "@glof/checkpoint";
import { GlofError } from "@glof/core";

/** A tensor made of tensors of a file. */
export interface MappedTensor {
  readonly entry: CheckpointEntry;
  /** Its bytes in the entry's dtype, row-major, a fresh array. */
  readBytes(): Promise<Uint8Array>;
}

/** Reads a tensor's bytes; the caller takes them over. */
export type ReadBytes = (name: string) => Promise<Uint8Array>;

/** A tensor as the checkpoint has it, under another name. */
export function sameTensor(
  checkpoint: Checkpoint,
  from: string,
  name: string,
  read: ReadBytes = checkpoint.readBytes,
): MappedTensor {
  const entry = checkpoint.entries.get(from)!;
  return { entry: { ...entry, name }, readBytes: () => read(from) };
}

/** A tensor of computed values. */
export function floatTensor(entry: CheckpointEntry, read: () => Promise<Float32Array>): MappedTensor {
  return {
    entry: { ...entry, dtype: "F32" },
    readBytes: async () => {
      const values = await read();
      return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    },
  };
}

/** Tensors one under the other along the first axis, such as q, k and v; f32 where their dtypes differ. */
export function stackedTensor(checkpoint: Checkpoint, from: readonly string[], name: string): MappedTensor {
  const entries = from.map((part) => checkpoint.entries.get(part)!);
  const first = entries[0]!;
  const rows = entries.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  const sameDtype = entries.every(({ dtype }) => dtype === first.dtype);
  return {
    entry: {
      ...first,
      name,
      dtype: sameDtype ? first.dtype : "F32",
      shape: [rows, ...first.shape.slice(1)],
    },
    readBytes: async () => {
      const parts: Uint8Array[] = [];
      for (const part of from) {
        parts.push(
          sameDtype ? await checkpoint.readBytes(part) : bytesOf(await checkpoint.readFloat32(part)),
        );
      }
      return concatenate(parts);
    },
  };
}

/** Part `index` of `count` equal ones along the first axis. */
export function partTensor(
  whole: MappedTensor,
  { name, index, count }: { readonly name: string; readonly index: number; readonly count: number },
): MappedTensor {
  const [rows = 0, ...rest] = whole.entry.shape;
  return {
    entry: { ...whole.entry, name, shape: [rows / count, ...rest] },
    readBytes: async () => {
      const bytes = await whole.readBytes();
      const step = bytes.byteLength / count;
      return bytes.slice(index * step, (index + 1) * step);
    },
  };
}

const bytesOf = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/** Arrays one behind the other. */
export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/**
 * A reader that keeps the last tensor it read, so that one asked for several times in a row is fetched once. Each call
 * gives a copy.
 */
export function keepingReader(checkpoint: Checkpoint): ReadBytes {
  let kept: { name: string; bytes: Promise<Uint8Array> } | undefined;
  return async (name) => {
    if (kept?.name !== name) kept = { name, bytes: checkpoint.readBytes(name) };
    return (await kept.bytes).slice();
  };
}

/** A checkpoint whose tensors are made of another's. Closing it closes that one. */
export function mappedCheckpoint(
  checkpoint: Checkpoint,
  tensors: ReadonlyMap<string, MappedTensor>,
): Checkpoint {
  const find = (name: string): MappedTensor => {
    const found = tensors.get(name);
    if (found) return found;
    throw new GlofError(
      "not-found",
      `Checkpoint ${checkpoint.name}: expected a tensor "${name}", got none. Look in \`entries\`.`,
      { tensor: name },
    );
  };
  return {
    ...checkpoint,
    entries: new Map([...tensors].map(([name, { entry }]) => [name, entry])),
    readFloat32: async (name) => {
      const { entry, readBytes } = find(name);
      return toFloat32(await readBytes(), entry.dtype);
    },
    readBytes: async (name) => find(name).readBytes(),
  };
}
