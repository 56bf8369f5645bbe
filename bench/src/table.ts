/** A Markdown table: texts to the left, numbers (cells that begin with a digit, a sign or are empty) as they come. */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(" | ")} |`;
  return [
    line(header),
    `|${header.map(() => "---").join("|")}|`,
    ...rows.map((row) => line([...row, ...header.slice(row.length).map(() => "")])),
  ].join("\n");
}

/** The same rows for a terminal: columns as wide as their longest cell, all but the first flush right. */
export function plainTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  // The last cell of a short row is a remark: it may run over.
  const counted = all.map((row) => (row.length < header.length ? row.slice(0, -1) : row));
  const widths = header.map((_, column) => Math.max(0, ...counted.map((row) => (row[column] ?? "").length)));
  const pad = (text: string, column: number) =>
    column < 2 || text.length > widths[column]!
      ? text.padEnd(widths[column]!)
      : text.padStart(widths[column]!);
  return all
    .map((row) =>
      header
        .map((_, column) => pad(row[column] ?? "", column))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Three significant digits, without an exponent from 0.001 to a million. */
export function threeDigits(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  if (magnitude < -3 || magnitude >= 6) return value.toExponential(1);
  return value.toFixed(Math.min(3, Math.max(0, 2 - magnitude)));
}

/** A share as a percentage. */
export function percent(share: number): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %` : "–";
}

const escapeCell = (text: string): string => text.replaceAll("|", "\\|");
