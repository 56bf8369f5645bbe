import type { BandInterpretation, Color, RasterBand } from "../types.js";
import { parseGdalMetadata } from "./gdal_metadata.js";
import type { TiffFile } from "./tiff_file.js";
import type { TiffLayout } from "./tiff_layout.js";

/** What the tags say of each band: GDAL's names, no-data, scale and offset, and the colours of TIFF 6.0. */
export function readBands(file: TiffFile, layout: TiffLayout): RasterBand[] {
  const items = parseGdalMetadata(text(file.tag("GDAL_METADATA")));
  const item = (band: number, role: string): string | undefined =>
    items.find((candidate) => candidate.sample === band && candidate.role === role)?.value;
  const nodata = parseNodata(text(file.tag("GDAL_NODATA")), layout);
  return Array.from({ length: layout.bandCount }, (_, band) => ({
    name: item(band, "description") || undefined,
    dtype: layout.dtype,
    nodata,
    scale: finiteOr(item(band, "scale"), 1),
    offset: finiteOr(item(band, "offset"), 0),
    ...interpret(file, layout, band),
  }));
}

const text = (value: unknown): string => (typeof value === "string" ? value.replace(/\0.*$/s, "") : "");

/** Colours by `PhotometricInterpretation` and `ExtraSamples` (TIFF 6.0, sections 8 and 18). */
function interpret(
  file: TiffFile,
  layout: TiffLayout,
  band: number,
): { readonly interpretation?: BandInterpretation; readonly colorTable?: readonly Color[] } {
  const extras = Array.from((file.tag("ExtraSamples") ?? []) as ArrayLike<number>);
  const photometric = Number(file.tag("PhotometricInterpretation") ?? Number.NaN);
  const colorBands = layout.bandCount - extras.length;
  if (band >= colorBands) {
    const meaning = extras[band - colorBands];
    return meaning === 1 || meaning === 2 ? { interpretation: "alpha" } : {};
  }
  const colorTable = photometric === 3 && band === 0 ? readColorTable(file, layout) : undefined;
  if (colorTable !== undefined) return { interpretation: "palette", colorTable };
  const interpretation = pictures[photometric]?.[band];
  return interpretation === undefined ? {} : { interpretation };
}

/** Bands of a picture by `PhotometricInterpretation`. */
const pictures: Readonly<Record<number, readonly BandInterpretation[]>> = {
  2: ["red", "green", "blue"],
  5: ["cyan", "magenta", "yellow", "black"],
  6: ["red", "green", "blue"],
};

/** All reds, then all greens, then all blues, of 16 bits each. */
function readColorTable(file: TiffFile, layout: TiffLayout): readonly Color[] | undefined {
  const map = file.tag("ColorMap") as ArrayLike<number> | undefined;
  const count = 2 ** layout.bitsPerSample;
  if (map === undefined || layout.bitsPerSample > 16 || map.length < 3 * count) return undefined;
  const values = Array.from(map);
  // Old writers store 8 bits; libtiff takes a map without any larger value for one of those.
  const shift = values.some((value) => value > 255) ? 8 : 0;
  const at = (plane: number, entry: number): number => values[plane * count + entry]! >> shift;
  return Array.from(
    { length: count },
    (_, entry) => [at(0, entry), at(1, entry), at(2, entry), 255] as const,
  );
}

function finiteOr(value: string | undefined, fallback: number): number {
  const parsed = value === undefined ? Number.NaN : Number(value);
  return Number.isFinite(parsed) ? parsed : fallback;
}

function parseNodata(value: string, layout: TiffLayout): number | undefined {
  const trimmed = value.trim().toLowerCase();
  if (trimmed === "") return undefined;
  if (/^[+-]?nan/.test(trimmed)) return Number.NaN;
  if (/^[+-]?inf/.test(trimmed))
    return trimmed.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const parsed = Number(trimmed);
  if (Number.isNaN(parsed)) return undefined;
  // The text often has more digits than the pixels: compare like with like.
  return layout.dtype === "float32" ? Math.fround(parsed) : parsed;
}
