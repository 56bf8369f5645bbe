import type { SqlDatabase } from "sql.js";
import { quoted } from "./columns.js";
import { packRtree, type RtreeEntry } from "./rtree_nodes.js";

/** The table of extensions (OGC 12-128r18, 2.3.2). */
export const extensionsTable = `CREATE TABLE gpkg_extensions (table_name TEXT, column_name TEXT,
  extension_name TEXT NOT NULL, definition TEXT NOT NULL, scope TEXT NOT NULL,
  CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name));`;

/**
 * Gives a table its spatial index, the extension `gpkg_rtree_index` (OGC 12-128r18, annex F.3): rows of the index, triggers
 * that keep it true, and its registration. sql.js is built without SQLite's R-tree module, so `CREATE VIRTUAL TABLE` fails
 * in it; the tables behind the index are ordinary ones, though, and the entry of the virtual table is put into the schema
 * by hand, as SQLite itself would have written it.
 *
 * @param table its key is `fid` and its geometry column `geom`; call once its rows are in, since the triggers need
 *   functions that only readers such as GDAL bring
 */
export function addRtreeIndex(database: SqlDatabase, table: string, entries: readonly RtreeEntry[]): void {
  const index = `rtree_${table}_geom`;
  const shadow = (part: string): string => quoted(`${index}_${part}`);
  database.run(
    `CREATE TABLE ${shadow("rowid")}(rowid INTEGER PRIMARY KEY,nodeno);
     CREATE TABLE ${shadow("node")}(nodeno INTEGER PRIMARY KEY,data);
     CREATE TABLE ${shadow("parent")}(nodeno INTEGER PRIMARY KEY,parentnode);`,
  );
  const { nodes, parents, rowids } = packRtree(entries);
  fill(database, shadow("node"), nodes);
  fill(database, shadow("parent"), parents);
  fill(database, shadow("rowid"), rowids);
  database.run("PRAGMA writable_schema = ON");
  database.run("INSERT INTO sqlite_master VALUES ('table', ?, ?, 0, ?)", [
    index,
    index,
    `CREATE VIRTUAL TABLE ${quoted(index)} USING rtree(id, minx, maxx, miny, maxy)`,
  ]);
  // Reads the schema again, which also takes the permission back.
  database.run("PRAGMA writable_schema = RESET");
  for (const trigger of triggers(table, index)) database.run(trigger);
  database.run("INSERT INTO gpkg_extensions VALUES (?, 'geom', 'gpkg_rtree_index', ?, 'write-only')", [
    table,
    "http://www.geopackage.org/spec120/#extension_rtree",
  ]);
}

function fill(
  database: SqlDatabase,
  table: string,
  rows: readonly (readonly [number, number | Uint8Array])[],
): void {
  database.run("BEGIN");
  const insert = database.prepare(`INSERT INTO ${table} VALUES (?, ?)`);
  for (const row of rows) insert.run(row);
  insert.free();
  database.run("COMMIT");
}

/** The six triggers of the extension; readers know them by these names. */
function triggers(table: string, index: string): string[] {
  const put = `INSERT OR REPLACE INTO ${quoted(index)} VALUES (NEW."fid", ST_MinX(NEW."geom"), ST_MaxX(NEW."geom"),
    ST_MinY(NEW."geom"), ST_MaxY(NEW."geom"));`;
  const drop = `DELETE FROM ${quoted(index)} WHERE id = OLD."fid";`;
  const has = '(NEW."geom" NOT NULL AND NOT ST_IsEmpty(NEW."geom"))';
  const lacks = '(NEW."geom" ISNULL OR ST_IsEmpty(NEW."geom"))';
  const on = (name: string, event: string, condition: string, body: string): string =>
    `CREATE TRIGGER ${quoted(`${index}_${name}`)} AFTER ${event} ON ${quoted(table)} WHEN ${condition} BEGIN ${body} END`;
  return [
    on("insert", "INSERT", has, put),
    on("update1", 'UPDATE OF "geom"', `OLD."fid" = NEW."fid" AND ${has}`, put),
    on("update2", 'UPDATE OF "geom"', `OLD."fid" = NEW."fid" AND ${lacks}`, drop),
    on("update3", "UPDATE", `OLD."fid" != NEW."fid" AND ${has}`, `${drop} ${put}`),
    on(
      "update4",
      "UPDATE",
      `OLD."fid" != NEW."fid" AND ${lacks}`,
      `DELETE FROM ${quoted(index)} WHERE id IN (OLD."fid", NEW."fid");`,
    ),
    on("delete", "DELETE", 'OLD."geom" NOT NULL', drop),
  ];
}
