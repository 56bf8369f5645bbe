import { readFile } from "node:fs/promises";
import { GlofError } from "@glof/core";
import { unzipSync } from "fflate";

/** An array of a NumPy .npz archive. */
export interface NpyArray {
  readonly shape: readonly number[];
  readonly values: Float32Array | Uint8Array;
}

/** Reads every array of a NumPy .npz archive: float32 and uint8, C order, little-endian (NumPy enhancement proposal 1). */
export async function readNpz(path: string): Promise<Record<string, NpyArray>> {
  const files = unzipSync(new Uint8Array(await readFile(path)));
  return Object.fromEntries(
    Object.entries(files).map(([name, bytes]) => [
      name.replace(/\.npy$/, ""),
      parseNpy(bytes, `${path}/${name}`),
    ]),
  );
}

function parseNpy(bytes: Uint8Array, name: string): NpyArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = bytes[6]! >= 2;
  const headerStart = wide ? 12 : 10;
  const headerEnd = headerStart + (wide ? view.getUint32(8, true) : view.getUint16(8, true));
  const header = new TextDecoder().decode(bytes.subarray(headerStart, headerEnd));
  const dtype = /'descr': '([^']+)'/.exec(header)?.[1];
  const shape = (/'shape': \(([^)]*)\)/.exec(header)?.[1] ?? "")
    .split(",")
    .filter((text) => text.trim() !== "")
    .map(Number);
  if (header.includes("'fortran_order': True")) {
    throw new GlofError("unsupported-feature", `${name}: expected C order, got Fortran order.`);
  }
  const content = bytes.slice(headerEnd);
  if (dtype === "<f4") return { shape, values: new Float32Array(content.buffer) };
  if (dtype === "|u1") return { shape, values: content };
  throw new GlofError("bad-dtype", `${name}: expected float32 or uint8, got ${dtype}.`);
}
