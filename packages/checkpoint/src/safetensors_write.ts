import { GlofError } from "@glof/core";
import { itemBytes } from "./dtypes.js";
import { f32ToBf16, f32ToF16 } from "./half.js";
import { requireCount } from "./memory_checkpoint.js";
import type { TensorToWrite } from "./types.js";

/** Options of `serializeSafetensors` and `writeSafetensors`. */
export interface SafetensorsOptions {
  /** Element type of every tensor in the file; rounding is to nearest, ties to even. Default `"F32"`. */
  readonly dtype?: "F32" | "F16" | "BF16";
  /** Free text that goes along. */
  readonly metadata?: Readonly<Record<string, string>>;
}

type Tensors = Readonly<Record<string, TensorToWrite>>;

/**
 * The bytes of a safetensors file. Tensors are written in the order of their names, so equal weights give equal bytes.
 *
 * @param tensors values in PyTorch's layouts
 * @throws GlofError `shape-mismatch` when a shape and its values disagree
 */
export function serializeSafetensors(tensors: Tensors, options: SafetensorsOptions = {}): Uint8Array {
  const header = headerBytes(tensors, options);
  const parts = [header, ...tensorParts(tensors, options)];
  const file = new Uint8Array(parts.reduce((total, part) => total + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    file.set(part, at);
    at += part.byteLength;
  }
  return file;
}

/**
 * Writes a safetensors file in Node, tensor by tensor; the file appears under its name only when it is whole.
 *
 * @throws GlofError `shape-mismatch`, `no-space`, `not-writable`, `io`
 */
export async function writeSafetensors(
  path: string,
  tensors: Tensors,
  options: SafetensorsOptions = {},
): Promise<void> {
  const { open } = await import("node:fs/promises");
  const { asGlofError, beginAtomicFile } = await import("@glof/core/node");
  const header = headerBytes(tensors, options);
  const target = await beginAtomicFile(path);
  try {
    await asGlofError(path, async () => {
      const file = await open(target.temporaryPath, "wx");
      try {
        await file.writeFile(header);
        for (const part of tensorParts(tensors, options)) await file.writeFile(part);
      } finally {
        await file.close();
      }
    });
    await target.commit();
  } catch (error) {
    await target.abandon();
    throw error;
  }
}

const sortedNames = (tensors: Tensors): string[] => Object.keys(tensors).sort();

function headerBytes(tensors: Tensors, { dtype = "F32", metadata }: SafetensorsOptions): Uint8Array {
  const header: Record<string, unknown> = metadata ? { __metadata__: metadata } : {};
  let at = 0;
  for (const name of sortedNames(tensors)) {
    const { shape, values } = tensors[name]!;
    if (name === "__metadata__" || name === "__proto__") {
      throw new GlofError(
        "bad-argument",
        `serializeSafetensors: expected another tensor name, got "${name}". Rename it.`,
      );
    }
    requireCount("serializeSafetensors", name, shape, values.length);
    const end = at + values.length * itemBytes[dtype];
    header[name] = { dtype, shape, data_offsets: [at, end] };
    at = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  // Padded with spaces so that the tensors begin at a multiple of 8, as the reference writer does.
  const bytes = new Uint8Array(8 + Math.ceil(json.byteLength / 8) * 8).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(bytes.byteLength - 8), true);
  bytes.set(json, 8);
  return bytes;
}

function* tensorParts(tensors: Tensors, { dtype = "F32" }: SafetensorsOptions): Generator<Uint8Array> {
  for (const name of sortedNames(tensors)) {
    const { values } = tensors[name]!;
    const floats = values instanceof Float32Array ? values : Float32Array.from(values);
    const words = dtype === "F32" ? floats : dtype === "F16" ? f32ToF16(floats) : f32ToBf16(floats);
    yield new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  }
}
