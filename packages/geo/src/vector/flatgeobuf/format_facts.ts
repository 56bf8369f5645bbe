import type { ColumnType } from "../geopackage/columns.js";

/** First bytes of a FlatGeobuf file: "fgb", version 3, "fgb", patch level. */
export const magic = [0x66, 0x67, 0x62, 3, 0x66, 0x67, 0x62] as const;
export const magicBytes = 8;

/** Bytes of an entry of the spatial index: a rectangle of doubles and a 64-bit place. */
export const indexEntryBytes = 40;

/** Numbers of fields in the tables of `header.fbs` and `feature.fbs`. */
export const headerField = {
  name: 0,
  envelope: 1,
  geometryType: 2,
  hasZ: 3,
  columns: 7,
  featuresCount: 8,
  indexNodeSize: 9,
  crs: 10,
} as const;
export const columnField = { name: 0, type: 1 } as const;
export const crsField = { org: 0, code: 1, name: 2, wkt: 4 } as const;
export const featureField = { geometry: 0, properties: 1, columns: 2 } as const;
export const geometryField = { ends: 0, xy: 1, type: 6, parts: 7 } as const;

/** `GeometryType` of `header.fbs`, as far as this package knows it. */
export const geometryType = { unknown: 0, polygon: 3, multiPolygon: 6, collection: 7 } as const;

/** `ColumnType` of `header.fbs` for the types that are written. */
export const columnTypes: Readonly<Record<ColumnType, number>> = {
  BOOLEAN: 2,
  INTEGER: 7,
  REAL: 10,
  TEXT: 11,
};
