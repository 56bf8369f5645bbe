import type { Crs, LonLatBounds } from "@glof/geo";

/** `WGS 84 / UTM zone 45N (EPSG:32645)` */
export function crsText(crs: Crs | undefined): string {
  if (crs === undefined) return "none";
  return crs.epsg === undefined ? crs.name : `${crs.name} (EPSG:${crs.epsg})`;
}

/** `86.8271 to 86.8322 E, 27.9757 to 27.9793 N` */
export function boundsText(bounds: LonLatBounds | undefined): string {
  if (bounds === undefined) return "unknown";
  const [west, south, east, north] = bounds;
  return `${pair(west, east, "E", "W")}, ${pair(south, north, "N", "S")}`;
}

function pair(from: number, to: number, positive: string, negative: string): string {
  const side = (value: number): string => (value < 0 ? negative : positive);
  const number = (value: number): string => Math.abs(value).toFixed(4);
  const first = side(from) === side(to) ? number(from) : `${number(from)} ${side(from)}`;
  return `${first} to ${number(to)} ${side(to)}`;
}

/** `12.3 %` */
export const percentText = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** A label of ten characters before what it labels; nothing for what is not known. */
export const line = (label: string, value: string | undefined): string[] =>
  value === undefined || value === "" ? [] : [`${label.padEnd(10)}${value}`];

/** Rows in columns as wide as their widest cell, indented. */
export function tableLines(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ")}`.trimEnd(),
  );
}

/** A path that is an address on the web. */
export const isAddress = (path: string): boolean => /^https?:/i.test(path);
