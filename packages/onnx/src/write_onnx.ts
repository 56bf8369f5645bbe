import { GlofError } from "@glof/core";
import {
  LARGEST_ONNX_BYTES,
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
  const { open } = await import("node:fs/promises");
  const { basename, dirname, join } = await import("node:path");
  const { asGlofError, beginFileSet } = await import("@glof/core/node");
  const name = basename(path);
  const { externalData = onnxLayout(model).byteLength > LARGEST_ONNX_BYTES, overwrite = false } = options;
  const dataName = externalData ? `${name}.data` : undefined;
  const layout = onnxLayout(model, dataName);
  if (layout.byteLength > LARGEST_ONNX_BYTES) throw tooLarge(path, layout.byteLength);
  const names = dataName === undefined ? [name] : [name, dataName];
  const files = await beginFileSet(dirname(path), names, { overwrite });
  try {
    await asGlofError(path, async () => {
      const file = await open(files.pathOf(name), "wx");
      try {
        for await (const piece of layout.pieces(options)) await file.writeFile(piece);
      } finally {
        await file.close();
      }
      if (dataName === undefined) return;
      const data = await open(files.pathOf(dataName), "wx");
      try {
        const count = progressCounter(model, options);
        for (const [stored, { offset }] of layout.places) {
          const bytes = count(await readStored(stored));
          for (let at = 0; at < bytes.length; ) {
            at += (await data.write(bytes, at, bytes.length - at, offset + at)).bytesWritten;
          }
        }
      } finally {
        await data.close();
      }
    });
    await files.commit();
  } finally {
    await files.abandon();
  }
  return names.map((one) => join(dirname(path), one));
}

function tooLarge(path: string, byteLength: number): GlofError {
  return new GlofError(
    "limit-exceeded",
    `writeOnnx(${path}): expected less than 2 GiB in one file, got ${byteLength} bytes. Leave out externalData: false.`,
    { byteLength },
  );
}
