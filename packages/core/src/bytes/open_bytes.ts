import { throwIfAborted } from "../cancellation.js";
import { GlofError } from "../errors.js";
import type { ByteSource } from "./byte_source.js";
import { openFileSource } from "./file_source.js";
import type { HttpSourceOptions } from "./http_options.js";
import { openHttpSource } from "./http_source.js";
import { blobSource, bufferSource } from "./memory_sources.js";

/** What can be opened for random access. */
export type BytesLike = string | URL | Blob | ArrayBuffer | Uint8Array;

/** Options of `openBytes`. */
export interface OpenBytesOptions {
  /** Shown in messages instead of the path or address. */
  readonly name?: string | undefined;
  /** Cancels the opening, and every read that brings no signal of its own. */
  readonly signal?: AbortSignal | undefined;
  /** How addresses are fetched. */
  readonly http?: HttpSourceOptions | undefined;
}

/**
 * Opens a path, an address, a Blob or bytes for random access. A string that begins with `http:` or `https:` is an
 * address, and so is a `blob:` one of a page; any other string is a path in Node, and in a page an address relative to
 * it. A `URL` may also be of a `file:`.
 *
 * @throws GlofError `not-found`, `io`, `network`, `bad-argument` (another protocol), `limit-exceeded`, `aborted`
 */
export async function openBytes(source: BytesLike, options: OpenBytesOptions = {}): Promise<ByteSource> {
  const { signal } = options;
  throwIfAborted(signal, options.name ?? "openBytes");
  const opened = await openKind(source, options);
  if (!signal) return opened;
  return {
    ...opened,
    read: async (offset, length, own, spare) => {
      throwIfAborted(signal, opened.name);
      return opened.read(offset, length, own ?? signal, spare);
    },
  };
}

function openKind(
  source: BytesLike,
  { name, signal, http }: OpenBytesOptions,
): ByteSource | Promise<ByteSource> {
  if (source instanceof Uint8Array) return bufferSource(name ?? "buffer", source);
  if (source instanceof ArrayBuffer) return bufferSource(name ?? "buffer", new Uint8Array(source));
  if (typeof Blob !== "undefined" && source instanceof Blob)
    return blobSource(name ?? blobName(source), source);
  if (typeof source !== "string" && !(source instanceof URL)) {
    throw new GlofError(
      "bad-argument",
      `openBytes: expected a path, an address, a Blob or bytes, got ${typeof source}. Pass one of those.`,
    );
  }
  const address = addressOf(source);
  if (!address) return openFileSource(source, name);
  if (address.protocol === "blob:") return openObjectUrl(address, name);
  return openHttpSource(address, { name, signal, http });
}

/**
 * The web address of a source, or undefined for a path of this machine.
 *
 * @throws GlofError `bad-argument` for text that names another protocol: `ftp:`, `file:` (give the path, or a `URL`)
 */
export function addressOf(source: string | URL): URL | undefined {
  if (source instanceof URL) return source.protocol === "file:" ? undefined : source;
  if (/^(https?|blob):/i.test(source)) return parse(source);
  // One letter is a drive of Windows.
  const other = /^([a-z][a-z\d+.-]+):\/\//i.exec(source) ?? /^(data|file):/i.exec(source);
  if (other) {
    throw new GlofError(
      "bad-argument",
      `${source.slice(0, 100)}: expected a path or an http: or https: address, got ${other[1]!.toLowerCase()}:. ` +
        "Give the path of a file of this machine, or download the file first.",
    );
  }
  // Pages and workers have a location, Node has none.
  if (typeof location !== "undefined") return new URL(source, location.href);
  return undefined;
}

function parse(text: string): URL {
  try {
    return new URL(text);
  } catch (cause) {
    throw new GlofError("bad-argument", `${text.slice(0, 100)}: expected an address, got none. Check it.`, {
      cause,
    });
  }
}

/** A page's name for bytes it already holds. */
async function openObjectUrl(address: URL, name = "blob"): Promise<ByteSource> {
  try {
    return blobSource(name, await (await fetch(address)).blob());
  } catch (cause) {
    throw new GlofError(
      "not-found",
      `${name}: expected a Blob of this page, got none. Make its address again.`,
      {
        cause,
      },
    );
  }
}

const blobName = (blob: Blob): string =>
  "name" in blob && typeof blob.name === "string" ? blob.name : "blob";
