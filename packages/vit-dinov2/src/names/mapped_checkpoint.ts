import type { Checkpoint, CheckpointEntry } from "@glof/checkpoint";
import { GlofError } from "@glof/core";

/** A tensor made of tensors of a file. */
export interface MappedTensor {
  readonly entry: CheckpointEntry;
  /** Its values, row-major, a fresh array. */
  read(): Promise<Float32Array>;
}

/** A tensor as the checkpoint has it, under another name. */
export function sameTensor(checkpoint: Checkpoint, from: string, name: string): MappedTensor {
  const entry = checkpoint.entries.get(from)!;
  return { entry: { ...entry, name }, read: () => checkpoint.readFloat32(from) };
}

/** Tensors one under the other along the first axis, such as q, k and v. */
export function stackedTensor(checkpoint: Checkpoint, from: readonly string[], name: string): MappedTensor {
  const entries = from.map((part) => checkpoint.entries.get(part)!);
  const [first] = entries;
  const rows = entries.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  return {
    entry: { name, dtype: first!.dtype, shape: [rows, ...first!.shape.slice(1)] },
    read: async () => {
      const parts: Float32Array[] = [];
      for (const part of from) parts.push(await checkpoint.readFloat32(part));
      return concatenate(parts);
    },
  };
}

/** Arrays one behind the other. */
export function concatenate(parts: readonly Float32Array[]): Float32Array {
  const joined = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
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
    entries: new Map([...tensors].map(([name, { entry }]) => [name, { ...entry, dtype: "F32" as const }])),
    readFloat32: (name) => find(name).read(),
    readBytes: async (name) => {
      const values = await find(name).read();
      return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    },
  };
}
