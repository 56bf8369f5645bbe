import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Checkpoint, openCheckpoint } from "@glof/checkpoint";
import type { SideCheck } from "../../case.js";

interface StatedTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Of its values as little-endian f32. */
  readonly sha256_f32_le: string;
}

type Formats = Readonly<Record<string, { readonly tensors: Readonly<Record<string, StatedTensor>> }>>;

const dtypeWords: Readonly<Record<string, string>> = {
  F64: "float64",
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
  I64: "int64",
  I32: "int32",
  I16: "int16",
  I8: "int8",
  U8: "uint8",
  BOOL: "bool",
};

/** Every checkpoint of `formats.json`: names, dtypes, shapes and values by their hash. */
export async function checkpointChecks(folder: string): Promise<SideCheck[]> {
  const path = join(folder, "formats.json");
  if (!existsSync(path)) return [];
  const formats = JSON.parse(await readFile(path, "utf8")) as Formats;
  return Object.entries(formats).map(([file, { tensors }]) => ({
    id: file,
    kind: "checkpoint",
    run: async () => {
      const checkpoint = await openCheckpoint(join(folder, file));
      try {
        await compareTensors(checkpoint, tensors);
      } finally {
        await checkpoint.close();
      }
    },
  }));
}

async function compareTensors(
  checkpoint: Checkpoint,
  tensors: Readonly<Record<string, StatedTensor>>,
): Promise<void> {
  const unknown = [...checkpoint.entries.keys()].filter((name) => !Object.hasOwn(tensors, name));
  if (unknown.length > 0) throw new Error(`more tensors than stated: ${unknown.join(", ")}`);
  for (const [name, stated] of Object.entries(tensors)) {
    const entry = checkpoint.entries.get(name);
    const got = entry && `${dtypeWords[entry.dtype]} [${entry.shape}]`;
    const want = `${stated.dtype} [${stated.shape}]`;
    if (got !== want) throw new Error(`${name}: got ${got ?? "nothing"}, want ${want}`);
    const { buffer, byteOffset, byteLength } = await checkpoint.readFloat32(name);
    const hash = createHash("sha256")
      .update(new Uint8Array(buffer, byteOffset, byteLength))
      .digest("hex");
    if (hash !== stated.sha256_f32_le) throw new Error(`${name}: other values than stated`);
  }
}
