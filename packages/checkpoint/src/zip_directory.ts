import { corrupt, overLimit, unsupported } from "./failures.js";
import type { ByteSource } from "./random_access.js";

/** A stored file of a zip archive. */
export interface ZipEntry {
  readonly path: string;
  readonly byteLength: number;
  /** Where its local header begins. */
  readonly headerOffset: number;
  /** Where the next file or the directory begins: its data must end before. */
  readonly limit: number;
}

const maxDirectoryBytes = 64 << 20;
const maxFiles = 200_000;
const endRecordBytes = 22;
const directoryRecordBytes = 46;
const localHeaderBytes = 30;
const unset32 = 0xffffffff;

interface DirectoryPlace {
  readonly offset: number;
  readonly byteLength: number;
  readonly count: number;
}

/**
 * Reads the central directory of a zip or zip64 archive, from its end, and checks that no two files share bytes.
 * Source: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.3.
 */
export async function readZipDirectory(file: ByteSource): Promise<ReadonlyMap<string, ZipEntry>> {
  const place = await findDirectory(file);
  if (place.byteLength > maxDirectoryBytes) {
    throw overLimit(file.name, "bytes of zip directory", maxDirectoryBytes, place.byteLength);
  }
  if (place.count > maxFiles) throw overLimit(file.name, "files in a zip", maxFiles, place.count);
  const bytes = await file.read(place.offset, place.byteLength);
  const records = parseRecords(file.name, bytes, place.count);
  records.sort((a, b) => a.headerOffset - b.headerOffset);
  const entries = new Map<string, ZipEntry>();
  records.forEach((record, index) => {
    const limit = records[index + 1]?.headerOffset ?? place.offset;
    if (record.headerOffset + localHeaderBytes + record.byteLength > limit) {
      throw corrupt(file.name, `"${record.path}" to end before byte ${limit}`, "files that overlap");
    }
    if (entries.has(record.path)) throw corrupt(file.name, "one file of each name", `"${record.path}" twice`);
    entries.set(record.path, { ...record, limit });
  });
  return entries;
}

/** Where the data of an entry begins: its local header has a length of its own. */
export async function locateZipData(file: ByteSource, entry: ZipEntry): Promise<number> {
  const bytes = await file.read(entry.headerOffset, localHeaderBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (view.getUint32(0, true) !== 0x04034b50) {
    throw corrupt(
      file.name,
      `a file header for "${entry.path}" at byte ${entry.headerOffset}`,
      "something else",
    );
  }
  const start = entry.headerOffset + localHeaderBytes + view.getUint16(26, true) + view.getUint16(28, true);
  if (start + entry.byteLength > entry.limit) {
    throw corrupt(file.name, `"${entry.path}" to end before byte ${entry.limit}`, "files that overlap");
  }
  return start;
}

async function findDirectory(file: ByteSource): Promise<DirectoryPlace> {
  const tailBytes = Math.min(file.size, endRecordBytes + 0xffff);
  const tailStart = file.size - tailBytes;
  const tail = await file.read(tailStart, tailBytes);
  const view = new DataView(tail.buffer, tail.byteOffset);
  for (let at = tailBytes - endRecordBytes; at >= 0; at--) {
    if (view.getUint32(at, true) !== 0x06054b50) continue;
    if (at + endRecordBytes + view.getUint16(at + 20, true) !== tailBytes) continue;
    const count = view.getUint16(at + 10, true);
    const byteLength = view.getUint32(at + 12, true);
    const offset = view.getUint32(at + 16, true);
    if (count !== 0xffff && byteLength !== unset32 && offset !== unset32)
      return { offset, byteLength, count };
    return findZip64Directory(file, tailStart + at);
  }
  throw corrupt(file.name, "a zip directory at the end", "none");
}

async function findZip64Directory(file: ByteSource, endRecordOffset: number): Promise<DirectoryPlace> {
  const locator = await viewOf(file, endRecordOffset - 20, 20);
  if (locator.getUint32(0, true) !== 0x07064b50) throw corrupt(file.name, "a zip64 locator", "none");
  const record = await viewOf(file, safe(file.name, locator.getBigUint64(8, true)), 56);
  if (record.getUint32(0, true) !== 0x06064b50) throw corrupt(file.name, "a zip64 end record", "none");
  return {
    count: safe(file.name, record.getBigUint64(32, true)),
    byteLength: safe(file.name, record.getBigUint64(40, true)),
    offset: safe(file.name, record.getBigUint64(48, true)),
  };
}

async function viewOf(file: ByteSource, offset: number, length: number): Promise<DataView> {
  const bytes = await file.read(offset, length);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function safe(name: string, value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER))
    throw corrupt(name, "an offset inside the file", String(value));
  return Number(value);
}

type Directory = Omit<ZipEntry, "limit">;

function parseRecords(name: string, bytes: Uint8Array, count: number): Directory[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: Directory[] = [];
  let at = 0;
  while (records.length < count) {
    if (at + directoryRecordBytes > bytes.byteLength || view.getUint32(at, true) !== 0x02014b50) {
      throw corrupt(name, `${count} files in the zip directory`, `${records.length}`);
    }
    const pathBytes = view.getUint16(at + 28, true);
    const extraBytes = view.getUint16(at + 30, true);
    const end = at + directoryRecordBytes + pathBytes + extraBytes + view.getUint16(at + 32, true);
    if (end > bytes.byteLength) throw corrupt(name, "whole records in the zip directory", "one cut short");
    const path = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + pathBytes));
    requirePlain(name, path, view, at);
    const extra = new DataView(
      view.buffer,
      view.byteOffset + at + directoryRecordBytes + pathBytes,
      extraBytes,
    );
    records.push({ path, ...readSizes(name, path, view, at, extra) });
    at = end;
  }
  return records;
}

function requirePlain(name: string, path: string, view: DataView, at: number): void {
  if (view.getUint16(at + 8, true) & 1)
    throw unsupported(name, `"${path}" is encrypted`, "Decrypt it first.");
  if (view.getUint16(at + 10, true) !== 0) {
    throw unsupported(
      name,
      `"${path}" is compressed, which torch.save never does`,
      "Unpack it and zip it again without compression (zip -0).",
    );
  }
}

/** Sizes and offset of a record; where one does not fit in 32 bits the zip64 extra field (id 1) holds it. */
function readSizes(
  name: string,
  path: string,
  view: DataView,
  at: number,
  extra: DataView,
): Pick<Directory, "byteLength" | "headerOffset"> {
  const narrow = [
    view.getUint32(at + 24, true),
    view.getUint32(at + 20, true),
    view.getUint32(at + 42, true),
  ];
  const wide = narrow.includes(unset32) ? zip64Field(extra) : undefined;
  let taken = 0;
  const [byteLength, storedLength, headerOffset] = narrow.map((value) => {
    if (value !== unset32) return value;
    if (!wide || taken + 8 > wide.byteLength) throw corrupt(name, `a zip64 size for "${path}"`, "none");
    taken += 8;
    return safe(name, wide.getBigUint64(taken - 8, true));
  }) as [number, number, number];
  if (byteLength !== storedLength) {
    throw corrupt(name, `"${path}" to be stored as it is`, `${storedLength} bytes for ${byteLength}`);
  }
  return { byteLength, headerOffset };
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
