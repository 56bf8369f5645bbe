import { open, readdir, stat } from "node:fs/promises";
import { asGlofError } from "@glof/core/node";

/** What `glof inspect` was pointed at, as far as a first look goes. */
export interface InspectedPath {
  /** As typed: a file, a folder or an address. */
  readonly path: string;
  readonly isFolder: boolean;
  /** Names in the folder; empty for files. */
  readonly names: readonly string[];
  /** The first bytes, at most 512; empty for folders and addresses. */
  readonly start: Uint8Array;
}

/** What is said of it. */
export interface Inspection {
  /** For people. */
  readonly lines: readonly string[];
  /** For programs: plain JSON. */
  readonly json: unknown;
}

/** Options of every kind. */
export interface InspectOptions {
  /** List everything, folding nothing. */
  readonly all: boolean;
  /** Look at pixels of files on the web too. */
  readonly pixels: boolean;
  readonly signal: AbortSignal;
}

/** One kind of thing that can be inspected. */
export interface InspectKind {
  /** For the message of what is known, such as `weights (.safetensors, .pth)`. */
  readonly title: string;
  /** Tells from the first look; the first kind of the table that says yes inspects. */
  recognises(input: InspectedPath): boolean | Promise<boolean>;
  /** @throws GlofError */
  inspect(input: InspectedPath, options: InspectOptions): Promise<Inspection>;
}

const startBytes = 512;

/** The first look at a path. An address is told by its name alone. */
export async function lookAt(path: string): Promise<InspectedPath> {
  const nothing = { path, isFolder: false, names: [], start: new Uint8Array(0) };
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(path)) return nothing;
  return asGlofError(path, async () => {
    if ((await stat(path)).isDirectory()) return { ...nothing, isFolder: true, names: await readdir(path) };
    const file = await open(path, "r");
    try {
      const { buffer, bytesRead } = await file.read(new Uint8Array(startBytes), 0, startBytes, 0);
      return { ...nothing, start: buffer.subarray(0, bytesRead) };
    } finally {
      await file.close();
    }
  });
}

/** Whether a file begins with these bytes. */
export const beginsWith = (start: Uint8Array, bytes: readonly number[]): boolean =>
  bytes.every((byte, index) => start[index] === byte);
