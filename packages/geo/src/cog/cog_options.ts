import { GlofError } from "@glof/core";
import { geoKeysForProj } from "../crs/geo_keys_for_proj.js";
import { dtypeRange, isFloatDtype } from "../raster/array_types.js";
import type { Color, RasterArray, RasterDtype, RasterGrid } from "../types.js";

/** Pixel types that `beginCog` writes. */
export type CogDtype = Exclude<RasterDtype, "int8">;

/** How four pixels become one of the next overview; no-data pixels are left out where they can be. */
export type OverviewMethod = "average" | "nearest" | "mode";

/** How tiles are compressed. */
export type CogCompression = "deflate" | "zstd" | "none";

/** What a Cloud Optimized GeoTIFF shall hold. */
export interface CogOptions {
  readonly grid: RasterGrid;
  readonly dtype: CogDtype;
  /** One name per band: they become the band descriptions. */
  readonly bandNames: readonly string[];
  /** Value that means "no data"; NaN is allowed for floats. */
  readonly nodata?: number;
  /** Side of the square tiles in pixels, a multiple of 16 from 16 to 4096. Default 512. */
  readonly blockSize?: number;
  /** `"average"` for measurements and probabilities, `"mode"` or `"nearest"` for classes. */
  readonly overviews: OverviewMethod;
  /** `physical = raw · scale + offset`, for all bands or one number per band. Default 1 and 0. */
  readonly scale?: number | readonly number[];
  readonly offset?: number | readonly number[];
  /** Text items of the file (GDAL metadata). */
  readonly metadata?: Readonly<Record<string, string>>;
  /**
   * `"deflate"` (default), which every reader knows; `"zstd"`, smaller and faster, where Node has it (22.15, 23.8 or later);
   * `"none"`. A predictor is applied to all but the last.
   */
  readonly compression?: CogCompression;
  /** Effort: 1 to 9 for DEFLATE (default 6), 1 to 22 for ZSTD (default 9). */
  readonly compressionLevel?: number;
  /**
   * Where DEFLATE looks for repetitions: `"window"` (default), in all that came shortly before; `"runs"`, in the byte before
   * alone. Floats whose last digits are noise have hardly any others: lake probabilities take a third of the time by runs, and
   * a twentieth more bytes. Any reader reads either.
   */
  readonly deflateSearch?: "window" | "runs";
  /** `"auto"` (default) writes BigTIFF where the file would pass 4 GiB; `"always"` in any case. */
  readonly bigTiff?: "auto" | "always";
  /** Colours of the values 0, 1, 2, … of one band of `uint8` or `uint16`: a paletted picture. Absent entries are black. */
  readonly colorTable?: readonly Color[];
  /** Store minimum, maximum, mean and standard deviation of the valid pixels. Default false. */
  readonly statistics?: boolean;
}

/** Takes rows from the top; the file appears under its name at `close`. */
export interface CogWriter {
  /**
   * The next `rowCount` rows: one array per band, row after row. They are copied before the promise resolves; wait for
   * it before the next call.
   */
  writeRows(rows: readonly RasterArray[], rowCount: number): Promise<void>;
  /** Finishes the file and gives it its name. All rows must have been written. */
  close(): Promise<void>;
  /** Removes everything written. Safe at any time, also after `close`, where it does nothing. */
  abandon(): Promise<void>;
}

/** `CogOptions` with its defaults, checked. */
export interface ResolvedCogOptions extends CogOptions {
  readonly blockSize: number;
  readonly scales: readonly number[];
  readonly offsets: readonly number[];
  readonly compression: CogCompression;
  readonly compressionLevel: number;
  readonly deflateSearch: "window" | "runs";
}

/**
 * Fills in defaults and checks.
 *
 * @throws GlofError `bad-argument`; `unsupported-feature` for a CRS without an EPSG code
 */
