import { GlofError } from "@glof/core";
import { loadCoreNode } from "../../node_only.js";
import type { Crs, Feature, MultiPolygon, Polygon } from "../../types.js";
import { type ColumnType, inferColumns, toSqlValue } from "../geopackage/columns.js";
import { type Envelope, envelopeOf } from "../geopackage/geometry_blob.js";
import type { VectorLayer } from "../geopackage/vector_layer.js";
import { type FlatField, type FlatTable, formatFlatbuffer } from "./flatbuffer_writer.js";
import { columnTypes, geometryType, magic } from "./format_facts.js";
import { formatPackedIndex, hilbertPlace, union } from "./packed_index.js";

/** Options of `writeFlatGeobuf`. */
export interface FlatGeobufOptions {
  /**
   * Puts features in the order of a Hilbert curve, behind a packed R-tree: readers then find those of a place, over HTTP
   * too. Default true; without it they keep their order. A layer with a feature that has no shape gets no index, since
   * the format has no place for it there.
   */
  readonly index?: boolean;
}

/** Neighbours under one node of the index; the format's default. */
const nodeSize = 16;

/**
 * Writes a layer as FlatGeobuf (flatgeobuf.org, version 3), whole or not at all. Node only; `formatFlatGeobuf` runs
 * anywhere.
 *
 * @throws GlofError `unsupported-feature` for a CRS without EPSG code; `not-writable`, `no-space`, `io`
 */
export async function writeFlatGeobuf(
  path: string,
  layer: VectorLayer,
  options: FlatGeobufOptions = {},
): Promise<void> {
  const { writeFileAtomic } = await loadCoreNode();
  await writeFileAtomic(path, formatFlatGeobuf(layer, options));
}

/** The bytes of a FlatGeobuf file; see `writeFlatGeobuf`. */
export function formatFlatGeobuf(layer: VectorLayer, { index = true }: FlatGeobufOptions = {}): Uint8Array {
  const columns =
    layer.columns === undefined ? inferColumns(layer.features) : new Map(Object.entries(layer.columns));
  const isMulti = layer.features.some(({ geometry }) => geometry.length > 1);
  const rows = layer.features.map((feature) => ({
    bytes: formatFeature(feature, columns, isMulti),
    envelope: envelopeOf(feature.geometry),
  }));
  const envelopes = rows.flatMap(({ envelope }) => (envelope === undefined ? [] : [envelope]));
  const extent = envelopes.length === 0 ? undefined : envelopes.reduce(union);
  const isIndexed = index && rows.length > 0 && envelopes.length === rows.length;
  const ordered = isIndexed && extent !== undefined ? hilbertOrder(rows, extent) : rows;
  let offset = 0;
  const leaves = ordered.map(({ bytes, envelope }) => {
    const entry = { envelope: envelope!, offset };
    offset += bytes.length;
    return entry;
  });
  const header = formatHeader(layer, columns, { isMulti, isIndexed, extent });
  const tree = isIndexed ? [formatPackedIndex(leaves, nodeSize)] : [];
  return join([Uint8Array.of(...magic, 0), header, ...tree, ...ordered.map(({ bytes }) => bytes)]);
}

function hilbertOrder<T extends { readonly envelope: Envelope | undefined }>(
  rows: readonly T[],
  extent: Envelope,
): T[] {
  return rows
    .map((row) => ({ row, place: hilbertPlace(row.envelope!, extent) }))
    .sort((a, b) => a.place - b.place)
    .map(({ row }) => row);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const text = (value: string): FlatField => ({ kind: "text", value });
const u8 = (value: number): FlatField => ({ kind: "u8", value });

function formatHeader(
  { layer, crs, features }: VectorLayer,
  columns: ReadonlyMap<string, ColumnType>,
  facts: { readonly isMulti: boolean; readonly isIndexed: boolean; readonly extent: Envelope | undefined },
): Uint8Array {
  const { isMulti, isIndexed, extent } = facts;
  const columnTables = [...columns].map(([name, type]): FlatTable => [text(name), u8(columnTypes[type])]);
  const table: FlatTable = [
    text(layer),
    extent && { kind: "f64s", value: [extent[0], extent[2], extent[1], extent[3]] },
    u8(isMulti ? geometryType.multiPolygon : geometryType.polygon),
    undefined,
    undefined,
    undefined,
    undefined,
    { kind: "tables", value: columnTables },
    { kind: "u64", value: BigInt(features.length) },
    { kind: "u16", value: isIndexed ? nodeSize : 0 },
    crs && { kind: "table", value: crsTable(crs) },
  ];
  return formatFlatbuffer(table);
}

function crsTable(crs: Crs): FlatTable {
  if (crs.epsg === undefined) {
    throw new GlofError(
      "unsupported-feature",
      `writeFlatGeobuf: expected a CRS with an EPSG code, got ${crs.name}. Reproject to a UTM zone first.`,
      { crs },
    );
  }
  return [text("EPSG"), { kind: "i32", value: crs.epsg }, text(crs.name)];
}

function formatFeature(
  { geometry, properties }: Feature,
  columns: ReadonlyMap<string, ColumnType>,
  isMulti: boolean,
): Uint8Array {
  const shape = geometry.length === 0 ? undefined : geometryTable(geometry, isMulti);
  const values = formatProperties(properties, columns);
  return formatFlatbuffer([shape && { kind: "table", value: shape }, { kind: "bytes", value: values }]);
}

function geometryTable(geometry: MultiPolygon, isMulti: boolean): FlatTable {
  if (!isMulti) return polygonTable(geometry[0]!);
  const none = new Array<undefined>(6).fill(undefined);
  return [...none, u8(geometryType.multiPolygon), { kind: "tables", value: geometry.map(polygonTable) }];
}

function polygonTable(polygon: Polygon): FlatTable {
  let end = 0;
  const ends = polygon.map((ring) => {
    end += ring.length;
    return end;
  });
  const xy = new Float64Array(2 * end);
  polygon.flat().forEach(([x, y], index) => {
    xy[2 * index] = x;
    xy[2 * index + 1] = y;
  });
  const list: FlatField | undefined = polygon.length > 1 ? { kind: "u32s", value: ends } : undefined;
  return [
    list,
    { kind: "f64s", value: xy },
    undefined,
    undefined,
    undefined,
    undefined,
    u8(geometryType.polygon),
  ];
}

/** For each value that is there: number of its column, then the value; texts after their length. */
function formatProperties(
  properties: Feature["properties"],
  columns: ReadonlyMap<string, ColumnType>,
): Uint8Array {
  const parts: Uint8Array[] = [];
  let column = 0;
  for (const [name, type] of columns) {
    const value = toSqlValue(properties[name], type);
    if (value !== null) parts.push(formatValue(column, value, type));
    column++;
  }
  return join(parts);
}

function formatValue(column: number, value: number | string, type: ColumnType): Uint8Array {
  const encoded = typeof value === "string" ? new TextEncoder().encode(value) : new Uint8Array();
  const valueBytes = typeof value === "string" ? 4 + encoded.length : type === "BOOLEAN" ? 1 : 8;
  const view = new DataView(new ArrayBuffer(2 + valueBytes));
  view.setUint16(0, column, true);
  if (typeof value === "string") view.setUint32(2, encoded.length, true);
  else if (type === "BOOLEAN") view.setUint8(2, value);
  else if (type === "INTEGER") view.setBigInt64(2, BigInt(Math.round(value)), true);
  else view.setFloat64(2, value, true);
  const bytes = new Uint8Array(view.buffer);
  bytes.set(encoded, bytes.length - encoded.length);
  return bytes;
}
