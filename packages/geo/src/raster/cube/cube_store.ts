import type { RasterArray, RasterDtype } from "../../types.js";

/** Value of an attribute; lists of one element come as the element. */
export type CubeAttribute = string | number | readonly (string | number)[];

/** A variable of a NetCDF or Zarr file: an array with named dimensions. */
export interface CubeVariable {
  /** Path without a leading slash: `band_data`, `group/band_data`. */
  readonly name: string;
  readonly dimensions: readonly string[];
  readonly shape: readonly number[];
  /** Shape of the stored pieces, when the file is chunked. */
  readonly chunks: readonly number[] | undefined;
  /** What pixels are read as; `undefined` for texts, structures and other things that no raster holds. */
  readonly dtype: RasterDtype | undefined;
  /** The file's own name of the type, for messages. */
  readonly storedType: string;
  readonly attributes: Readonly<Record<string, CubeAttribute>>;
  /** A box of values in C order; one start and count per dimension, all inside. */
  read(start: readonly number[], count: readonly number[], signal?: AbortSignal): Promise<RasterArray>;
  /** All values as texts, for variables of texts. */
  readTexts(): Promise<readonly string[]>;
}

/** An open file of named arrays. */
export interface CubeStore {
  readonly name: string;
  readonly variables: readonly CubeVariable[];
  close(): Promise<void>;
}

/** The attribute as text, if it is one. */
export function textAttribute(variable: CubeVariable | undefined, name: string): string | undefined {
  const value = variable?.attributes[name];
  return typeof value === "string" ? value : undefined;
}

/** The attribute as a number, if it is one. */
export function numberAttribute(variable: CubeVariable | undefined, name: string): number | undefined {
  const value = variable?.attributes[name];
  return typeof value === "number" ? value : undefined;
}

/** The variable of a name, looked for in the group of `near` first, then in the groups around it (CF 1.11, 2.7). */
export function findVariable(
  variables: readonly CubeVariable[],
  name: string,
  near: CubeVariable,
): CubeVariable | undefined {
  if (name.startsWith("/")) return variables.find((variable) => variable.name === name.slice(1));
  const groups = near.name.split("/").slice(0, -1);
  for (let depth = groups.length; depth >= 0; depth--) {
    const path = [...groups.slice(0, depth), name].join("/");
    const found = variables.find((variable) => variable.name === path);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Numbers and texts, single or in lists; nothing else is kept. */
export function toAttribute(value: unknown): CubeAttribute | undefined {
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "string" || typeof value === "number") return value;
  const list = ArrayBuffer.isView(value) ? Array.from(value as unknown as ArrayLike<unknown>) : value;
  if (!Array.isArray(list)) return undefined;
  const entries = list.map((entry) => (typeof entry === "bigint" ? Number(entry) : entry));
  if (!entries.every((entry) => typeof entry === "string" || typeof entry === "number")) return undefined;
  return entries.length === 1 ? entries[0] : entries;
}
