import { deflateRawSync } from "node:zlib";
import { crc32 } from "@glof/core/bytes";

/** How an archive of the tests is made. */
export interface TestZipOptions {
  readonly packed?: boolean;
  /** Unix mode of the entries, for links. */
  readonly mode?: number;
}

/** A zip archive of these files, plain or packed: enough to give the door anything to refuse. */
export function testZip(
  files: ReadonlyMap<string, Uint8Array>,
  options: TestZipOptions = {},
): Uint8Array<ArrayBuffer> {
  const { packed = false, mode = 0o100644 } = options;
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const [path, content] of files) {
    const name = new TextEncoder().encode(path);
    const data = packed ? deflateRawSync(content) : content;
    const header = new DataView(new ArrayBuffer(30));
    const record = new DataView(new ArrayBuffer(46));
    header.setUint32(0, 0x0403_4b50, true);
    record.setUint32(0, 0x0201_4b50, true);
    record.setUint16(4, 0x0314, true);
    for (const [view, start] of [
      [header, 4],
      [record, 6],
    ] as const) {
      view.setUint16(start, 20, true);
      view.setUint16(start + 4, packed ? 8 : 0, true);
      view.setUint32(start + 10, crc32(content), true);
      view.setUint32(start + 14, data.byteLength, true);
      view.setUint32(start + 18, content.byteLength, true);
      view.setUint16(start + 22, name.byteLength, true);
    }
    record.setUint32(38, mode * 0x1_0000, true);
    record.setUint32(42, at, true);
    const local = [new Uint8Array(header.buffer), name, data];
    parts.push(...local);
    directory.push(new Uint8Array(record.buffer), name);
    at += local.reduce((sum, part) => sum + part.byteLength, 0);
  }
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x0605_4b50, true);
  end.setUint16(8, files.size, true);
  end.setUint16(10, files.size, true);
  const directoryBytes = directory.reduce((sum, part) => sum + part.byteLength, 0);
  end.setUint32(12, directoryBytes, true);
  end.setUint32(16, at, true);
  return joined([...parts, ...directory, new Uint8Array(end.buffer)]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.byteLength;
  }
  return out;
}
