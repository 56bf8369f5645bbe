import { throwIfAborted } from "../../cancellation.js";
import { GlofError } from "../../errors.js";
import { type ByteSource, corruptFile } from "../byte_source.js";
import { crc32 } from "../crc32.js";
import { bufferSource, sliceSource } from "../memory_sources.js";
import { inflateEntry } from "./inflate.js";
import { locateZipData, readZipDirectory, type ZipEntry, type ZipLimits } from "./zip_directory.js";
import { unsupportedZip, zipOverLimit } from "./zip_errors.js";

/** Options of `openZip`. */
export interface OpenZipOptions extends ZipLimits {
  /** Most bytes an entry may have when it is read whole or unpacked; default 1 GiB. */
  readonly maxEntryBytes?: number | undefined;
  /** Most times that an entry of over 1 MiB may grow when unpacked; default 250 (deflate itself ends at 1032). */
  readonly maxRatio?: number | undefined;
  /** Takes a checksum of 0 as "not computed", as `torch.save` writes it on request; default false. */
  readonly zeroCrcIsNone?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An open archive. Paths are the keys; folders have entries only where the archive does. */
export interface ZipArchive {
  readonly name: string;
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /** The entry of this path. Throws `not-found`. */
  entry(path: string): ZipEntry;
  /** Where a stored entry's bytes begin in the file. */
  locate(entry: ZipEntry, signal?: AbortSignal): Promise<number>;
  /** A whole entry, checksum checked. Throws `limit-exceeded`, `corrupt-file`. */
  read(
    entry: ZipEntry,
    options?: { readonly maxBytes?: number; readonly signal?: AbortSignal },
  ): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * An entry for random access: a stored one by reads of the file, a deflated one unpacked into memory once. Closing it
   * leaves the archive open.
   */
  open(entry: ZipEntry, options?: { readonly signal?: AbortSignal }): Promise<ByteSource>;
  /** Closes the file below. */
  close(): Promise<void>;
}

/**
 * Opens a zip or zip64 archive. Only the directory is read. Nothing is ever written to a disk, but paths are checked as
 * if it were: `..`, absolute paths, backslashes, zero bytes, links, entries that overlap or share a name, and encrypted
 * or split archives are refused.
 *
 * @throws GlofError `corrupt-file`, `unsupported-feature`, `limit-exceeded`, and the errors of reading
 */
export async function openZip(file: ByteSource, options: OpenZipOptions = {}): Promise<ZipArchive> {
  const { maxEntryBytes = 2 ** 30, maxRatio = 250, zeroCrcIsNone = false } = options;
  const entries = await readZipDirectory(file, options, options.signal);
  const locate = (entry: ZipEntry, signal?: AbortSignal) => locateZipData(file, entry, signal);
  const read: ZipArchive["read"] = async (entry, { maxBytes = maxEntryBytes, signal } = {}) => {
    requireModest(file.name, entry, maxBytes, maxRatio);
    const bytes = await readEntry(file, entry, await locate(entry, signal), signal);
    if (!(zeroCrcIsNone && entry.crc32 === 0)) requireCrc32(file.name, entry, bytes);
    return bytes;
  };
  return {
    name: file.name,
    entries,
    entry: (path) => findEntry(file.name, entries, path),
    locate,
    read,
    open: async (entry, { signal } = {}) => {
      const name = `${file.name}/${entry.path}`;
      if (entry.method === "deflated")
        return bufferSource(name, await read(entry, { ...(signal && { signal }) }));
      return sliceSource(file, name, await locate(entry, signal), entry.byteLength);
    },
    close: () => file.close(),
  };
}

/**
 * Checks the bytes of an entry against its checksum.
 *
 * @throws GlofError `corrupt-file`
 */
export function requireCrc32(name: string, entry: ZipEntry, bytes: Uint8Array): void {
  const got = crc32(bytes);
  if (got === entry.crc32) return;
  throw corruptFile(name, `"${entry.path}" to have checksum ${hex(entry.crc32)}`, hex(got));
}

const hex = (value: number): string => value.toString(16).padStart(8, "0");

function findEntry(name: string, entries: ReadonlyMap<string, ZipEntry>, path: string): ZipEntry {
  const found = entries.get(path);
  if (found) return found;
  throw new GlofError("not-found", `${name}: expected "${path}" in the zip, got none. Check the archive.`, {
    file: name,
  });
}

function requireModest(name: string, entry: ZipEntry, maxBytes: number, maxRatio: number): void {
  const { path, byteLength, storedLength } = entry;
  if (entry.isFolder) throw unsupportedZip(name, `"${path}" is a folder`, "Read the files in it.");
  if (byteLength > maxBytes) throw zipOverLimit(name, `bytes in "${path}"`, maxBytes, byteLength);
  if (byteLength > 1 << 20 && byteLength > storedLength * maxRatio) {
    throw zipOverLimit(
      name,
      `times its packed size of "${path}"`,
      maxRatio,
      (byteLength / storedLength).toFixed(0),
    );
  }
}

async function readEntry(
  file: ByteSource,
  entry: ZipEntry,
  start: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  if (entry.method === "stored") return file.read(start, entry.byteLength, signal);
  const bytes = new Uint8Array(entry.byteLength);
  let at = 0;
  for await (const piece of inflateEntry(file, entry, start, signal)) {
    throwIfAborted(signal, file.name);
    bytes.set(piece, at);
    at += piece.byteLength;
  }
  return bytes;
}