export function resolveCogOptions(options: CogOptions): ResolvedCogOptions {
  const { grid, dtype, bandNames, nodata } = options;
  const blockSize = options.blockSize ?? 512;
  const bandCount = bandNames.length;
  const perBand = (value: number | readonly number[] | undefined, fallback: number): number[] =>
    Array.from({ length: bandCount }, (_, band) =>
      typeof value === "object" ? value[band]! : (value ?? fallback),
    );
  const scales = perBand(options.scale, 1);
  const offsets = perBand(options.offset, 0);
  insist(
    isCount(grid.width) && isCount(grid.height),
    "a grid of at least 1 x 1",
    `${grid.width} x ${grid.height}`,
  );
  insist(
    ["uint8", "uint16", "int16", "uint32", "int32", "float32", "float64"].includes(dtype),
    "a CogDtype",
    dtype,
  );
  insist(bandCount >= 1 && bandCount <= 65_535, "1 to 65535 band names", `${bandCount}`);
  insist(
    blockSize % 16 === 0 && blockSize >= 16 && blockSize <= 4096,
    "a blockSize that is a multiple of 16 from 16 to 4096",
    `${blockSize}`,
  );
  insist(
    nodata === undefined || isValueOf(dtype, nodata),
    `a nodata value that ${dtype} can hold`,
    `${nodata}`,
  );
  insist([...scales, ...offsets].every(Number.isFinite), "finite scale and offset for each band", "others");
  insist(grid.geoTransform.every(Number.isFinite), "a finite geotransform", grid.geoTransform.join(", "));
  const epsg = grid.crs?.epsg;
  if (grid.crs !== undefined && epsg === undefined) geoKeysForProj(grid.crs);
  else if (epsg !== undefined && !(epsg > 0 && epsg < 32_767)) {
    throw new GlofError(
      "unsupported-feature",
      `beginCog: expected a CRS with an EPSG code below 32767, got EPSG:${epsg}. Reproject to a UTM zone first, or give a proj string in its place.`,
      { crs: grid.crs },
    );
  }
  return { ...options, blockSize, scales, offsets, ...checkedCompression(options) };
}

function checkedCompression(
  options: CogOptions,
): Pick<ResolvedCogOptions, "compression" | "compressionLevel" | "deflateSearch"> {
  const { compression = "deflate", deflateSearch = "window", colorTable, dtype, bandNames } = options;
  const level = options.compressionLevel ?? (compression === "zstd" ? 9 : 6);
  insist(["deflate", "zstd", "none"].includes(compression), "a CogCompression", compression);
  insist(
    Number.isInteger(level) && level >= 1 && level <= (compression === "zstd" ? 22 : 9),
    "a compressionLevel from 1 to 9 (22 for zstd)",
    `${level}`,
  );
  insist(["window", "runs"].includes(deflateSearch), 'deflateSearch "window" or "runs"', deflateSearch);
  insist(
    ["auto", "always", undefined].includes(options.bigTiff),
    'bigTiff "auto" or "always"',
    `${options.bigTiff}`,
  );
  if (colorTable !== undefined) {
    const isPaletted = bandNames.length === 1 && (dtype === "uint8" || dtype === "uint16");
    insist(isPaletted, "one band of uint8 or uint16 with a colorTable", `${bandNames.length} of ${dtype}`);
    insist(
      colorTable.length <= (dtype === "uint8" ? 256 : 65_536) &&
        colorTable.every((color) =>
          color.every((part) => Number.isInteger(part) && part >= 0 && part <= 255),
        ),
      "a colorTable of up to 256 (uint16: 65536) colours of 0 to 255",
      `${colorTable.length} entries`,
    );
  }
  return { compression, compressionLevel: level, deflateSearch };
}

const isCount = (value: number): boolean => Number.isInteger(value) && value >= 1 && value < 2 ** 31;

function isValueOf(dtype: CogDtype, value: number): boolean {
  if (isFloatDtype(dtype)) return true;
  const [lowest, highest] = dtypeRange(dtype);
  return Number.isInteger(value) && value >= lowest && value <= highest;
}

function insist(holds: boolean, expected: string, got: string): void {
  if (!holds) {
    throw new GlofError("bad-argument", `beginCog: expected ${expected}, got ${got}. Correct the options.`);
  }
}
