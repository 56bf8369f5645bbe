import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

type Bytes = Uint8Array<ArrayBuffer>;

/** A codestream in pieces, for tests that put it together in other ways. */
export interface CodestreamParts {
  /** SOC and all marker segments of the main header. */
  readonly segments: readonly Bytes[];
  /** Each from its SOT on. */
  readonly tileParts: readonly Bytes[];
}

/** Bytes of a file of this folder. */
export const readTestFile = (name: string): Bytes =>
  new Uint8Array(readFileSync(fileURLToPath(new URL(`./${name}`, import.meta.url))));

export const viewOf = (bytes: Bytes): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** Where the codestream of a whole JP2 file begins. */
export function codestreamStart(file: Bytes): number {
  const at = file.findIndex(
    (byte, index) => byte === 0xff && file[index + 1] === 0x4f && file[index + 2] === 0xff,
  );
  if (at < 0) throw new Error("no codestream");
  return at;
}

/** Takes a file of this folder apart; its tile-parts state their lengths. */
export function takeApart(name: string): CodestreamParts {
  const file = readTestFile(name);
  const view = viewOf(file);
  let at = codestreamStart(file) + 2;
  const segments = [Uint8Array.of(0xff, 0x4f)];
  while (view.getUint16(at) !== 0xff90) {
    const end = at + 2 + view.getUint16(at + 2);
    segments.push(file.slice(at, end));
    at = end;
  }
  const tileParts: Bytes[] = [];
  while (view.getUint16(at) === 0xff90) {
    const end = at + view.getUint32(at + 6);
    tileParts.push(file.slice(at, end));
    at = end;
  }
  return { segments, tileParts };
}

/** One after the other. */
export function join(...pieces: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** A bare codestream of the pieces. */
export const assemble = ({ segments, tileParts }: CodestreamParts, end = [0xff, 0xd9]): Bytes =>
  join(...segments, ...tileParts, Uint8Array.from(end));

/** A table of tile-part lengths (TLM) with tile numbers of 2 bytes and lengths of 4. */
export function tlmSegment(entries: readonly (readonly [tile: number, length: number])[], order = 0): Bytes {
  const bytes = new Uint8Array(6 + 6 * entries.length);
  const view = viewOf(bytes);
  view.setUint16(0, 0xff55);
  view.setUint16(2, bytes.length - 2);
  view.setUint8(4, order);
  view.setUint8(5, 0x60);
  entries.forEach(([tile, length], index) => {
    view.setUint16(6 + 6 * index, tile);
    view.setUint32(8 + 6 * index, length);
  });
  return bytes;
}

/** A copy with one number changed: `bytes` of it, most significant first. */
export function changed(piece: Bytes, at: number, bytes: 1 | 2 | 4, value: number): Bytes {
  const copy = piece.slice();
  const view = viewOf(copy);
  if (bytes === 1) view.setUint8(at, value);
  else if (bytes === 2) view.setUint16(at, value);
  else view.setUint32(at, value);
  return copy;
}
