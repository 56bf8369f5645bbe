import type { ByteSource } from "../byte_source.js";
import type { Extent } from "./boxes.js";
import { corruptJp2 } from "./jp2_errors.js";
import type { MainHeader } from "./jp2_types.js";

/** Where the parts of a tile are. */
export interface FoundParts {
  readonly parts: readonly Extent[];
  /** The TLM markers say so; nobody has looked. */
  readonly isAnnounced: boolean;
}

/** Finds the tile-parts of a codestream. */
export interface TilePartIndex {
  /**
   * The parts of a tile, in file order. Walks on through the headers only as far as needed.
   *
   * @throws GlofError `corrupt-file` when the tile has none, or the walk meets something else
   */
  partsOf(tile: number, signal?: AbortSignal): Promise<FoundParts>;
  /** Walks to the end, which shows whether the codestream is whole. */
  walkAll(signal?: AbortSignal): Promise<void>;
  /** Believes the TLM markers no more. */
  distrustAnnounced(): void;
}

/** A tile-part's header (SOT, annex A.4.2). */
interface PartHeader {
  readonly tile: number;
  /** From the marker on; 0 means up to the end of the codestream. */
  readonly length: number;
  /** How many parts the tile has; 0 when not said here. */
  readonly count: number;
}

const sotBytes = 12;
/** Two bytes of SOD follow the header at least. */
const leastPartBytes = sotBytes + 2;
/** Parts of a tile are numbered by 8 bits. */
const maxPartsPerTile = 255;
/** Small tile-parts stand close together: one read then serves many. */
const readAheadBytes = 4_096;

/** Reads the header of a tile-part; `undefined` if these bytes are none. */
export function readPartHeader(bytes: Uint8Array): PartHeader | undefined {
  if (bytes.length < sotBytes || bytes[0] !== 0xff || bytes[1] !== 0x90) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, sotBytes);
  return { tile: view.getUint16(4), length: view.getUint32(6), count: view.getUint8(11) };
}

/** Makes the index of a codestream; nothing is read yet. */
export function createTilePartIndex(
  source: ByteSource,
  { offset, length }: Extent,
  header: MainHeader,
): TilePartIndex {
  const end = offset + length;
  let announced = placeAnnounced(header, end);
  const walk = createWalk(source, header, end);
  return {
    async partsOf(tile, signal) {
      const isAnnounced = announced !== undefined;
      const parts = announced !== undefined ? announced.get(tile) : await walk.until(tile, signal);
      if (parts === undefined) throw corruptJp2(source.name, `no data of tile ${tile}`);
      return { parts, isAnnounced };
    },
    async walkAll(signal) {
      await walk.until(undefined, signal);
    },
    distrustAnnounced() {
      announced = undefined;
    },
  };
}

/** Where the announced tile-parts lie: they follow each other. Nothing if the numbers cannot be right. */
function placeAnnounced(header: MainHeader, end: number): Map<number, Extent[]> | undefined {
  if (header.announced === undefined) return undefined;
  const tileCount = header.tilesAcross * header.tilesDown;
  const places = new Map<number, Extent[]>();
  let at = header.end;
  for (const { tile, length } of header.announced) {
    if (tile >= tileCount || length < leastPartBytes || at + length > end) return undefined;
    const parts = places.get(tile) ?? [];
    parts.push({ offset: at, length });
    places.set(tile, parts);
    at += length;
  }
  return places.size === tileCount ? places : undefined;
}

interface Walk {
  /** The parts of a tile once all are met; with no tile, walks to the end. */
  until(tile: number | undefined, signal: AbortSignal | undefined): Promise<readonly Extent[] | undefined>;
}

function createWalk(source: ByteSource, header: MainHeader, end: number): Walk {
  const tiles = new Map<number, { parts: Extent[]; count: number }>();
  let at = header.end;
  let ahead = { offset: 0, bytes: new Uint8Array(0) };
  let last: Promise<unknown> = Promise.resolve();

  const headerAt = async (signal: AbortSignal | undefined): Promise<Uint8Array> => {
    const wanted = Math.min(sotBytes, end - at);
    if (at < ahead.offset || at + wanted > ahead.offset + ahead.bytes.length) {
      ahead = { offset: at, bytes: await source.read(at, Math.min(readAheadBytes, end - at), signal) };
    }
    return ahead.bytes.subarray(at - ahead.offset, at - ahead.offset + wanted);
  };
  /** Takes in one tile-part; false at the end. */
  const step = async (signal: AbortSignal | undefined): Promise<boolean> => {
    if (at >= end) return false;
    const bytes = await headerAt(signal);
    if (bytes[0] === 0xff && bytes[1] === 0xd9) return false;
    const part = readPartHeader(bytes);
    if (part === undefined || part.tile >= header.tilesAcross * header.tilesDown) {
      throw corruptJp2(source.name, `no tile where one should begin, at ${at}`);
    }
    const length = part.length === 0 ? await restOf(source, at, end, signal) : part.length;
    if (length < leastPartBytes || at + length > end) {
      throw corruptJp2(
        source.name,
        `a tile of ${length} bytes at ${at}, where ${end - at} are left (cut off?)`,
      );
    }
    const known = tiles.get(part.tile) ?? { parts: [], count: 0 };
    known.parts.push({ offset: at, length });
    known.count = Math.max(known.count, part.count);
    if (known.parts.length > maxPartsPerTile)
      throw corruptJp2(source.name, `too many parts of tile ${part.tile}`);
    tiles.set(part.tile, known);
    at += length;
    return true;
  };
  const run = async (tile: number | undefined, signal: AbortSignal | undefined) => {
    const isDone = (): boolean => {
      // With a part of each tile in hand, what follows shows whether these are the tiles of this header.
      if (tile === undefined || tiles.size === header.tilesAcross * header.tilesDown) return false;
      const known = tiles.get(tile);
      return known !== undefined && known.count > 0 && known.parts.length >= known.count;
    };
    while (!isDone() && (await step(signal)));
    // A copy: where a count lies, a walk to another tile finds more parts of this one while it is being read.
    return tile === undefined ? undefined : tiles.get(tile)?.parts.slice();
  };
  return {
    until(tile, signal) {
      // One walker at a time: all share the place.
      const next = last.then(() => run(tile, signal));
      last = next.catch(() => {});
      return next;
    },
  };
}

/** The last tile-part may leave its length out: it ends before the end marker, if there is one. */
async function restOf(
  source: ByteSource,
  at: number,
  end: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  const [first, second] = await source.read(end - 2, 2, signal);
  return end - at - (first === 0xff && second === 0xd9 ? 2 : 0);
}
