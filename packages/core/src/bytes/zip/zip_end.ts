import { type ByteSource, corruptFile } from "../byte_source.js";
import { unsupportedZip } from "./zip_errors.js";

/** Where the central directory of an archive lies. */
export interface DirectoryPlace {
  readonly offset: number;
  readonly byteLength: number;
  readonly count: number;
}

const endRecordBytes = 22;
const unset16 = 0xffff;
const unset32 = 0xffffffff;

/** Finds the end record of a zip or zip64 archive. Source: PKWARE APPNOTE 6.3.10, 4.3.14 to 4.3.16. */
export async function findDirectory(file: ByteSource, signal?: AbortSignal): Promise<DirectoryPlace> {
  const tailBytes = Math.min(file.size, endRecordBytes + unset16);
  const tailStart = file.size - tailBytes;
  const tail = await file.read(tailStart, tailBytes, signal);
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  for (let at = tailBytes - endRecordBytes; at >= 0; at--) {
    if (view.getUint32(at, true) !== 0x06054b50) continue;
    if (at + endRecordBytes + view.getUint16(at + 20, true) !== tailBytes) continue;
    const disks = [view.getUint16(at + 4, true), view.getUint16(at + 6, true)];
    if (disks.some((disk) => disk !== 0 && disk !== unset16)) {
      throw unsupportedZip(
        file.name,
        "it is one part of a split archive",
        "Join the parts first (zip -s 0).",
      );
    }
    const count = view.getUint16(at + 10, true);
    const byteLength = view.getUint32(at + 12, true);
    const offset = view.getUint32(at + 16, true);
    if (count !== unset16 && byteLength !== unset32 && offset !== unset32)
      return { offset, byteLength, count };
    return findZip64Directory(file, tailStart + at, signal);
  }
  throw corruptFile(file.name, "a zip directory at the end", "none");
}

async function findZip64Directory(
  file: ByteSource,
  endRecordOffset: number,
  signal: AbortSignal | undefined,
): Promise<DirectoryPlace> {
  const locator = await viewOf(file, endRecordOffset - 20, 20, signal);
  if (locator.getUint32(0, true) !== 0x07064b50) throw corruptFile(file.name, "a zip64 locator", "none");
  const record = await viewOf(file, safeNumber(file.name, locator.getBigUint64(8, true)), 56, signal);
  if (record.getUint32(0, true) !== 0x06064b50) throw corruptFile(file.name, "a zip64 end record", "none");
  return {
    count: safeNumber(file.name, record.getBigUint64(32, true)),
    byteLength: safeNumber(file.name, record.getBigUint64(40, true)),
    offset: safeNumber(file.name, record.getBigUint64(48, true)),
  };
}

async function viewOf(
  file: ByteSource,
  offset: number,
  length: number,
  signal: AbortSignal | undefined,
): Promise<DataView> {
  const bytes = await file.read(offset, length, signal);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A 64-bit number of an archive, which must be an offset or size of this world. */
export function safeNumber(name: string, value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw corruptFile(name, "an offset inside the file", String(value));
  }
  return Number(value);
}
