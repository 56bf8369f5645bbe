import { GlofError } from "@glof/core";
import {
  type ByteCounter,
  LARGEST_ONNX_BYTES,
  type OnnxLayout,
  onnxLayout,
  progressCounter,
  readStored,
  type SerializeOnnxOptions,
} from "./serialize.js";
import type { OnnxModel } from "./types.js";

/** Options of `writeOnnx`. */
export interface WriteOnnxOptions extends SerializeOnnxOptions {
  /**
   * Put weights into a second file, `<name>.data`, beside the model's. Default: where the whole would reach 2 GiB, which
   * is the most that one file of ONNX can hold.
   */
  readonly externalData?: boolean | undefined;
  /** Replace earlier files. Default false. */
  readonly overwrite?: boolean | undefined;
}

/**
 * Writes a model (Node), one tensor in memory at a time. The files appear all together, only when they are whole.
 *
 * @returns paths of the files, the model's first
 * @throws GlofError `already-exists` without `overwrite`; `limit-exceeded` when `externalData` is false and the model is
 * too large for one file; `shape-mismatch`; `aborted`; `no-space`, `not-writable`, `io`; what reading the weights throws
 */
export async function writeOnnx(
  path: string,
  model: OnnxModel,
  options: WriteOnnxOptions = {},
): Promise<string[]> {
  const { basename, dirname, join } = await import("node:path");
  const { asGlofError, beginFileSet } = await import("@glof/core/node");
  const name = basename(path);
  const { externalData = onnxLayout(model).byteLength > LARGEST_ONNX_BYTES, overwrite = false } = options;
  const dataName = `${name}.data`;
  const layout = onnxLayout(model, externalData ? dataName : undefined);
  if (layout.byteLength > LARGEST_ONNX_BYTES) throw tooLarge(path, layout.byteLength);
  const names = externalData ? [name, dataName] : [name];
  const files = await beginFileSet(dirname(path), names, { overwrite });
  try {
    const count = progressCounter(model, options);
    await asGlofError(path, () => writePieces(files.pathOf(name), layout.pieces(count)));
    if (externalData) await asGlofError(path, () => writeNumbers(files.pathOf(dataName), layout, count));
    await files.commit();
  } finally {
    await files.abandon();
  }
  return names.map((one) => join(dirname(path), one));
}

async function writePieces(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const { open } = await import("node:fs/promises");
  const file = await open(path, "wx");
  try {
    for await (const piece of pieces) await file.writeFile(piece);
  } finally {
    await file.close();
  }
}

/** Numbers outside the model's file, each at its place; the holes between them stay empty. */
async function writeNumbers(path: string, { places }: OnnxLayout, count: ByteCounter): Promise<void> {
  const { open } = await import("node:fs/promises");
  const file = await open(path, "wx");
  try {
    for (const [stored, { offset }] of places) {
      const bytes = count(await readStored(stored));
      for (let at = 0; at < bytes.length; ) {
        at += (await file.write(bytes, at, bytes.length - at, offset + at)).bytesWritten;
      }
    }
  } finally {
    await file.close();
  }
}

function tooLarge(path: string, byteLength: number): GlofError {
  return new GlofError(
    "limit-exceeded",
    `writeOnnx(${path}): expected less than 2 GiB in one file, got ${byteLength} bytes. Leave out externalData: false.`,
    { byteLength },
  );
}
