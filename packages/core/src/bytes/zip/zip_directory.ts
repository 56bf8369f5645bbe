import { type ByteSource, corruptFile } from "../byte_source.js";
import { findDirectory, safeNumber } from "./zip_end.js";
import { unsupportedZip, zipOverLimit } from "./zip_errors.js";
import { requirePlainFile, requireSafePath } from "./zip_paths.js";

/** A file or folder of a zip archive, as its directory tells. */
export interface ZipEntry {
  /** Relative, with `/`; a folder's ends with one. */
  readonly path: string;
  readonly isFolder: boolean;
  /** Size when unpacked. */
  readonly byteLength: number;
  /** Size in the archive. */
  readonly storedLength: number;
  readonly method: "stored" | "deflated";
  readonly crc32: number;
  /** Where its local header begins. */
  readonly headerOffset: number;
  /** Where the next file or the directory begins: its data must end before. */
  readonly limit: number;
}

/** Limits of a directory. */
export interface ZipLimits {
  /** Default 200 000. */
  readonly maxEntries?: number | undefined;
  /** Default 64 MiB. */
  readonly maxDirectoryBytes?: number | undefined;
}

const directoryRecordBytes = 46;
const localHeaderBytes = 30;
const unset32 = 0xffffffff;
const methods = new Map([
  [0, "stored"],
  [8, "deflated"],
] as const);

/**
 * Reads the central directory of a zip or zip64 archive, from its end, and checks that no two files share bytes or a
 * name, that none leads outside, and that all can be read.
 * Source: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.3.
 */
export async function readZipDirectory(
  file: ByteSource,
  { maxEntries = 200_000, maxDirectoryBytes = 64 << 20 }: ZipLimits = {},
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, ZipEntry>> {
  const place = await findDirectory(file, signal);
  if (place.byteLength > maxDirectoryBytes) {
    throw zipOverLimit(file.name, "bytes of zip directory", maxDirectoryBytes, place.byteLength);
  }
  if (place.count > maxEntries) throw zipOverLimit(file.name, "files in a zip", maxEntries, place.count);
  const bytes = await file.read(place.offset, place.byteLength, signal);
  const records = parseRecords(file.name, bytes, place.count);
  records.sort((a, b) => a.headerOffset - b.headerOffset);
  const entries = new Map<string, ZipEntry>();
  const plainNames = new Set<string>();
  records.forEach((record, index) => {
    const limit = records[index + 1]?.headerOffset ?? place.offset;
    if (record.headerOffset + localHeaderBytes + record.storedLength > limit) {
      throw corruptFile(file.name, `"${record.path}" to end before byte ${limit}`, "files that overlap");
    }
    const plain = record.path.replace(/\/$/, "");
    if (plainNames.has(plain)) throw corruptFile(file.name, "one file of each name", `"${plain}" twice`);
    plainNames.add(plain);
    entries.set(record.path, { ...record, limit });
  });
  return entries;
}

/** Where the data of an entry begins: its local header has a length of its own, and must agree with the directory. */
export async function locateZipData(
  file: ByteSource,
  entry: ZipEntry,
  signal?: AbortSignal,
): Promise<number> {
  const { path, headerOffset } = entry;
  const name = new TextEncoder().encode(path);
  const room = Math.min(localHeaderBytes + name.length, entry.limit - headerOffset);
  const bytes = await file.read(headerOffset, room, signal);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== 0x04034b50) {
    throw corruptFile(file.name, `a file header for "${path}" at byte ${headerOffset}`, "something else");
  }
  const nameBytes = view.getUint16(26, true);
  const shown = new TextDecoder().decode(bytes.subarray(localHeaderBytes, localHeaderBytes + nameBytes));
  // A name that is not UTF-8 has another length here than there; only its bytes could be compared.
  if (!path.includes("\ufffd") && shown !== path) {
    throw corruptFile(file.name, `the header of "${path}"`, `that of "${shown.slice(0, 100)}"`);
  }
  const start = headerOffset + localHeaderBytes + nameBytes + view.getUint16(28, true);
  if (start + entry.storedLength > entry.limit) {
    throw corruptFile(file.name, `"${path}" to end before byte ${entry.limit}`, "files that overlap");
  }
  return start;
}

