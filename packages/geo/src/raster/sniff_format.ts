/** First bytes of files that people hand to `openRaster` by mistake, or that no reader here takes. */
const signatures: readonly (readonly [name: string, hex: string, at?: number])[] = [
  ["TIFF", "49492a00"],
  ["TIFF", "4d4d002a"],
  ["BigTIFF", "49492b00"],
  ["BigTIFF", "4d4d002b"],
  ["JPEG 2000", "0000000c6a502020"],
  ["JPEG 2000 codestream", "ff4fff51"],
  ["HDF5 or NetCDF-4", "894844460d0a1a0a"],
  ["NetCDF classic", "43444601"],
  ["NetCDF classic", "43444602"],
  ["NetCDF classic", "43444605"],
  ["HDF4", "0e031301"],
  ["PNG", "89504e47"],
  ["JPEG", "ffd8ff"],
  ["GIF", "47494638"],
  ["WebP", "57454250", 8],
  ["ERDAS Imagine", "454846415f484541444552"],
  ["GRIB", "47524942"],
  ["SQLite (a GeoPackage?)", "53514c69746520666f726d6174"],
  ["zip (a SAFE product?)", "504b0304"],
  ["gzip", "1f8b"],
  ["Zstandard", "28b52ffd"],
  ["bzip2", "425a68"],
  ["tar", "7573746172", 257],
  ["PDF", "25504446"],
];

const hexOf = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** Says what a file looks like by its first bytes, for an error: `looks like PNG`, or the bytes themselves. */
export function describeStart(start: Uint8Array): string {
  if (start.length === 0) return "an empty file";
  const found = signatures.find(([, hex, at = 0]) =>
    hexOf(start.subarray(at, at + hex.length / 2)).startsWith(hex),
  );
  if (found !== undefined) return `what looks like ${found[0]}`;
  const text = new TextDecoder().decode(start.subarray(0, 64));
  if (/^\s*(<\?xml|<!doctype|<html|<[a-z])/i.test(text)) return "what looks like XML or HTML";
  if (/^\s*[{[]/.test(text)) return "what looks like JSON";
  if (start.every((byte) => byte >= 32 || (byte >= 9 && byte <= 13))) return "what looks like text";
  const hex = hexOf(start.subarray(0, 8)).replace(/..(?=.)/g, "$& ");
  return `a file that begins with ${hex}`;
}
