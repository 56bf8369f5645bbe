import { GlofError } from "@glof/core";
import type { ZarrArray, ZarrModule } from "./zarr_module.js";

type Json = Readonly<Record<string, unknown>>;

const objectOf = (value: unknown): Json =>
  typeof value === "object" && value !== null ? (value as Json) : {};
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Whether an array has sizes that an array can have; zarrita passes on whatever the metadata holds. */
export function hasSoundShape({ shape, chunks, dtype, attrs }: ZarrArray): boolean {
  const isList = (sizes: unknown, least: number): boolean =>
    Array.isArray(sizes) && sizes.every((size) => Number.isSafeInteger(size) && size >= least);
  const isSized = isList(shape, 0) && isList(chunks, 1) && shape.length === chunks.length;
  return isSized && typeof dtype === "string" && typeof attrs === "object" && attrs !== null;
}

/**
 * Refuses codecs that zarrita does not have, before it meets them: several at once reject promises of its that nobody
 * awaits, and that ends a Node process.
 *
 * @param metadata of the array: `.zarray` or `zarr.json`
 * @throws GlofError `unsupported-feature`
 */
export function requireKnownCodecs({ registry }: ZarrModule, metadata: unknown, name: string): void {
  if (registry === undefined) return;
  const unknown = codecNames(metadata, 0).filter((codec) => !registry.has(codec));
  if (unknown.length === 0) return;
  throw new GlofError(
    "unsupported-feature",
    `${name}: expected chunks packed by codecs of zarrita, got ${unknown.join(", ").slice(0, 200)}. Rechunk the file with zlib or zstd.`,
    { name, codecs: unknown },
  );
}

/** Names as the registry has them, also of the codecs within shards. */
function codecNames(metadata: unknown, depth: number): string[] {
  const { codecs, index_codecs, compressor, filters } = objectOf(metadata);
  const second = [
    ...listOf(filters),
    ...(compressor === null || compressor === undefined ? [] : [compressor]),
  ];
  const third = [...listOf(codecs), ...listOf(index_codecs)];
  return [
    ...second.map((codec) => `numcodecs.${String(objectOf(codec).id)}`),
    ...third.flatMap((codec) => {
      const { name, configuration } = objectOf(codec);
      return [String(name), ...(depth < 4 ? codecNames(configuration, depth + 1) : [])];
    }),
  ];
}
