import type { HuffmanTable } from "./jpeg_headers.js";

/** The coded bytes of a scan, bit by bit. Behind its end come zeros, as libjpeg has it. */
export interface JpegBits {
  /** The next symbol by a table. */
  symbol(table: HuffmanTable): number;
  /** A signed number of `size` bits (ITU-T T.81, F.2.2.1). */
  signed(size: number): number;
  /** Skips to behind the next restart marker; bits left over are dropped. */
  restart(): void;
  /** Where the next segment may begin. */
  position(): number;
}

export function openJpegBits(bytes: Uint8Array, start: number): JpegBits {
  let at = start;
  let held = 0;
  let heldBits = 0;
  /** Zeros handed out behind the end: a scan that needs many is broken. */
  let invented = 0;

  const fill = (): void => {
    while (heldBits <= 16) {
      let next = bytes[at];
      if (next === 0xff && bytes[at + 1] === 0) at += 2;
      else if (next === undefined || next === 0xff) {
        next = 0;
        if (++invented > 4096) throw new Error("a JPEG block that ends early");
      } else at++;
      held = ((held << 8) | next) & 0xffffff;
      heldBits += 8;
    }
  };
  const take = (count: number): number => {
    if (heldBits < count) fill();
    heldBits -= count;
    return (held >> heldBits) & ((1 << count) - 1);
  };
  return {
    symbol(table) {
      if (heldBits < 16) fill();
      const quick = table.quick[(held >> (heldBits - 8)) & 255]!;
      if (quick !== 0) {
        heldBits -= quick >> 8;
        return quick & 255;
      }
      for (let length = 9; length <= 16; length++) {
        const code = (held >> (heldBits - length)) & ((1 << length) - 1);
        if (code > table.lastCode[length]!) continue;
        heldBits -= length;
        return table.symbols[table.firstSymbol[length]! + code - table.firstCode[length]!]!;
      }
      throw new Error("JPEG bits that are no code");
    },
    signed(size) {
      if (size === 0) return 0;
      const value = take(size);
      return value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
    },
    restart() {
      held = 0;
      heldBits = 0;
      while (
        at + 1 < bytes.length &&
        !(bytes[at] === 0xff && bytes[at + 1]! >= 0xd0 && bytes[at + 1]! <= 0xd9)
      )
        at++;
      if (bytes[at + 1] !== 0xd9) at += 2;
    },
    position: () => at,
  };
}
