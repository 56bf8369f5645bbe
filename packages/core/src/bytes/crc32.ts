/** Eight tables for eight bytes a step. Source: Kounavis and Berry 2008, slicing-by-8; polynomial of PKWARE APPNOTE 4.4.7. */
let tables: readonly Uint32Array[] | undefined;

function buildTables(): readonly Uint32Array[] {
  const first = Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    return value;
  });
  const all = [first];
  for (let table = 1; table < 8; table++) {
    all.push(all[table - 1]!.map((value) => (value >>> 8) ^ first[value & 0xff]!));
  }
  return all;
}

type Crc32 = (bytes: Uint8Array, before: number) => number;

/** Node's own, several times faster, where there is one (20.16 and later). */
function nativeCrc32(): Crc32 | undefined {
  if (typeof process === "undefined" || typeof process.getBuiltinModule !== "function") return undefined;
  return process.getBuiltinModule("node:zlib")?.crc32 as Crc32 | undefined;
}

/**
 * CRC-32 of zip, gzip and PNG files.
 *
 * @param before the checksum of the bytes before these, for a file in pieces; default 0
 */
export function crc32(bytes: Uint8Array, before = 0): number {
  const native = nativeCrc32();
  return native ? native(bytes, before) : crc32InScript(bytes, before);
}

/** The same, without Node: what a browser runs. */
export function crc32InScript(bytes: Uint8Array, before = 0): number {
  tables ??= buildTables();
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  const { length } = bytes;
  let crc = ~before;
  let at = 0;
  for (; at + 8 <= length; at += 8) {
    const low = crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    crc =
      t7[low & 0xff]! ^
      t6[(low >>> 8) & 0xff]! ^
      t5[(low >>> 16) & 0xff]! ^
      t4[low >>> 24]! ^
      t3[bytes[at + 4]!]! ^
      t2[bytes[at + 5]!]! ^
      t1[bytes[at + 6]!]! ^
      t0[bytes[at + 7]!]!;
  }
  for (; at < length; at++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[at]!) & 0xff]!;
  return ~crc >>> 0;
}
