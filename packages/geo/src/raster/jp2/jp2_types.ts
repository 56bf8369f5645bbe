import type { RasterGrid } from "../../types.js";

/** A tile-part as the TLM markers announce it. */
export interface AnnouncedTilePart {
  readonly tile: number;
  readonly length: number;
}

/** The main header of a codestream (ISO/IEC 15444-1, annex A). Pixels are on the reference grid. */
export interface MainHeader {
  readonly image: Rectangle;
  /** Upper left corner of the first tile; it may lie outside the image. */
  readonly tileOrigin: readonly [x: number, y: number];
  readonly tileSize: readonly [cols: number, rows: number];
  readonly tilesAcross: number;
  readonly tilesDown: number;
  readonly componentCount: number;
  readonly bits: number;
  readonly isSigned: boolean;
  /** How often the resolution can be halved: the least of all components. */
  readonly levels: number;
  /** The header's bytes, without what only makes sense for the whole codestream; SIZ stands at byte 2. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What the TLM markers say, in file order; `undefined` when there are none. */
  readonly announced: readonly AnnouncedTilePart[] | undefined;
  /** Where the first tile-part begins, in the file. */
  readonly end: number;
}

/** Columns x0 to x1 (not included), rows y0 to y1. */
export interface Rectangle {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

/** Where the pixels lie, without the raster's size. */
export type Georeference = Pick<RasterGrid, "geoTransform" | "crs">;
