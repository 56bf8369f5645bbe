import { GlofError, isGlofError } from "@glof/core";
import type { SqlDatabase, SqlValue } from "sql.js";
import { epsgOrUnknown } from "../../crs/epsg_or_unknown.js";
import { loadCoreNode, loadFs } from "../../node_only.js";
import type { AttributeValue, Crs, Feature } from "../../types.js";
import { quoted } from "./columns.js";
import { parseGeometryBlob } from "./geometry_blob.js";
import type { VectorLayer } from "./vector_layer.js";
import type { GeoPackageOptions } from "./write_geopackage.js";

/** Reads a GeoPackage file; see `parseGeoPackage`. Node only. */
export async function readGeoPackage(path: string): Promise<VectorLayer[]> {
  const [{ readFile }, { asGlofError }] = await Promise.all([loadFs(), loadCoreNode()]);
  return parseGeoPackage(await asGlofError(path, () => readFile(path)), path);
}

/**
 * The feature tables of a GeoPackage, in the order of its contents, each in its own CRS. Blobs among the attributes are
 * left out; geometries that are NULL come back empty.
 *
 * @param name file name for messages
 * @throws GlofError `unsupported-format` when it is no GeoPackage; `corrupt-file`; `unsupported-feature` for points and
 *   lines
 */
export async function parseGeoPackage(
  bytes: Uint8Array,
  name = "GeoPackage",
  options: Pick<GeoPackageOptions, "locateFile"> = {},
): Promise<VectorLayer[]> {
  if (new TextDecoder("latin1").decode(bytes.subarray(0, 15)) !== "SQLite format 3") {
    throw new GlofError(
      "unsupported-format",
      `${name}: expected a GeoPackage, got no SQLite file. Give a .gpkg file.`,
      {
        name,
      },
    );
  }
  const { default: initSqlJs } = await import("sql.js");
  const sql = await initSqlJs(options.locateFile === undefined ? {} : { locateFile: options.locateFile });
  let database: SqlDatabase | undefined;
  try {
    database = new sql.Database(bytes);
    return readLayers(database, name);
  } catch (error) {
    if (isGlofError(error)) throw error;
    throw new GlofError(
      "corrupt-file",
      `${name}: expected a whole GeoPackage, got ${error instanceof Error ? error.message : error}. Export it again.`,
      { name, cause: error },
    );
  } finally {
    database?.close();
  }
}

function readLayers(database: SqlDatabase, name: string): VectorLayer[] {
  const tables = rows(
    database,
    `SELECT c.table_name, g.column_name, s.organization, s.organization_coordsys_id, s.srs_name, s.definition
       FROM gpkg_contents c JOIN gpkg_geometry_columns g ON g.table_name = c.table_name
       LEFT JOIN gpkg_spatial_ref_sys s ON s.srs_id = g.srs_id
      WHERE c.data_type = 'features' ORDER BY c.rowid`,
  );
  return tables.map(([table, geometryColumn, organization, code, title, definition]) => ({
    layer: String(table),
    crs: toCrs(organization!, code!, title!, definition!),
    features: readFeatures(database, String(table), String(geometryColumn), name),
  }));
}

function toCrs(
  organization: SqlValue,
  code: SqlValue,
  title: SqlValue,
  definition: SqlValue,
): Crs | undefined {
  if (organization === null || String(organization).toUpperCase() === "NONE") return undefined;
  const geographic = /^GEOG/i.test(String(definition));
  if (String(organization).toUpperCase() === "EPSG" && typeof code === "number") {
    return epsgOrUnknown(code, { name: String(title), geographic });
  }
  return { epsg: undefined, geographic, proj4: "", name: String(title) };
}

function readFeatures(database: SqlDatabase, table: string, geometryColumn: string, name: string): Feature[] {
  const info = rows(database, `PRAGMA table_info(${quoted(table)})`);
  const key = info.find((column) => column[5] === 1)?.[1];
  const attributes = info
    .map((column) => ({
      column: String(column[1]),
      isBoolean: String(column[2]).toUpperCase() === "BOOLEAN",
    }))
    .filter(({ column }) => column !== geometryColumn && column !== key);
  const list = [geometryColumn, ...attributes.map(({ column }) => column)].map(quoted).join(", ");
  return rows(database, `SELECT ${list} FROM ${quoted(table)}`).map(([blob, ...values]) => {
    const properties: Record<string, AttributeValue> = {};
    attributes.forEach(({ column, isBoolean }, index) => {
      const value = values[index] ?? null;
      if (value instanceof Uint8Array) return;
      properties[column] = isBoolean && typeof value === "number" ? value !== 0 : value;
    });
    return { geometry: blob instanceof Uint8Array ? parseGeometryBlob(blob, name) : [], properties };
  });
}

const rows = (database: SqlDatabase, sql: string): SqlValue[][] => database.exec(sql)[0]?.values ?? [];
