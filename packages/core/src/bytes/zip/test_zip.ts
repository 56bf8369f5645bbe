/** Builds zip archives for tests, sound or not. */
import { deflateRawSync } from "node:zlib";
import { crc32InScript } from "../crc32.js";

/** One file of an archive, and the lies its records tell. */
export interface TestFile {
  readonly path: string;
  readonly content: Uint8Array;
  readonly deflate?: boolean;
  /** Name in the local header, where it is another. */
  readonly localPath?: string;
  readonly flags?: number;
  readonly method?: number;
  readonly mode?: number;
  readonly claimedSize?: number;
  readonly claimedCrc?: number;
  readonly claimedOffset?: number;
}

/** Bytes of text. */
export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

function fields(
  size: number,
  values: readonly (readonly [at: number, bytes: 2 | 4, value: number])[],
): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  for (const [at, width, value] of values) {
    if (width === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value >>> 0, true);
  }
  return bytes;
}

/** An archive of these files. */
export function testZip(files: readonly TestFile[], { comment = "", disk = 0 } = {}): Uint8Array {
  const body: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const file of files) {
    const packed = file.deflate ? deflateRawSync(file.content) : file.content;
    const method = file.method ?? (file.deflate ? 8 : 0);
    const crc = file.claimedCrc ?? crc32InScript(file.content);
    const local = utf8(file.localPath ?? file.path);
    const name = utf8(file.path);
    const header = fields(30, [
      [0, 4, 0x04034b50],
      [8, 2, method],
      [14, 4, crc],
      [18, 4, packed.length],
      [22, 4, file.content.length],
      [26, 2, local.length],
    ]);
    body.push(header, local, packed);
    const record = fields(46, [
      [0, 4, 0x02014b50],
      [8, 2, file.flags ?? 0],
      [10, 2, method],
      [16, 4, crc],
      [20, 4, packed.length],
      [24, 4, file.claimedSize ?? file.content.length],
      [28, 2, name.length],
      [40, 2, file.mode ?? 0],
      [42, 4, file.claimedOffset ?? at],
    ]);
    directory.push(record, name);
    at += 30 + local.length + packed.length;
  }
  const length = directory.reduce((sum, part) => sum + part.length, 0);
  const end = fields(22, [
    [0, 4, 0x06054b50],
    [4, 2, disk],
    [10, 2, files.length],
    [12, 4, length],
    [16, 4, at],
    [20, 2, comment.length],
  ]);
  return new Uint8Array(Buffer.concat([...body, ...directory, end, utf8(comment)]));
}