type Directory = Omit<ZipEntry, "limit">;

function parseRecords(name: string, bytes: Uint8Array, count: number): Directory[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: Directory[] = [];
  let at = 0;
  while (records.length < count) {
    if (at + directoryRecordBytes > bytes.byteLength || view.getUint32(at, true) !== 0x02014b50) {
      throw corruptFile(name, `${count} files in the zip directory`, `${records.length}`);
    }
    const pathBytes = view.getUint16(at + 28, true);
    const extraBytes = view.getUint16(at + 30, true);
    const extraAt = at + directoryRecordBytes + pathBytes;
    const end = extraAt + extraBytes + view.getUint16(at + 32, true);
    if (end > bytes.byteLength)
      throw corruptFile(name, "whole records in the zip directory", "one cut short");
    const path = new TextDecoder().decode(bytes.subarray(at + directoryRecordBytes, extraAt));
    const record = new DataView(view.buffer, view.byteOffset + at, directoryRecordBytes);
    const extra = new DataView(view.buffer, view.byteOffset + extraAt, extraBytes);
    records.push(parseRecord(name, path, record, extra));
    at = end;
  }
  return records;
}

function parseRecord(name: string, path: string, record: DataView, extra: DataView): Directory {
  requireSafePath(name, path);
  requirePlainFile(name, path, record.getUint32(38, true) >>> 16);
  if (record.getUint16(8, true) & 0x2041) {
    throw unsupportedZip(name, `"${path}" is encrypted`, "Decrypt it first.");
  }
  const method = methods.get(record.getUint16(10, true) as 0 | 8);
  if (!method) {
    const number = record.getUint16(10, true);
    throw unsupportedZip(name, `"${path}" is compressed by method ${number}`, "Zip it again with deflate.");
  }
  const sizes = readSizes(name, path, record, extra);
  if (method === "stored" && sizes.byteLength !== sizes.storedLength) {
    throw corruptFile(
      name,
      `"${path}" to be stored as it is`,
      `${sizes.storedLength} bytes for ${sizes.byteLength}`,
    );
  }
  return { path, isFolder: path.endsWith("/"), method, crc32: record.getUint32(16, true), ...sizes };
}

/** Sizes and offset of a record; where one does not fit in 32 bits the zip64 extra field (id 1) holds it. */
function readSizes(
  name: string,
  path: string,
  record: DataView,
  extra: DataView,
): Pick<Directory, "byteLength" | "storedLength" | "headerOffset"> {
  const narrow = [record.getUint32(24, true), record.getUint32(20, true), record.getUint32(42, true)];
  const wide = narrow.includes(unset32) ? zip64Field(extra) : undefined;
  let taken = 0;
  const [byteLength, storedLength, headerOffset] = narrow.map((value) => {
    if (value !== unset32) return value;
    if (!wide || taken + 8 > wide.byteLength) throw corruptFile(name, `a zip64 size for "${path}"`, "none");
    taken += 8;
    return safeNumber(name, wide.getBigUint64(taken - 8, true));
  }) as [number, number, number];
  return { byteLength, storedLength, headerOffset };
}

function zip64Field(extra: DataView): DataView | undefined {
  for (let at = 0; at + 4 <= extra.byteLength; ) {
    const size = extra.getUint16(at + 2, true);
    if (at + 4 + size > extra.byteLength) return undefined;
    if (extra.getUint16(at, true) === 1) return new DataView(extra.buffer, extra.byteOffset + at + 4, size);
    at += 4 + size;
  }
  return undefined;
}
