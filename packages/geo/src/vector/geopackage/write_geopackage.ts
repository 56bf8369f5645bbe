import { GlofError } from "@glof/core";
import type { SqlDatabase } from "sql.js";
import { loadCoreNode } from "../../node_only.js";
import type { Crs, Feature } from "../../types.js";
import { type ColumnType, inferColumns, quoted, toSqlValue } from "./columns.js";
import { type Envelope, envelopeOf, formatGeometryBlob } from "./geometry_blob.js";
import { addLayerStyles } from "./layer_styles.js";
import { addRtreeIndex, extensionsTable } from "./rtree_index.js";
import type { RtreeEntry } from "./rtree_nodes.js";
import { requiredSpatialRefs, type SpatialRef, spatialRefOf } from "./spatial_refs.js";

/** A table of outlines. */
export interface VectorLayer {
  /** Name of the table. */
  readonly layer: string;
  readonly crs: Crs | undefined;
  readonly features: readonly Feature[];
  /** Columns and their types; by default found from the values. Needed for typed columns of an empty layer. */
  readonly columns?: Readonly<Record<string, ColumnType>>;
  /** QML text (see `formatQml`), stored as the layer's default style for QGIS. Readers of this package leave it out. */
  readonly style?: string;
}

/** Options of `writeGeoPackage`. */
export interface GeoPackageOptions {
  /** Stored as the time of change of each layer; now by default. Set it for files that shall be equal byte by byte. */
  readonly lastChange?: Date;
  /** In a browser, where sql.js finds its `sql-wasm-browser.wasm`. */
  readonly locateFile?: (file: string) => string;
}

/**
 * Writes a GeoPackage 1.3 (OGC 12-128r18) with one table of multi-polygons per layer, each with an R-tree index, whole or
 * not at all. Node only; `formatGeoPackage` runs anywhere.
 *
 * @throws GlofError `bad-argument` for bad or repeated names; `unsupported-feature` for a CRS without EPSG code;
 *   `not-writable`, `no-space`, `io`
 */
export async function writeGeoPackage(
  path: string,
  layers: readonly VectorLayer[],
  options: GeoPackageOptions = {},
): Promise<void> {
  const { writeFileAtomic } = await loadCoreNode();
  await writeFileAtomic(path, await formatGeoPackage(layers, options));
}

/** The bytes of a GeoPackage; see `writeGeoPackage`. */
export async function formatGeoPackage(
  layers: readonly VectorLayer[],
  options: GeoPackageOptions = {},
): Promise<Uint8Array> {
  checkNames(layers);
  const { default: initSqlJs } = await import("sql.js");
  const sql = await initSqlJs(options.locateFile === undefined ? {} : { locateFile: options.locateFile });
  const database = new sql.Database();
  try {
    database.run(schema);
    database.run(extensionsTable);
    const refs = new Map<number, SpatialRef>(requiredSpatialRefs.map((ref) => [ref.id, ref]));
    for (const { crs } of layers) refs.set(spatialRefOf(crs).id, spatialRefOf(crs));
    for (const { name, id, organization, code, definition } of refs.values()) {
      database.run("INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, NULL)", [
        name,
        id,
        organization,
        code,
        definition,
      ]);
    }
    const lastChange = (options.lastChange ?? new Date()).toISOString();
    for (const layer of layers) writeLayer(database, layer, lastChange);
    const styles = layers.flatMap(({ layer, style }) => (style === undefined ? [] : [{ layer, qml: style }]));
    addLayerStyles(database, styles, lastChange);
    return database.export();
  } finally {
    database.close();
  }
}

/** Application id "GPKG", version 1.3.0, and the tables of the core and the features extension. */
const schema = `
PRAGMA application_id = 1196444487;
PRAGMA user_version = 10300;
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER NOT NULL PRIMARY KEY,
  organization TEXT NOT NULL, organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
  description TEXT DEFAULT '', last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER,
  CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL,
  geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL,
  CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name),
  CONSTRAINT uk_gc_table_name UNIQUE (table_name),
  CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
  CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));
`;

function writeLayer(database: SqlDatabase, layer: VectorLayer, lastChange: string): void {
  const srsId = spatialRefOf(layer.crs).id;
  const columns =
    layer.columns === undefined ? inferColumns(layer.features) : new Map(Object.entries(layer.columns));
  const definitions = [...columns].map(([name, type]) => `, ${quoted(name)} ${type}`).join("");
  database.run(
    `CREATE TABLE ${quoted(layer.layer)} (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, geom MULTIPOLYGON${definitions})`,
  );
  const bounds = boundsOf(layer.features);
  database.run("INSERT INTO gpkg_contents VALUES (?, 'features', ?, '', ?, ?, ?, ?, ?, ?)", [
    layer.layer,
    layer.layer,
    lastChange,
    ...(bounds === undefined ? [null, null, null, null] : [bounds[0], bounds[2], bounds[1], bounds[3]]),
    srsId,
  ]);
  database.run("INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', 'MULTIPOLYGON', ?, 0, 0)", [
    layer.layer,
    srsId,
  ]);
  const names = ["geom", ...columns.keys()].map(quoted).join(", ");
  const marks = new Array(columns.size + 1).fill("?").join(", ");
  database.run("BEGIN");
  const insert = database.prepare(`INSERT INTO ${quoted(layer.layer)} (${names}) VALUES (${marks})`);
  const entries: RtreeEntry[] = [];
  layer.features.forEach(({ geometry, properties }, index) => {
    const values = [...columns].map(([name, type]) => toSqlValue(properties[name], type));
    insert.run([formatGeometryBlob(geometry, srsId), ...values]);
    const envelope = envelopeOf(geometry);
    if (envelope !== undefined) entries.push({ id: index + 1, envelope });
  });
  insert.free();
  database.run("COMMIT");
  addRtreeIndex(database, layer.layer, entries);
}

function boundsOf(features: readonly Feature[]): Envelope | undefined {
  let bounds: Envelope | undefined;
  for (const { geometry } of features) {
    const own = envelopeOf(geometry);
    if (own === undefined) continue;
    bounds =
      bounds === undefined
        ? own
        : [
            Math.min(bounds[0], own[0]),
            Math.max(bounds[1], own[1]),
            Math.min(bounds[2], own[2]),
            Math.max(bounds[3], own[3]),
          ];
  }
  return bounds;
}

function checkNames(layers: readonly VectorLayer[]): void {
  const seen = new Set<string>();
  for (const { layer, columns, features } of layers) {
    const isTaken = seen.has(layer.toLowerCase());
    if (layer === "" || isTaken || /^((gpkg|sqlite|rtree)_|layer_styles$)/i.test(layer)) {
      throw new GlofError(
        "bad-argument",
        `writeGeoPackage: expected layer names of their own, not beginning with gpkg_ or sqlite_, got "${layer}". Rename it.`,
      );
    }
    seen.add(layer.toLowerCase());
    const names = columns === undefined ? [...inferColumns(features).keys()] : Object.keys(columns);
    const lower = names.map((name) => name.toLowerCase());
    const bad = lower.find(
      (name, index) => ["", "fid", "geom"].includes(name) || lower.indexOf(name) !== index,
    );
    if (bad !== undefined) {
      throw new GlofError(
        "bad-argument",
        `writeGeoPackage: expected column names of their own, other than fid and geom, got "${bad}" in ${layer}. Rename it.`,
      );
    }
  }
}
