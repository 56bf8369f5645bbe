import { GlofError } from "@glof/core";
import type { MultiPolygon, Polygon, Position } from "../../types.js";

/** Rectangle [minX, maxX, minY, maxY], the order of a GeoPackage envelope. */
export type Envelope = readonly [minX: number, maxX: number, minY: number, maxY: number];

/** Rectangle around polygons; `undefined` around none. */
export function envelopeOf(polygons: MultiPolygon): Envelope | undefined {
  let [minX, maxX, minY, maxY] = [Infinity, -Infinity, Infinity, -Infinity];
  // Holes lie within their shores. Plain comparisons: this runs over every corner of every file.
  for (const polygon of polygons) {
    const ring = polygon[0] ?? [];
    for (let index = 0; index < ring.length; index++) {
      const x = ring[index]![0];
      const y = ring[index]![1];
      if (x < minX) minX = x;
      if (x > maxX) maxX = x;
      if (y < minY) minY = y;
      if (y > maxY) maxY = y;
    }
  }
  return minX <= maxX ? [minX, maxX, minY, maxY] : undefined;
}

/** Writes GeoPackage binaries into memory of its own, which is used again. */
export interface GeometryEncoder {
  /**
   * GeoPackage binary of a multi-polygon (OGC 12-128r18, 2.1.3): header with envelope, then well-known binary.
   *
   * @returns a view, good until the next call, and the envelope; that is `undefined` for shapes without positions
   */
  encode(polygons: MultiPolygon, srsId: number): { readonly blob: Uint8Array; readonly envelope?: Envelope };
}

/** Makes an encoder. */
export function createGeometryEncoder(): GeometryEncoder {
  let bytes = new Uint8Array(4096);
  let view = new DataView(bytes.buffer);
  return {
    encode(polygons, srsId) {
      const envelope = envelopeOf(polygons);
      const headerBytes = envelope === undefined ? 8 : 40;
      const length = headerBytes + wkbBytes(polygons);
      if (length > bytes.length) {
        bytes = new Uint8Array(Math.max(length, 2 * bytes.length));
        view = new DataView(bytes.buffer);
      }
      writeHeader(view, srsId, envelope);
      writePolygons(view, headerBytes, polygons);
      const blob = bytes.subarray(0, length);
      return envelope === undefined ? { blob } : { blob, envelope };
    },
  };
}

function writeHeader(view: DataView, srsId: number, envelope: Envelope | undefined): void {
  // "GP", version 0; flags: little-endian, envelope kind 1 (or none and the "empty" bit).
  view.setUint16(0, 0x4750);
  view.setUint8(2, 0);
  view.setUint8(3, envelope === undefined ? 0b0001_0001 : 0b0000_0011);
  view.setInt32(4, srsId, true);
  envelope?.forEach((bound, index) => {
    view.setFloat64(8 + 8 * index, bound, true);
  });
}

/** Plain loops, and nothing is taken apart: this runs over every corner of every file. */
function writePolygons(view: DataView, start: number, polygons: MultiPolygon): void {
  let at = writeStart(view, start, 6, polygons.length);
  for (const polygon of polygons) {
    at = writeStart(view, at, 3, polygon.length);
    for (const ring of polygon) {
      view.setUint32(at, ring.length, true);
      at += 4;
      for (let index = 0; index < ring.length; index++, at += 16) {
        const position = ring[index]!;
        view.setFloat64(at, position[0], true);
        view.setFloat64(at + 8, position[1], true);
      }
    }
  }
}

function writeStart(view: DataView, at: number, type: number, count: number): number {
  view.setUint8(at, 1);
  view.setUint32(at + 1, type, true);
  view.setUint32(at + 5, count, true);
  return at + 9;
}

function wkbBytes(polygons: MultiPolygon): number {
  let bytes = 9;
  for (const polygon of polygons) {
    bytes += 9;
    for (const ring of polygon) bytes += 4 + 16 * ring.length;
  }
  return bytes;
}

/** Bytes of the envelope by its kind in the header's flags. */
const envelopeBytes = [0, 32, 48, 48, 64];

/**
 * Polygons of a GeoPackage binary. Heights and measures are left out.
 *
 * @param name file, for messages
 * @throws GlofError `corrupt-file`; `unsupported-feature` for other geometries than polygons
 */
export function parseGeometryBlob(blob: Uint8Array, name: string): MultiPolygon {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  try {
    const flags = view.getUint8(3);
    const envelope = envelopeBytes[(flags >> 1) & 7];
    if (view.getUint16(0) !== 0x4750 || envelope === undefined) throw new RangeError("no GeoPackage header");
    return readGeometry({ view, at: 8 + envelope, name });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new GlofError(
      "corrupt-file",
      `${name}: expected a GeoPackage geometry, got one cut short or garbled (${error.message}). Export it again.`,
      { name, cause: error },
    );
  }
}

interface Cursor {
  readonly view: DataView;
  at: number;
  readonly name: string;
}

function readGeometry(cursor: Cursor): MultiPolygon {
  const { view } = cursor;
  const isLittle = view.getUint8(cursor.at) === 1;
  const code = view.getUint32(cursor.at + 1, isLittle);
  cursor.at += 5;
  // ISO adds 1000 for Z, 2000 for M, 3000 for both; EWKB sets high bits instead.
  const kind = (code & 0xffff) % 1000;
  const iso = Math.floor((code & 0xffff) / 1000);
  const hasZ = iso === 1 || iso === 3 || code >>> 31 === 1;
  const hasM = iso === 2 || iso === 3 || ((code >>> 30) & 1) === 1;
  const dimensions = 2 + Number(hasZ) + Number(hasM);
  if (kind !== 3 && kind !== 6) {
    throw new GlofError(
      "unsupported-feature",
      `${cursor.name}: expected polygons, got geometry type ${code}. Keep areas only, no points or lines.`,
      { name: cursor.name },
    );
  }
  const count = readCount(cursor, isLittle);
  if (kind === 6) return Array.from({ length: count }, () => readGeometry(cursor)).flat();
  const polygon: Polygon = Array.from({ length: count }, () => {
    const length = readCount(cursor, isLittle);
    return Array.from({ length }, (): Position => {
      const position: Position = [
        view.getFloat64(cursor.at, isLittle),
        view.getFloat64(cursor.at + 8, isLittle),
      ];
      cursor.at += 8 * dimensions;
      return position;
    });
  });
  return polygon.length === 0 ? [] : [polygon];
}

/** A count of parts: each takes at least 4 bytes, so a wild one is caught before anything is allocated. */
function readCount(cursor: Cursor, isLittle: boolean): number {
  const count = cursor.view.getUint32(cursor.at, isLittle);
  cursor.at += 4;
  if (4 * count > cursor.view.byteLength - cursor.at) throw new RangeError(`${count} parts announced`);
  return count;
}
