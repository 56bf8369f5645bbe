import { throwIfAborted } from "@glof/core";
import type { ByteSource } from "../byte_source.js";
import { corruptJp2, tooLargeJp2 } from "./jp2_errors.js";
import type { MainHeader, Rectangle } from "./jp2_types.js";
import { readPartHeader, type TilePartIndex } from "./tile_parts.js";

/** The most that the stored bytes of one tile may be: more than any tile that is decoded needs. */
const maxTileBytes = 2 ** 29;

/** Where a tile lies in the image, on the reference grid (ISO/IEC 15444-1, annex B.3). */
export function tileRectangle(header: MainHeader, tile: number): Rectangle {
  const [left, top] = tileCorner(header, tile);
  const { image, tileSize } = header;
  return {
    x0: Math.max(left, image.x0),
    y0: Math.max(top, image.y0),
    x1: Math.min(left + tileSize[0], image.x1),
    y1: Math.min(top + tileSize[1], image.y1),
  };
}

function tileCorner(header: MainHeader, tile: number): readonly [left: number, top: number] {
  const col = tile % header.tilesAcross;
  const row = Math.floor(tile / header.tilesAcross);
  return [header.tileOrigin[0] + col * header.tileSize[0], header.tileOrigin[1] + row * header.tileSize[1]];
}

/**
 * A codestream that holds one tile of a larger one and nothing else: the header's sizes are those of the tile, which keeps
 * its place on the reference grid (the wavelets depend on it) and becomes number 0.
 *
 * @throws GlofError `corrupt-file` when the tile's data is missing or belongs to another; `limit-exceeded`
 */
export async function readTileStream(
  source: ByteSource,
  header: MainHeader,
  index: TilePartIndex,
  tile: number,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  for (;;) {
    const { parts, isAnnounced } = await index.partsOf(tile, signal);
    const stored = parts.reduce((sum, { length }) => sum + length, 0);
    if (stored > maxTileBytes) {
      throw tooLargeJp2(source.name, `tiles of up to ${maxTileBytes} stored bytes`, `${stored}`);
    }
    throwIfAborted(signal, "readWindow");
    const stream = new Uint8Array(header.bytes.length + stored + 2);
    stream.set(header.bytes);
    let at = header.bytes.length;
    let isRight = true;
    for (const { offset, length } of parts) {
      const bytes = await source.read(offset, length, signal);
      const part = readPartHeader(bytes);
      isRight &&= part?.tile === tile && (part.length === length || part.length === 0);
      if (isAnnounced) isRight &&= (part?.count ?? 0) <= parts.length;
      stream.set(bytes, at);
      const view = new DataView(stream.buffer, at, length);
      view.setUint16(4, 0);
      view.setUint32(6, length);
      at += length;
    }
    // The TLM markers are a convenience of the writer; the tile-parts themselves decide.
    if (!isRight && isAnnounced) {
      index.distrustAnnounced();
      continue;
    }
    if (!isRight) throw corruptJp2(source.name, `data of another tile instead of tile ${tile}`);
    stream.set([0xff, 0xd9], at);
    patchSizes(stream, header, tile);
    return stream;
  }
}

/** Rewrites the SIZ segment: image and tile grid become those of the one tile. */
function patchSizes(stream: Uint8Array<ArrayBuffer>, header: MainHeader, tile: number): void {
  const { x0, y0, x1, y1 } = tileRectangle(header, tile);
  const [left, top] = tileCorner(header, tile);
  // SOC (2 bytes), marker, length and capabilities (2 each), then the sizes.
  const view = new DataView(stream.buffer, 8);
  [x1, y1, x0, y0, ...header.tileSize, left, top].forEach((value, index) => {
    view.setUint32(4 * index, value);
  });
}
