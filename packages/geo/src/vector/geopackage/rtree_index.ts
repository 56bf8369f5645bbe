import type { SqlDatabase } from "sql.js";
import { quoted } from "./columns.js";
import { type BoxList, packRtree } from "./rtree_nodes.js";
import { createByteBuilder } from "./sqlite/byte_builder.js";
import type { PageFile } from "./sqlite/page_file.js";
import { createRecordWriter, type RecordValue } from "./sqlite/record.js";
import { createTablePages } from "./sqlite/table_pages.js";

/** The table of extensions (OGC 12-128r18, 2.3.2). */
export const extensionsTable = `CREATE TABLE gpkg_extensions (table_name TEXT, column_name TEXT,
  extension_name TEXT NOT NULL, definition TEXT NOT NULL, scope TEXT NOT NULL,
  CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name));`;

/** The tables behind the index of a table. */
const shadowTable = (table: string, part: "node" | "parent" | "rowid"): string =>
  `rtree_${table}_geom_${part}`;

/**
 * Gives a table its spatial index, the extension `gpkg_rtree_index` (OGC 12-128r18, annex F.3): tables of the index, still
 * empty, triggers that keep it true, and its registration. sql.js is built without SQLite's R-tree module, so `CREATE
 * VIRTUAL TABLE` fails in it; the tables behind the index are ordinary ones, though, and the entry of the virtual table is
 * put into the schema by hand, as SQLite itself would have written it.
 *
 * @param table its key is `fid` and its geometry column `geom`; no rows may be put into it by SQL from then on, since the
 *   triggers need functions that only readers such as GDAL bring
 */
export function declareRtreeIndex(database: SqlDatabase, table: string): void {
  const index = `rtree_${table}_geom`;
  const shadow = (part: "node" | "parent" | "rowid"): string => quoted(shadowTable(table, part));
  database.run(
    `CREATE TABLE ${shadow("rowid")}(rowid INTEGER PRIMARY KEY,nodeno);
     CREATE TABLE ${shadow("node")}(nodeno INTEGER PRIMARY KEY,data);
     CREATE TABLE ${shadow("parent")}(nodeno INTEGER PRIMARY KEY,parentnode);`,
  );
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

/** Puts the index of a table into pages. Gives the root page of each of its three tables by the table's name. */
export async function writeRtreeIndex(
  pages: PageFile,
  table: string,
  boxes: BoxList,
): Promise<Map<string, Uint8Array>> {
  const { nodes, parents, leaves } = packRtree(boxes);
  const record = createByteBuilder();
  const { write } = createRecordWriter();
  const fill = async (count: number, row: (index: number) => readonly [number, RecordValue]) => {
    const rows = createTablePages(pages);
    for (let index = 0; index < count; index++) {
      const [key, value] = row(index);
      record.clear();
      // The key is the row's id; its own column is empty.
      write(record, [null, value]);
      rows.add(key, record.content());
      if (pages.isFull()) await pages.drain();
    }
    return rows.finish();
  };
  return new Map([
    [shadowTable(table, "node"), await fill(nodes.length, (index) => [index + 1, nodes[index]!])],
    [
      shadowTable(table, "parent"),
      await fill(parents.length - 1, (index) => [index + 2, parents[index + 1]!]),
    ],
    [shadowTable(table, "rowid"), await fill(boxes.count, (index) => [boxes.ids[index]!, leaves[index]!])],
  ]);
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
