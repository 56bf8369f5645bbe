import { GlofError, isGlofError } from "@glof/core";
import { epsgOrUnknown } from "../../crs/epsg_or_unknown.js";
import { loadCoreNode, loadFs } from "../../node_only.js";
import type { AttributeValue, Crs, Feature, MultiPolygon, Polygon, Position } from "../../types.js";
import type { VectorLayer } from "../geopackage/vector_layer.js";
import { type FlatReader, openFlatbuffer } from "./flatbuffer_reader.js";
import {
  columnField,
  crsField,
  featureField,
  geometryField,
  geometryType,
  headerField,
  indexEntryBytes,
  magic,
  magicBytes,
} from "./format_facts.js";
import { levelSizes } from "./packed_index.js";

/** Reads a FlatGeobuf file; see `parseFlatGeobuf`. Node only. */
export async function readFlatGeobuf(path: string): Promise<VectorLayer> {
  const [{ readFile }, { asGlofError }] = await Promise.all([loadFs(), loadCoreNode()]);
  return parseFlatGeobuf(await asGlofError(path, () => readFile(path)), path);
}

/**
 * The layer of a FlatGeobuf file, in its own CRS and the order of the file. Heights and measures, and binary attributes,
 * are left out.
 *
 * @param name file name for messages
 * @throws GlofError `unsupported-format` when it is no FlatGeobuf of version 3; `corrupt-file`; `unsupported-feature` for
 *   points and lines
 */
export function parseFlatGeobuf(bytes: Uint8Array, name = "FlatGeobuf"): VectorLayer {
  if (bytes.length < magicBytes || magic.some((byte, index) => bytes[index] !== byte)) {
    throw new GlofError(
      "unsupported-format",
      `${name}: expected a FlatGeobuf file of version 3, got other first bytes. Give a .fgb file.`,
      { name },
    );
  }
  try {
    return readLayer(bytes, name);
  } catch (error) {
    if (isGlofError(error)) throw error;
    throw new GlofError(
      "corrupt-file",
      `${name}: expected a whole FlatGeobuf file, got ${error instanceof Error ? error.message : error}. Export it again.`,
      { name, cause: error },
    );
  }
}

interface Column {
  readonly name: string;
  readonly type: number;
}

function readLayer(bytes: Uint8Array, name: string): VectorLayer {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = openFlatbuffer(message(bytes, view, magicBytes));
  const columns = readColumns(header.tables(headerField.columns));
  const count = Number(header.u64(headerField.featuresCount));
  const nodeSize = header.u16(headerField.indexNodeSize, 16);
  const layerType = header.u8(headerField.geometryType, geometryType.unknown);
  let at = magicBytes + 4 + view.getUint32(magicBytes, true);
  // A feature takes more than 12 bytes: a wild count ends here, not in the loops below.
  if (12 * count > bytes.length - at) throw new RangeError(`${count} features announced`);
  if (nodeSize === 1) throw new RangeError("an index of single nodes");
  if (nodeSize > 0 && count > 0) {
    at += levelSizes(count, nodeSize).reduce((sum, size) => sum + size, 0) * indexEntryBytes;
  }
  const features: Feature[] = [];
  while (at < bytes.length && (count === 0 || features.length < count)) {
    const feature = openFlatbuffer(message(bytes, view, at));
    features.push(readFeature(feature, columns, layerType, name));
    at += 4 + view.getUint32(at, true);
  }
  if (features.length < count) throw new RangeError(`${features.length} of ${count} features`);
  return {
    layer: header.text(headerField.name) ?? "",
    crs: readCrs(header.table(headerField.crs)),
    features,
  };
}

/** A message after its size, without it. */
function message(bytes: Uint8Array, view: DataView, at: number): Uint8Array {
  const size = view.getUint32(at, true);
  if (at + 4 + size > bytes.length)
    throw new RangeError(`a message of ${size} bytes that ends outside the file`);
  return bytes.subarray(at + 4, at + 4 + size);
}

const readColumns = (tables: readonly FlatReader[]): Column[] =>
  tables.map((column) => ({
    name: column.text(columnField.name) ?? "",
    type: column.u8(columnField.type, 0),
  }));

