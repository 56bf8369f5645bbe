import type { AttributeValue, Feature } from "../../types.js";

/** Types of attribute columns that are written (OGC 12-128r18, table 1). */
export type ColumnType = "BOOLEAN" | "INTEGER" | "REAL" | "TEXT";

/**
 * Columns of features in order of first appearance, with the narrowest type that holds all values: whole numbers are
 * INTEGER, mixed kinds TEXT. Columns without any value are TEXT.
 */
export function inferColumns(features: readonly Feature[]): Map<string, ColumnType> {
  const types = new Map<string, ColumnType | undefined>();
  for (const { properties } of features) {
    for (const [name, value] of Object.entries(properties))
      types.set(name, widen(types.get(name), typeOf(value)));
  }
  return new Map([...types].map(([name, type]) => [name, type ?? "TEXT"]));
}

function typeOf(value: AttributeValue): ColumnType | undefined {
  if (value === null) return undefined;
  if (typeof value === "boolean") return "BOOLEAN";
  if (typeof value === "string") return "TEXT";
  return Number.isSafeInteger(value) ? "INTEGER" : "REAL";
}

function widen(known: ColumnType | undefined, next: ColumnType | undefined): ColumnType | undefined {
  if (known === undefined || next === undefined || known === next) return known ?? next;
  const isNumber = (type: ColumnType): boolean => type === "INTEGER" || type === "REAL";
  return isNumber(known) && isNumber(next) ? "REAL" : "TEXT";
}

/** A value as SQLite stores it in a column of a type; numbers that are not finite become NULL. */
export function toSqlValue(value: AttributeValue | undefined, type: ColumnType): number | string | null {
  if (value === undefined || value === null) return null;
  if (type === "TEXT") return String(value);
  if (typeof value === "boolean") return value ? 1 : 0;
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** A name as an SQL identifier. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
