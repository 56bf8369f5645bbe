import type { SqlDatabase } from "sql.js";
import type { ResolvedLayer } from "./check_layers.js";
import { quoted } from "./columns.js";
import type { Envelope } from "./geometry_blob.js";
import { addLayerStyles } from "./layer_styles.js";
import { declareRtreeIndex, extensionsTable } from "./rtree_index.js";
import { requiredSpatialRefs, type SpatialRef, spatialRefOf } from "./spatial_refs.js";

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

/** Stands where a number of 8 bytes will come, so that putting it in later moves nothing. */
const [anyBound, anyCount] = [0.1, 2 ** 50];

/** Makes everything of a GeoPackage but the rows of its layers and of their indices. */
export function createFrame(
  database: SqlDatabase,
  layers: readonly ResolvedLayer[],
  lastChange: string,
): void {
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
  for (const layer of layers) declareLayer(database, layer, lastChange);
  const styles = layers.flatMap(({ layer, style }) => (style === undefined ? [] : [{ layer, qml: style }]));
  addLayerStyles(database, styles, lastChange);
}

function declareLayer(
  database: SqlDatabase,
  { layer, crs, columns }: ResolvedLayer,
  lastChange: string,
): void {
  const srsId = spatialRefOf(crs).id;
  const definitions = [...columns].map(([name, type]) => `, ${quoted(name)} ${type}`).join("");
  database.run(
    `CREATE TABLE ${quoted(layer)} (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, geom MULTIPOLYGON${definitions})`,
  );
  const bounds = [anyBound, anyBound, anyBound, anyBound];
  database.run("INSERT INTO gpkg_contents VALUES (?, 'features', ?, '', ?, ?, ?, ?, ?, ?)", [
    layer,
    layer,
    lastChange,
    ...bounds,
    srsId,
  ]);
  database.run("INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', 'MULTIPOLYGON', ?, 0, 0)", [
    layer,
    srsId,
  ]);
  database.run("INSERT INTO sqlite_sequence VALUES (?, ?)", [layer, anyCount]);
  declareRtreeIndex(database, layer);
}

/** Tells the frame what its layers hold. */
export function completeFrame(
  database: SqlDatabase,
  layer: string,
  facts: { readonly count: number; readonly bounds: Envelope | undefined },
): void {
  const { count, bounds } = facts;
  database.run("UPDATE gpkg_contents SET min_x = ?, min_y = ?, max_x = ?, max_y = ? WHERE table_name = ?", [
    ...(bounds === undefined ? [null, null, null, null] : [bounds[0], bounds[2], bounds[1], bounds[3]]),
    layer,
  ]);
  database.run("UPDATE sqlite_sequence SET seq = ? WHERE name = ?", [count, layer]);
}

/** The root page of each table of a database. */
export function rootPages(database: SqlDatabase): Map<string, number> {
  const rows =
    database.exec("SELECT name, rootpage FROM sqlite_master WHERE type = 'table'")[0]?.values ?? [];
  return new Map(rows.map(([name, page]) => [String(name), Number(page)]));
}
