import { GlofError } from "@glof/core";
import type { SqlDatabase, SqlValue } from "sql.js";
import { quoted } from "./columns.js";

/** Rows are smaller than any page, and defaults of columns stand in the file only once. */
const fileSizes = 16;

/**
 * Reads whole tables of a database from anywhere. Queries run no expression of the file's author: views and computed
 * columns are refused, for they may take forever. A damaged or hostile index may also lead to the same rows again and
 * again: reading ends when more came than the file can hold.
 */
export class PlainTables {
  private readonly types: ReadonlyMap<string, string>;
  private budget: number;

  /** @param fileBytes size of the file */
  constructor(
    private readonly database: SqlDatabase,
    private readonly name: string,
    fileBytes: number,
  ) {
    this.budget = fileSizes * fileBytes;
    const listed = this.read("PRAGMA table_list").filter(([schema]) => schema === "main");
    this.types = new Map(listed.map(([, table, type]) => [String(table).toLowerCase(), String(type)]));
  }

  /** Columns of a table: name, declared type, whether it is the key. */
  columns(table: string): { column: string; type: string; isKey: boolean }[] {
    const type = this.types.get(table.toLowerCase());
    if (type === undefined) throw new Error(`no table ${table}`);
    if (type !== "table") throw this.refused(`${table} is a ${type}`);
    const columns = this.read(`PRAGMA table_xinfo(${quoted(table)})`);
    const computed = columns.find((column) => column[6] !== 0);
    if (computed !== undefined) throw this.refused(`${table} computes its column ${computed[1]}`);
    return columns.map((column) => ({
      column: String(column[1]),
      type: String(column[2]),
      isKey: column[5] === 1,
    }));
  }

  /** All rows of a table, in the order of the file. */
  rows(table: string, columns: readonly string[]): SqlValue[][] {
    const known = new Set(this.columns(table).map(({ column }) => column.toLowerCase()));
    const absent = columns.find((column) => !known.has(column.toLowerCase()));
    if (absent !== undefined) throw new Error(`no column ${absent} in ${table}`);
    return this.read(`SELECT ${columns.map(quoted).join(", ")} FROM ${quoted(table)} NOT INDEXED`);
  }

  private read(sql: string): SqlValue[][] {
    const rows: SqlValue[][] = [];
    const statement = this.database.prepare(sql);
    try {
      while (statement.step()) {
        const row = statement.get();
        this.budget -= row.reduce<number>((sum, value) => sum + bytesOf(value), 4);
        if (this.budget < 0) throw new Error(`more rows than its size allows (${sql.slice(0, 100)})`);
        rows.push(row);
      }
      return rows;
    } finally {
      statement.free();
    }
  }

  private refused(got: string): GlofError {
    return new GlofError(
      "unsupported-feature",
      `${this.name}: expected layers that are tables, got another kind: ${got}. Export the layer as a table.`,
      { name: this.name },
    );
  }
}

const bytesOf = (value: SqlValue): number => (typeof value === "number" || value === null ? 1 : value.length);
