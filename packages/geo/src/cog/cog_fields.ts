import { geoKeysForEpsg } from "../crs/geo_keys.js";
import { geoKeysForProj } from "../crs/geo_keys_for_proj.js";
import { isNorthUp } from "../grid.js";
import { bytesPerPixel, isFloatDtype } from "../raster/array_types.js";
import { formatGdalMetadata, type MetadataItem } from "../raster/gdal_metadata.js";
import { predictorFor } from "../raster/predictor.js";
import type { Color } from "../types.js";
import type { BandStatistics } from "./band_statistics.js";
import type { ResolvedCogOptions } from "./cog_options.js";
import type { PyramidLevel } from "./pyramid_level.js";
import type { TiffField } from "./tiff_directory.js";

/**
 * The tags of one level. Georeference and metadata stand on level 0 only, as GDAL's COG driver does.
 *
 * @param dataOffset where the level's tiles begin in the file
 */
export function cogFields(
  options: ResolvedCogOptions,
  level: PyramidLevel,
  isOverview: boolean,
  dataOffset: number,
  statistics: readonly BandStatistics[],
): TiffField[] {
  const { dtype, blockSize, nodata } = options;
  const bandCount = options.bandNames.length;
  const perBand = (value: number): number[] => new Array<number>(bandCount).fill(value);
  const sampleFormat = isFloatDtype(dtype) ? 3 : dtype.startsWith("u") ? 1 : 2;
  const fields: TiffField[] = [
    ...(isOverview ? [{ tag: 254, type: "long", values: [1] } as const] : []),
    { tag: 256, type: "long", values: [level.width] },
    { tag: 257, type: "long", values: [level.height] },
    { tag: 258, type: "short", values: perBand(8 * bytesPerPixel(dtype)) },
    { tag: 259, type: "short", values: [compressionTags[options.compression]] },
    { tag: 262, type: "short", values: [options.colorTable === undefined ? 1 : 3] },
    { tag: 277, type: "short", values: [bandCount] },
    { tag: 284, type: "short", values: [1] },
    { tag: 322, type: "short", values: [blockSize] },
    { tag: 323, type: "short", values: [blockSize] },
    { tag: 324, type: "offset", values: level.store.offsets.map((offset) => dataOffset + offset) },
    { tag: 325, type: "long", values: level.store.byteCounts },
    { tag: 339, type: "short", values: perBand(sampleFormat) },
  ];
  if (options.compression !== "none") fields.push({ tag: 317, type: "short", values: [predictorFor(dtype)] });
  if (options.colorTable !== undefined) fields.push(colorMap(options.colorTable, 8 * bytesPerPixel(dtype)));
  // Every band after the first is "extra" to a grey picture, of no stated meaning.
  if (bandCount > 1) fields.push({ tag: 338, type: "short", values: perBand(0).slice(1) });
  if (nodata !== undefined) fields.push({ tag: 42113, type: "ascii", values: nodataText(nodata) });
  if (!isOverview) fields.push(...geoFields(options), ...metadataFields(options, statistics));
  return fields;
}

/** Values of the Compression tag (TIFF 6.0; ZSTD by libtiff). */
const compressionTags = { none: 1, deflate: 8, zstd: 50_000 } as const;

/** All reds, then all greens, then all blues, stretched to 16 bits (TIFF 6.0, section 5). */
function colorMap(colors: readonly Color[], bits: number): TiffField {
  const count = 2 ** bits;
  const plane = (part: 0 | 1 | 2): number[] =>
    Array.from({ length: count }, (_, entry) => 257 * (colors[entry]?.[part] ?? 0));
  return { tag: 320, type: "short", values: [...plane(0), ...plane(1), ...plane(2)] };
}

const nodataText = (nodata: number): string => (Number.isNaN(nodata) ? "nan" : String(nodata));

function geoFields({ grid }: ResolvedCogOptions): TiffField[] {
  const [x, a, b, y, c, d] = grid.geoTransform;
  const fields: TiffField[] = [];
  if (isNorthUp(grid.geoTransform)) {
    fields.push({ tag: 33550, type: "double", values: [a, -d, 0] });
    fields.push({ tag: 33922, type: "double", values: [0, 0, 0, x, y, 0] });
  } else if (!isIdentity(grid.geoTransform)) {
    fields.push({ tag: 34264, type: "double", values: [a, b, 0, x, c, d, 0, y, 0, 0, 0, 0, 0, 0, 0, 1] });
  }
  if (grid.crs !== undefined) {
    const { epsg } = grid.crs;
    const keys = epsg === undefined ? geoKeysForProj(grid.crs) : geoKeysForEpsg({ ...grid.crs, epsg });
    fields.push({ tag: 34735, type: "short", values: keys.directory });
    if (keys.doubles !== undefined && keys.doubles.length > 0)
      fields.push({ tag: 34736, type: "double", values: keys.doubles });
    fields.push({ tag: 34737, type: "ascii", values: keys.text });
  }
  return fields;
}

/** The transform of rasters that are not georeferenced: it is not written. */
const isIdentity = (transform: readonly number[]): boolean => transform.join() === "0,1,0,0,0,1";

function metadataFields(options: ResolvedCogOptions, statistics: readonly BandStatistics[]): TiffField[] {
  const items: MetadataItem[] = Object.entries(options.metadata ?? {}).map(([name, value]) => ({
    name,
    value,
  }));
  options.bandNames.forEach((name, sample) => {
    const scale = options.scales[sample]!;
    const offset = options.offsets[sample]!;
    if (name !== "") items.push({ name: "DESCRIPTION", value: name, sample, role: "description" });
    if (scale !== 1 || offset !== 0) {
      items.push({ name: "OFFSET", value: String(offset), sample, role: "offset" });
      items.push({ name: "SCALE", value: String(scale), sample, role: "scale" });
    }
    for (const [key, value] of statistics[sample]?.items() ?? []) {
      items.push({ name: `STATISTICS_${key}`, value: String(value), sample });
    }
  });
  return items.length === 0 ? [] : [{ tag: 42112, type: "ascii", values: formatGdalMetadata(items) }];
}
