import type { ByteSource } from "../byte_source.js";
import type { Extent } from "./boxes.js";
import { readImageSize } from "./image_size.js";
import { corruptJp2, tooLargeJp2, unsupportedJp2 } from "./jp2_errors.js";
import type { AnnouncedTilePart, MainHeader } from "./jp2_types.js";

const marker = {
  siz: 0xff51,
  cod: 0xff52,
  coc: 0xff53,
  tlm: 0xff55,
  plm: 0xff57,
  ppm: 0xff60,
  crg: 0xff63,
  com: 0xff64,
  sot: 0xff90,
} as const;

/** Of no use for a single tile: lengths of other tiles' parts, comments. */
const dropped: ReadonlySet<number> = new Set([marker.tlm, marker.plm, marker.crg, marker.com]);
const firstReadBytes = 16_384;
/** A longer header belongs to a broken or hostile file: 256 full TLM segments take 16 MiB. */
const maxHeaderBytes = 32 * 2 ** 20;

/**
 * Reads the main header, by as few and short reads as it takes.
 *
 * @throws GlofError `corrupt-file`; `unsupported-feature` (packed packet headers, component layouts); `limit-exceeded`
 */
export async function readMainHeader(
  source: ByteSource,
  { offset, length }: Extent,
  name: string,
): Promise<MainHeader> {
  let bytes = await source.read(offset, Math.min(firstReadBytes, length));
  const kept: Uint8Array[] = [bytes.subarray(0, 2)];
  const segments: Segment[] = [];
  let at = 2;
  const has = async (end: number): Promise<void> => {
    if (end <= bytes.length) return;
    if (end > length) throw corruptJp2(name, "a main header that is cut off");
    if (end > maxHeaderBytes) throw tooLargeJp2(name, `a header of up to ${maxHeaderBytes} bytes`, "more");
    bytes = await source.read(offset, Math.min(Math.max(end, 4 * bytes.length), length));
  };
  for (;;) {
    await has(at + 2);
    const code = (bytes[at]! << 8) | bytes[at + 1]!;
    if (code === marker.sot) break;
    if (code < 0xff50 || code > 0xff6f)
      throw corruptJp2(name, `the marker ${code.toString(16)} in its header`);
    await has(at + 4);
    const end = at + 2 + ((bytes[at + 2]! << 8) | bytes[at + 3]!);
    if (end < at + 4) throw corruptJp2(name, `a marker segment of ${end - at - 2} bytes`);
    await has(end);
    segments.push({ code, content: bytes.slice(at + 4, end) });
    if (!dropped.has(code)) kept.push(bytes.slice(at, end));
    at = end;
  }
  return { ...interpret(segments, name), bytes: concat(kept), end: offset + at };
}

interface Segment {
  readonly code: number;
  /** What follows the length field. */
  readonly content: Uint8Array<ArrayBuffer>;
}

function interpret(segments: readonly Segment[], name: string): Omit<MainHeader, "bytes" | "end"> {
  if (segments[0]?.code !== marker.siz)
    throw corruptJp2(name, "a codestream without its size (SIZ) in front");
  const size = readImageSize(segments[0].content, name);
  if (segments.some(({ code }) => code === marker.ppm)) {
    throw unsupportedJp2(name, "packet headers packed into the main header (PPM)");
  }
  // COD: style, progression, layers (2), transform, levels. COC: component (1 or 2), style, levels.
  const levels = segments.flatMap(({ code, content }) => {
    if (code === marker.cod) return [content[5] ?? Number.NaN];
    if (code === marker.coc) return [content[size.componentCount < 257 ? 2 : 3] ?? Number.NaN];
    return [];
  });
  if (!segments.some(({ code }) => code === marker.cod)) throw corruptJp2(name, "no coding style (COD)");
  if (!levels.every((level) => level <= 32)) throw corruptJp2(name, "more than 32 resolution levels");
  return { ...size, levels: Math.min(...levels), announced: readTlm(segments, name) };
}

/** Lengths of all tile-parts (annex A.7.1); the segments are numbered, each entry is 2 to 6 bytes. */
function readTlm(segments: readonly Segment[], name: string): readonly AnnouncedTilePart[] | undefined {
  const tables = segments.filter(({ code }) => code === marker.tlm).map(({ content }) => content);
  if (tables.length === 0) return undefined;
  tables.sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0));
  const parts: AnnouncedTilePart[] = [];
  for (const table of tables) {
    const style = table[1] ?? 0;
    const tileBytes = (style >> 4) & 3;
    const lengthBytes = (style & 0x40) === 0 ? 2 : 4;
    if (tileBytes === 3) throw corruptJp2(name, "a table of tile lengths (TLM) of unknown style");
    const number = (at: number, count: number): number => {
      let value = 0;
      for (let byte = 0; byte < count; byte++) value = value * 256 + table[at + byte]!;
      return value;
    };
    for (let at = 2; at + tileBytes + lengthBytes <= table.length; at += tileBytes + lengthBytes) {
      const tile = tileBytes === 0 ? parts.length : number(at, tileBytes);
      parts.push({ tile, length: number(at + tileBytes, lengthBytes) });
    }
  }
  return parts;
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
