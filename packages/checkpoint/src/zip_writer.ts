import { crc32 } from "@glof/core/bytes";

/** Storages begin at a multiple of this, as torch writes them, so that they can be mapped into memory. */
const alignment = 64;
const unset32 = 0xffffffff;
/** 1 January 1980, the first day that a zip can name: files of equal content are equal. */
const dosDate = 0x21;

interface PlacedFile {
  readonly name: Uint8Array;
  readonly crc: number;
  readonly byteLength: number;
  readonly offset: number;
}

/**
 * Lays out a zip archive of stored files, zip64 where a number needs it: gives the bytes around each file and the
 * directory; the files themselves go to the caller's target. Source: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.3.
 */
export class ZipWriter {
  readonly #files: PlacedFile[] = [];
  #at = 0;

  /** @param wideFrom numbers from here on are written in zip64 records; smaller than the format's own only in tests */
  constructor(readonly wideFrom: number = unset32) {}

  /** Adds a file: what to write before its bytes. */
  add(path: string, bytes: Uint8Array): Uint8Array {
    const file: PlacedFile = {
      name: new TextEncoder().encode(path),
      crc: crc32(bytes),
      byteLength: bytes.byteLength,
      offset: this.#at,
    };
    const header = this.#localHeader(file);
    this.#files.push(file);
    this.#at += header.byteLength + bytes.byteLength;
    return header;
  }

  /** The directory and its end, for behind the last file. */
  finish(): Uint8Array[] {
    const records = this.#files.map((file) => this.#directoryRecord(file));
    const byteLength = records.reduce((sum, record) => sum + record.byteLength, 0);
    return [...records, ...this.#endRecords(byteLength)];
  }

  #isWide = (value: number): boolean => value >= this.wideFrom;

  #localHeader({ name, crc, byteLength, offset }: PlacedFile): Uint8Array {
    const wide = this.#isWide(byteLength);
    const fixed = 30 + name.byteLength + (wide ? 20 : 0) + 4;
    const padding = (alignment - ((offset + fixed) % alignment)) % alignment;
    const bytes = new Uint8Array(fixed + padding);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 0x04034b50, true);
    this.#setFacts(view, 4, { wide, crc, byteLength, nameLength: name.byteLength });
    view.setUint16(28, fixed + padding - 30 - name.byteLength, true);
    bytes.set(name, 30);
    let at = 30 + name.byteLength;
    if (wide) at += setZip64(view, at, [byteLength, byteLength]);
    // An extra field that readers pass over: torch's own padding has this id, too.
    view.setUint16(at, 0x4246, true);
    view.setUint16(at + 2, padding, true);
    bytes.fill(0x5a, at + 4);
    return bytes;
  }

  #directoryRecord({ name, crc, byteLength, offset }: PlacedFile): Uint8Array {
    const wideSize = this.#isWide(byteLength);
    const wideOffset = this.#isWide(offset);
    const wide = [...(wideSize ? [byteLength, byteLength] : []), ...(wideOffset ? [offset] : [])];
    const extraBytes = wide.length > 0 ? 4 + 8 * wide.length : 0;
    const bytes = new Uint8Array(46 + name.byteLength + extraBytes);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 0x02014b50, true);
    view.setUint16(4, wide.length > 0 ? 45 : 20, true);
    this.#setFacts(view, 6, { wide: wideSize, crc, byteLength, nameLength: name.byteLength });
    if (wide.length > 0) view.setUint16(6, 45, true);
    view.setUint16(30, extraBytes, true);
    view.setUint32(42, wideOffset ? unset32 : offset, true);
    bytes.set(name, 46);
    if (wide.length > 0) setZip64(view, 46 + name.byteLength, wide);
    return bytes;
  }

  /** Version, flags, method, time, CRC, sizes and length of the name, which both headers have in a row. */
  #setFacts(
    view: DataView,
    at: number,
    facts: { wide: boolean; crc: number; byteLength: number; nameLength: number },
  ): void {
    view.setUint16(at, facts.wide ? 45 : 20, true);
    view.setUint16(at + 8, dosDate, true);
    view.setUint32(at + 10, facts.crc, true);
    view.setUint32(at + 14, facts.wide ? unset32 : facts.byteLength, true);
    view.setUint32(at + 18, facts.wide ? unset32 : facts.byteLength, true);
    view.setUint16(at + 22, facts.nameLength, true);
  }

  #endRecords(byteLength: number): Uint8Array[] {
    const count = this.#files.length;
    const isWide = count >= 0xffff || [byteLength, this.#at].some(this.#isWide);
    const end = new DataView(new ArrayBuffer(22));
    end.setUint32(0, 0x06054b50, true);
    end.setUint16(8, isWide ? 0xffff : count, true);
    end.setUint16(10, isWide ? 0xffff : count, true);
    end.setUint32(12, isWide ? unset32 : byteLength, true);
    end.setUint32(16, isWide ? unset32 : this.#at, true);
    const parts = [...(isWide ? this.#zip64End(byteLength) : []), end];
    return parts.map(({ buffer }) => new Uint8Array(buffer));
  }

  #zip64End(byteLength: number): DataView[] {
    const record = new DataView(new ArrayBuffer(56));
    record.setUint32(0, 0x06064b50, true);
    record.setBigUint64(4, 44n, true);
    record.setUint16(12, 45, true);
    record.setUint16(14, 45, true);
    record.setBigUint64(24, BigInt(this.#files.length), true);
    record.setBigUint64(32, BigInt(this.#files.length), true);
    record.setBigUint64(40, BigInt(byteLength), true);
    record.setBigUint64(48, BigInt(this.#at), true);
    const locator = new DataView(new ArrayBuffer(20));
    locator.setUint32(0, 0x07064b50, true);
    locator.setBigUint64(8, BigInt(this.#at + byteLength), true);
    locator.setUint32(16, 1, true);
    return [record, locator];
  }
}

/** Writes the zip64 extra field; gives its length. */
function setZip64(view: DataView, at: number, values: readonly number[]): number {
  view.setUint16(at, 1, true);
  view.setUint16(at + 2, 8 * values.length, true);
  for (const [index, value] of values.entries()) view.setBigUint64(at + 4 + 8 * index, BigInt(value), true);
  return 4 + 8 * values.length;
}