function readCrs(table: FlatReader | undefined): Crs | undefined {
  if (table === undefined) return undefined;
  const code = table.i32(crsField.code, 0);
  const title = table.text(crsField.name);
  const geographic = /^GEOG/i.test(table.text(crsField.wkt) ?? "");
  const isEpsg = (table.text(crsField.org) ?? "EPSG").toUpperCase() === "EPSG";
  if (isEpsg && code > 0) return epsgOrUnknown(code, { name: title, geographic });
  return title === undefined ? undefined : { epsg: undefined, geographic, proj4: "", name: title };
}

function readFeature(
  feature: FlatReader,
  columns: readonly Column[],
  layerType: number,
  name: string,
): Feature {
  const own = feature.tables(featureField.columns);
  const geometry = feature.table(featureField.geometry);
  return {
    geometry: geometry === undefined ? [] : readGeometry(geometry, layerType, name),
    properties: readProperties(
      feature.bytes(featureField.properties),
      own.length > 0 ? readColumns(own) : columns,
    ),
  };
}

function readGeometry(geometry: FlatReader, layerType: number, name: string, depth = 0): MultiPolygon {
  const type = layerType !== geometryType.unknown ? layerType : geometry.u8(geometryField.type, 0);
  if (depth > 8) throw new RangeError("shapes within shapes without end");
  if (type === geometryType.polygon) {
    const polygon = readPolygon(geometry);
    return polygon.length === 0 ? [] : [polygon];
  }
  if (type === geometryType.multiPolygon) {
    return geometry
      .tables(geometryField.parts)
      .map(readPolygon)
      .filter((polygon) => polygon.length > 0);
  }
  if (type === geometryType.collection) {
    return geometry.tables(geometryField.parts).flatMap((part) => readGeometry(part, 0, name, depth + 1));
  }
  throw new GlofError(
    "unsupported-feature",
    `${name}: expected polygons, got geometry type ${type}. Keep areas only, no points or lines.`,
    { name },
  );
}

function readPolygon(geometry: FlatReader): Polygon {
  const xy = geometry.f64s(geometryField.xy);
  const ends = geometry.u32s(geometryField.ends);
  let start = 0;
  const rings: Position[][] = [];
  for (const end of ends.length === 0 ? [xy.length / 2] : ends) {
    if (end < start || 2 * end > xy.length) throw new RangeError(`a ring that ends at position ${end}`);
    const ring: Position[] = [];
    for (let at = start; at < end; at++) ring.push([xy[2 * at]!, xy[2 * at + 1]!]);
    start = end;
    if (ring.length > 0) rings.push(ring);
  }
  return rings;
}

/** Bytes of the values of numeric column types, by `ColumnType`; texts and bytes carry their length. */
const valueReaders: readonly ((view: DataView, at: number) => readonly [AttributeValue, number])[] = [
  (view, at) => [view.getInt8(at), 1],
  (view, at) => [view.getUint8(at), 1],
  (view, at) => [view.getUint8(at) !== 0, 1],
  (view, at) => [view.getInt16(at, true), 2],
  (view, at) => [view.getUint16(at, true), 2],
  (view, at) => [view.getInt32(at, true), 4],
  (view, at) => [view.getUint32(at, true), 4],
  (view, at) => [Number(view.getBigInt64(at, true)), 8],
  (view, at) => [Number(view.getBigUint64(at, true)), 8],
  (view, at) => [view.getFloat32(at, true), 4],
  (view, at) => [view.getFloat64(at, true), 8],
];

const binaryType = 14;

function readProperties(bytes: Uint8Array | undefined, columns: readonly Column[]): Feature["properties"] {
  const values = columns
    .filter(({ type }) => type !== binaryType)
    .map(({ name }): [string, AttributeValue] => [name, null]);
  const properties = Object.fromEntries(values);
  if (bytes === undefined) return properties;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const column = columns[view.getUint16(at, true)];
    if (column === undefined) throw new RangeError("a value of a column that is not there");
    at += 2;
    const read = valueReaders[column.type];
    if (read !== undefined) {
      const [value, length] = read(view, at);
      properties[column.name] = value;
      at += length;
      continue;
    }
    const length = view.getUint32(at, true);
    if (at + 4 + length > bytes.length) throw new RangeError(`a text of ${length} bytes`);
    if (column.type !== binaryType) {
      properties[column.name] = new TextDecoder().decode(bytes.subarray(at + 4, at + 4 + length));
    }
    at += 4 + length;
  }
  return properties;
}
