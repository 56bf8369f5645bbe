import { GlofError, isGlofError } from "@glof/core";
import type { SqlDatabase, SqlValue } from "sql.js";
import { epsgOrUnknown } from "../../crs/epsg_or_unknown.js";
import { loadCoreNode, loadFs } from "../../node_only.js";
import type { AttributeValue, Crs, Feature } from "../../types.js";
import { parseGeometryBlob } from "./geometry_blob.js";
import { PlainTables } from "./plain_tables.js";
import type { VectorLayer } from "./vector_layer.js";
import type { GeoPackageOptions } from "./write_geopackage.js";

/** Reads a GeoPackage file; see `parseGeoPackage`. Node only. */
export async function readGeoPackage(path: string): Promise<VectorLayer[]> {
  const [{ readFile }, { asGlofError }] = await Promise.all([loadFs(), loadCoreNode()]);
  return parseGeoPackage(await asGlofError(path, () => readFile(path)), path);
}

/**
 * The feature tables of a GeoPackage, in the order of its contents, each in its own CRS. Blobs among the attributes are
 * left out; geometries that are NULL come back empty. Layers that are views are refused, since a view runs what its author
 * wrote.
 *
 * @param name file name for messages
 * @throws GlofError `unsupported-format` when it is no GeoPackage; `corrupt-file`; `unsupported-feature` for points, lines
 *   and views
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
    return readLayers(new PlainTables(database, name, bytes.length), name);
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

function readLayers(tables: PlainTables, name: string): VectorLayer[] {
  const refs = new Map(
    tables
      .rows("gpkg_spatial_ref_sys", [
        "srs_id",
        "organization",
        "organization_coordsys_id",
        "srs_name",
        "definition",
      ])
      .map(([id, ...ref]) => [id, ref]),
  );
  const geometries = new Map(
    tables
      .rows("gpkg_geometry_columns", ["table_name", "column_name", "srs_id"])
      .map(([table, column, srs]) => [table, { column, srs }]),
  );
  return tables
    .rows("gpkg_contents", ["table_name", "data_type"])
    .filter(([table, type]) => type === "features" && geometries.has(table))
    .map(([table]) => {
      const { column, srs } = geometries.get(table)!;
      const [organization = null, code = null, title = null, definition = null] = refs.get(srs) ?? [];
      return {
        layer: String(table),
        crs: toCrs(organization, code, title, definition),
        features: readFeatures(tables, String(table), String(column), name),
      };
    });
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

function readFeatures(tables: PlainTables, table: string, geometryColumn: string, name: string): Feature[] {
  const attributes = tables
    .columns(table)
    .filter(({ column, isKey }) => column !== geometryColumn && !isKey)
    .map(({ column, type }) => ({ column, isBoolean: type.toUpperCase() === "BOOLEAN" }));
  const columns = [geometryColumn, ...attributes.map(({ column }) => column)];
  return tables.rows(table, columns).map(([blob, ...values]) => {
    const properties: Record<string, AttributeValue> = {};
    attributes.forEach(({ column, isBoolean }, index) => {
      const value = values[index] ?? null;
      if (value instanceof Uint8Array) return;
      properties[column] = isBoolean && typeof value === "number" ? value !== 0 : value;
    });
    return { geometry: blob instanceof Uint8Array ? parseGeometryBlob(blob, name) : [], properties };
  });
}
