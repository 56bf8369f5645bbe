import { GlofError } from "@glof/core";
import { inNode, loadModule } from "../../node_only.js";

/** What this package uses of an `h5wasm` file, group or dataset. */
export interface Hdf5Object {
  /** `"Group"`, `"Dataset"`, or a kind of link. */
  readonly type?: string;
  keys?(): string[];
  get?(name: string): Hdf5Object | null;
  readonly attrs?: Readonly<Record<string, { readonly value: unknown }>>;
  readonly shape?: readonly number[] | null;
  readonly dtype?: unknown;
  readonly value?: unknown;
  readonly metadata?: {
    readonly type: number;
    readonly size: number;
    readonly signed: boolean;
    readonly chunks: readonly number[] | null;
    readonly virtual_sources?: readonly unknown[];
  };
  slice?(ranges: (readonly [number, number])[]): unknown;
  get_attached_scales?(dimension: number): string[];
  close?(): unknown;
}

/** What this package uses of the module `h5wasm`. */
export interface Hdf5Module {
  readonly ready: Promise<{
    /** HDF5's failures become errors of JavaScript, in place of lines on the console. */
    activate_throwing_error_handler(): unknown;
    readonly FS: {
      writeFile(path: string, bytes: Uint8Array): void;
      unlink(path: string): void;
    };
  }>;
  readonly File: new (path: string, mode: "r") => Hdf5Object;
}

/** How often a copy of the module was given up, for addresses that are imported anew. */
let givenUp = 0;

/**
 * Whether HDF5 itself broke, and not the file in its eyes: damaged files leave pieces in its memory, and when that is
 * full or spoilt every later call traps. The next file is then read by a new copy of the module, where one can be had.
 */
export function isBrokenModule(error: unknown): boolean {
  if (!(error instanceof WebAssembly.RuntimeError)) return false;
  givenUp++;
  return true;
}

/** The address of a copy that no file has been read with; in places that cannot tell addresses, the old one. */
function freshName(name: string): string {
  if (givenUp === 0 || typeof import.meta.resolve !== "function") return name;
  return `${import.meta.resolve(name)}?copy=${givenUp}`;
}

/**
 * Loads the optional peer `h5wasm`: its Node build, which reads the disk itself, or the one that keeps files in memory.
 *
 * @throws GlofError `unsupported-feature` when it is not installed
 */
export async function loadHdf5(kind: "disk" | "memory", given: unknown): Promise<Hdf5Module> {
  if (given !== undefined && kind === "memory") return given as Hdf5Module;
  const name = kind === "disk" ? "h5wasm/node" : "h5wasm";
  try {
    return (await loadModule(freshName(name))) as Hdf5Module;
  } catch (error) {
    const advice = inNode()
      ? "Run: npm install h5wasm"
      : 'In a page, give the module: openRaster(file, { peers: { h5wasm: await import("h5wasm") } })';
    throw new GlofError(
      "unsupported-feature",
      `openRaster: expected the optional package h5wasm to read NetCDF-4 and HDF5, got none. ${advice}.`,
      { cause: error },
    );
  }
}
