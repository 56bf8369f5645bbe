import { extname } from "node:path";
import { writeSafetensors } from "@glof/checkpoint";
import { GlofError } from "@glof/core";
import { writeFileAtomic } from "@glof/core/node";

/** A vector of features and where in the model it comes from. */
export interface FeatureVector {
  /** 0-based block. */
  readonly layer: number;
  readonly pool: string;
  readonly values: Float32Array;
}

/** Patch features of one layer. */
export interface PatchMap {
  readonly layer: number;
  /** [rows, cols, D] */
  readonly shape: readonly [rows: number, cols: number, dim: number];
  readonly values: Float32Array;
}

/** What a file of features may hold. */
export interface FeatureFile {
  readonly vectors: readonly FeatureVector[];
  /** Only safetensors takes them. */
  readonly maps: readonly PatchMap[];
  /** Text for the header of a safetensors file. */
  readonly facts: Readonly<Record<string, string>>;
}

const writers: Readonly<Record<string, (path: string, file: FeatureFile) => Promise<void>>> = {
  ".safetensors": writeTensors,
  ".npy": (path, { vectors }) => writeFileAtomic(path, npyBytes(vectors, path)),
  ".csv": (path, { vectors }) => writeFileAtomic(path, featuresCsv(vectors)),
};

/**
 * Refuses a file name that no writer knows, before any work was done.
 *
 * @throws GlofError `bad-argument`
 */
export function requireFeatureFormat(path: string): void {
  if (Object.hasOwn(writers, extname(path).toLowerCase())) return;
  throw new GlofError(
    "bad-argument",
    `glof features: expected --out to end in ${Object.keys(writers).join(", ")}, got ${path}. Choose one of them.`,
  );
}

/** Writes features in the format that the name's ending tells. */
export async function writeFeatures(path: string, file: FeatureFile): Promise<void> {
  requireFeatureFormat(path);
  await writers[extname(path).toLowerCase()]!(path, file);
}

/** One line per vector: layer, pool, then its numbers. */
export function featuresCsv(vectors: readonly FeatureVector[]): string {
  const longest = Math.max(0, ...vectors.map(({ values }) => values.length));
  const names = Array.from({ length: longest }, (_, index) => `f${index}`);
  const lines = vectors.map(({ layer, pool, values }) => [layer, pool, ...values].join(","));
  return `${[["layer", "pool", ...names].join(","), ...lines].join("\n")}\n`;
}

async function writeTensors(path: string, { vectors, maps, facts }: FeatureFile): Promise<void> {
  const tensors = Object.fromEntries([
    ...vectors.map(({ layer, pool, values }) => [
      `layer${layer}.${pool}`,
      { shape: [values.length], values },
    ]),
    ...maps.map(({ layer, shape, values }) => [`layer${layer}.patches`, { shape, values }]),
  ]);
  await writeSafetensors(path, tensors, { dtype: "F32", metadata: facts });
}

/**
 * The vectors as the rows of one array of 32-bit floats. Format: NumPy's NPY 1.0.
 *
 * @throws GlofError `bad-argument` for vectors of different lengths
 */
function npyBytes(vectors: readonly FeatureVector[], path: string): Uint8Array {
  const width = vectors[0]?.values.length ?? 0;
  if (vectors.some(({ values }) => values.length !== width)) {
    throw new GlofError(
      "bad-argument",
      `glof features: expected vectors of one length for ${path}, got several. Ask for "concat" alone, or write .safetensors.`,
    );
  }
  const preamble = 10;
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${vectors.length}, ${width}), }`;
  // The header ends in a line break at a multiple of 64 bytes.
  const length = Math.ceil((preamble + text.length + 1) / 64) * 64;
  const bytes = new Uint8Array(length + vectors.length * width * 4);
  const view = new DataView(bytes.buffer);
  bytes.set([0x93, ...Buffer.from("NUMPY", "latin1"), 1, 0]);
  view.setUint16(8, length - preamble, true);
  bytes.set(Buffer.from(`${text.padEnd(length - preamble - 1)}\n`, "latin1"), preamble);
  let at = length;
  for (const { values } of vectors) {
    for (const value of values) {
      view.setFloat32(at, value, true);
      at += 4;
    }
  }
  return bytes;
}
