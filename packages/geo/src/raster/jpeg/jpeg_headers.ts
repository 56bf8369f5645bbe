/** A Huffman table, ready to decode: entries by the next 16 bits would be large, so by length. */
export interface HuffmanTable {
  /** First code of each length 1 to 16, and where its symbols begin; -1 for lengths without codes. */
  readonly firstCode: Int32Array;
  readonly lastCode: Int32Array;
  readonly firstSymbol: Int32Array;
  readonly symbols: Uint8Array;
  /** Symbol and length of every code of up to 8 bits, by the next 8 bits: `length << 8 | symbol`; 0 for longer ones. */
  readonly quick: Uint16Array;
}

/** One colour plane of a frame. */
export interface JpegComponent {
  readonly id: number;
  readonly across: number;
  readonly down: number;
  readonly quantTable: number;
}

/** Size and planes, from the SOF segment. */
export interface JpegFrame {
  readonly width: number;
  readonly height: number;
  readonly components: readonly JpegComponent[];
}

/** Which planes a scan holds, with their Huffman tables, and where its coded bytes begin. */
export interface JpegScan {
  readonly components: readonly { readonly id: number; readonly dc: number; readonly ac: number }[];
  readonly start: number;
}

/** What segments leave behind for scans: tables stay in force until they are replaced. */
export interface JpegState {
  readonly quant: (Uint16Array | undefined)[];
  readonly dc: (HuffmanTable | undefined)[];
  readonly ac: (HuffmanTable | undefined)[];
  restartInterval: number;
  frame: JpegFrame | undefined;
  /** Set for codings other than 8-bit baseline and extended sequential. */
  otherCoding: boolean;
}

export const newJpegState = (): JpegState => ({
  ...{ quant: [], dc: [], ac: [], restartInterval: 0, frame: undefined, otherCoding: false },
});

/** Position of coefficient number k in its block of 8 x 8 (ITU-T T.81, figure A.6). */
export const zigzag = Uint8Array.of(
  ...[
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21,
  ],
  ...[
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53,
    60, 61,
  ],
  ...[54, 47, 55, 62, 63],
);

/**
 * Reads segments from `at` until a scan begins or the picture ends (ITU-T T.81, annex B).
 *
 * @returns `undefined` at the end of the picture
 * @throws Error for segments that contradict themselves
 */
export function readSegments(bytes: Uint8Array, at: number, state: JpegState): JpegScan | undefined {
  let place = at;
  while (place + 4 <= bytes.length) {
    if (bytes[place] !== 0xff) {
      place++;
      continue;
    }
    const marker = bytes[place + 1]!;
    if (marker === 0xff || marker === 0x00 || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      place += marker === 0xff ? 1 : 2;
      continue;
    }
    if (marker === 0xd9) return undefined;
    const end = place + 2 + (bytes[place + 2]! << 8) + bytes[place + 3]!;
    if (end > bytes.length || end < place + 4) throw new Error("a JPEG segment that leaves the block");
    const body = bytes.subarray(place + 4, end);
    if (marker === 0xda) return readScan(body, end);
    readSegment(marker, body, state);
    place = end;
  }
  return undefined;
}

function readSegment(marker: number, body: Uint8Array, state: JpegState): void {
  if (marker === 0xdb) readQuantTables(body, state);
  else if (marker === 0xc4) readHuffmanTables(body, state);
  else if (marker === 0xdd) state.restartInterval = (body[0]! << 8) | body[1]!;
  else if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc8) {
    if (marker > 0xc1) state.otherCoding = true;
    // Arithmetic conditioning (0xcc) stands among the frames and is none.
    if (marker !== 0xcc) readFrame(body, state);
  }
}

function readScan(body: Uint8Array, start: number): JpegScan {
  const count = body[0] ?? 0;
  if (count < 1 || count > 4 || body.length < 1 + 2 * count) throw new Error("a JPEG scan without planes");
  const components = Array.from({ length: count }, (_, index) => {
    const tables = body[2 + 2 * index]!;
    return { id: body[1 + 2 * index]!, dc: tables >> 4, ac: tables & 15 };
  });
  return { components, start };
}

function readFrame(body: Uint8Array, state: JpegState): void {
  const count = body[5] ?? 0;
  if (body[0] !== 8) state.otherCoding = true;
  const [height, width] = [(body[1]! << 8) | body[2]!, (body[3]! << 8) | body[4]!];
  if (width < 1 || height < 1 || count < 1 || count > 4 || body.length < 6 + 3 * count) {
    throw new Error(`a JPEG picture of ${width} x ${height} pixels of ${count} planes`);
  }
  const components = Array.from({ length: count }, (_, index) => {
    const at = 6 + 3 * index;
    const [across, down] = [body[at + 1]! >> 4, body[at + 1]! & 15];
    if (across < 1 || across > 4 || down < 1 || down > 4) throw new Error("JPEG planes of impossible sizes");
    return { id: body[at]!, across, down, quantTable: body[at + 2]! & 3 };
  });
  state.frame = { width, height, components };
}

function readQuantTables(body: Uint8Array, state: JpegState): void {
  for (let at = 0; at < body.length; ) {
    const isWide = body[at]! >> 4 !== 0;
    const table = new Uint16Array(64);
    if (at + 1 + (isWide ? 128 : 64) > body.length)
      throw new Error("a JPEG quantisation table that is cut off");
    for (let k = 0; k < 64; k++) {
      const place = at + 1 + (isWide ? 2 * k : k);
      table[zigzag[k]!] = isWide ? (body[place]! << 8) | body[place + 1]! : body[place]!;
    }
    state.quant[body[at]! & 3] = table;
    at += 1 + (isWide ? 128 : 64);
  }
}

function readHuffmanTables(body: Uint8Array, state: JpegState): void {
  for (let at = 0; at + 17 <= body.length; ) {
    const counts = body.subarray(at + 1, at + 17);
    const total = counts.reduce((sum, count) => sum + count, 0);
    if (total > 256 || at + 17 + total > body.length) throw new Error("a JPEG Huffman table that is cut off");
    const table = buildHuffman(counts, body.subarray(at + 17, at + 17 + total));
    (body[at]! >> 4 === 0 ? state.dc : state.ac)[body[at]! & 3] = table;
    at += 17 + total;
  }
}

function buildHuffman(counts: Uint8Array, symbols: Uint8Array): HuffmanTable {
  const firstCode = new Int32Array(17);
  const lastCode = new Int32Array(17).fill(-1);
  const firstSymbol = new Int32Array(17);
  const quick = new Uint16Array(256);
  let [code, symbol] = [0, 0];
  for (let length = 1; length <= 16; length++) {
    firstCode[length] = code;
    firstSymbol[length] = symbol;
    for (let index = 0; index < counts[length - 1]!; index++, code++, symbol++) {
      if (code >= 2 ** length) throw new Error("a JPEG Huffman table with more codes than fit");
      if (length > 8) continue;
      const from = code << (8 - length);
      quick.fill((length << 8) | symbols[symbol]!, from, from + 2 ** (8 - length));
    }
    if (counts[length - 1]! > 0) lastCode[length] = code - 1;
    code <<= 1;
  }
  return { firstCode, lastCode, firstSymbol, symbols: symbols.slice(), quick };
}
