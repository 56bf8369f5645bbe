import { GlofError } from "@glof/core";
import { inNode, loadModule } from "../../node_only.js";

/** What zarrita asks a store for. */
export interface ZarrKeys {
  get(key: `/${string}`): Promise<Uint8Array | undefined>;
}

/** What this package uses of a zarrita array. */
export interface ZarrArray {
  readonly kind: "array" | "group";
  readonly shape: number[];
  readonly chunks: number[];
  readonly dtype: string;
  readonly fillValue: unknown;
  readonly dimensionNames: string[] | undefined;
  readonly attrs: Readonly<Record<string, unknown>>;
}

/** What this package uses of the module `zarrita`. */
export interface ZarrModule {
  root(store: ZarrKeys): { resolve(path: string): unknown };
  readonly open: ((location: unknown, options: { kind: "array" }) => Promise<ZarrArray>) & {
    v2(location: unknown, options: { kind: "array" }): Promise<ZarrArray>;
    v3(location: unknown, options: { kind: "array" }): Promise<ZarrArray>;
  };
  /** Its codecs by name. */
  readonly registry?: { has(codec: string): boolean };
  slice(start: number, stop: number): unknown;
  get(array: ZarrArray, selection: unknown[], options?: { signal?: AbortSignal }): Promise<unknown>;
}

/**
 * Loads the optional peer `zarrita`.
 *
 * @throws GlofError `unsupported-feature` when it is not installed
 */
export async function loadZarr(given: unknown): Promise<ZarrModule> {
  if (given !== undefined) return given as ZarrModule;
  try {
    return (await loadModule("zarrita")) as ZarrModule;
  } catch (error) {
    const advice = inNode()
      ? "Run: npm install zarrita"
      : 'In a page, give the module: openRaster(url, { peers: { zarrita: await import("zarrita") } })';
    throw new GlofError(
      "unsupported-feature",
      `openRaster: expected the optional package zarrita to read Zarr, got none. ${advice}.`,
      { cause: error },
    );
  }
}
