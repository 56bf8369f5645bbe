import {
  type LonLatBounds,
  listVariables,
  lonLatBounds,
  openRaster,
  type RasterArray,
  type RasterBand,
  type RasterSource,
  readReduced,
  type VariableInfo,
} from "@glof/geo";
import {
  beginsWith,
  type InspectedPath,
  type Inspection,
  type InspectKind,
  type InspectOptions,
} from "./inspect_kind.js";
import { boundsText, crsText, isAddress, line, percentText, tableLines } from "./place_text.js";

/** GeoTIFF, JPEG 2000, NetCDF, Zarr. */
export const rasterKind: InspectKind = {
  title: "rasters (GeoTIFF, JPEG 2000, NetCDF-4, Zarr)",
  recognises: isRaster,
  inspect: ({ path }, options) => inspectRaster(path, options),
};

/** TIFF and BigTIFF of either byte order, JP2, a bare codestream, HDF5, classic NetCDF. */
const magics: readonly (readonly number[])[] = [
  [0x49, 0x49, 0x2a, 0],
  [0x49, 0x49, 0x2b, 0],
  [0x4d, 0x4d, 0, 0x2a],
  [0x4d, 0x4d, 0, 0x2b],
  [0, 0, 0, 0x0c, 0x6a, 0x50],
  [0xff, 0x4f, 0xff, 0x51],
  [0x89, 0x48, 0x44, 0x46],
  [0x43, 0x44, 0x46],
];

function isRaster({ path, isFolder, names, start }: InspectedPath): boolean {
  if (isFolder) return names.some((name) => [".zgroup", ".zarray", "zarr.json"].includes(name));
  if (isAddress(path)) return /\.(tiff?|jp2|j2k|nc|h5|zarr)\/?([?#].*)?$/i.test(path);
  return magics.some((magic) => beginsWith(start, magic));
}

/** The longer side of the sample of pixels. */
const samplePx = 512;

async function inspectRaster(path: string, { signal, pixels }: InspectOptions): Promise<Inspection> {
  const raster = await openRaster(path, { signal });
  try {
    const samples = pixels || !isAddress(path) ? await sampleBands(raster, signal) : undefined;
    const facts = rasterFacts(raster, samples);
    const variables = await variablesOf(path, raster);
    return {
      json: { kind: "raster", path, ...facts, ...(variables && { variables }) },
      lines: [`${path}: ${titleOf(raster)}`, ...rasterLines(facts, raster), ...variableLines(variables)],
    };
  } finally {
    await raster.close();
  }
}

/** Of what may hold several rasters. */
async function variablesOf(path: string, raster: RasterSource): Promise<VariableInfo[] | undefined> {
  return raster.storage === undefined ? listVariables(path) : undefined;
}

const variableLines = (variables: readonly VariableInfo[] | undefined): string[] =>
  variables === undefined
    ? []
    : ["variables", ...tableLines(variables.map(({ name, isRaster: is }) => [name, is ? "raster" : ""]))];

interface BandSample {
  /** Share of the sampled pixels without a number. */
  readonly noDataFraction: number;
  readonly min: number | null;
  readonly max: number | null;
  readonly mean: number | null;
}

async function sampleBands(raster: RasterSource, signal: AbortSignal): Promise<BandSample[]> {
  const { width, height } = raster.grid;
  const scale = Math.min(1, samplePx / Math.max(width, height));
  const size = [Math.max(1, Math.round(height * scale)), Math.max(1, Math.round(width * scale))] as const;
  const window = { x: 0, y: 0, width, height };
  const samples: BandSample[] = [];
  for (const [band, { nodata }] of raster.bands.entries()) {
    const [values] = await readReduced(raster, window, size, {
      resampling: "nearest",
      bands: [band],
      signal,
    });
    samples.push(summarise(values!, nodata));
  }
  return samples;
}

function summarise(values: RasterArray, nodata: number | undefined): BandSample {
  const declared = nodata !== undefined && values instanceof Float32Array ? Math.fround(nodata) : nodata;
  let [count, sum, min, max] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value === declared || !Number.isFinite(value)) continue;
    count++;
    sum += value;
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  const some = count > 0;
  return {
    noDataFraction: 1 - count / values.length,
    min: some ? min : null,
    max: some ? max : null,
    mean: some ? sum / count : null,
  };
}

function rasterFacts(raster: RasterSource, samples: readonly BandSample[] | undefined) {
  const { grid, bands, blockSize, storage, overviews = [], mask } = raster;
  const { width, height, geoTransform, crs } = grid;
  const bounds: LonLatBounds | null = lonLatBounds(grid) ?? null;
  return {
    width,
    height,
    geoTransform,
    pixelSize: [geoTransform[1], geoTransform[5]],
    crs: crs === undefined ? null : { epsg: crs.epsg ?? null, name: crs.name },
    bounds,
    storage: storage ?? null,
    blockSize,
    overviews: overviews.map((level) => [level.grid.width, level.grid.height] as const),
    hasMask: mask !== undefined,
    bands: bands.map((band, index) => ({ ...bandFacts(band), sample: samples?.[index] ?? null })),
    warnings: warningsOf(raster, samples),
  };
}

const bandFacts = ({ name, dtype, nodata, scale, offset, interpretation }: RasterBand) => ({
  name: name ?? null,
  dtype,
  nodata: nodata === undefined ? null : Number.isNaN(nodata) ? "NaN" : nodata,
  scale,
  offset,
  interpretation: interpretation ?? null,
});

function warningsOf({ grid }: RasterSource, samples: readonly BandSample[] | undefined): string[] {
  const [, , rowRotation, , columnRotation] = grid.geoTransform;
  const isEmpty = samples?.every(({ noDataFraction }) => noDataFraction === 1) ?? false;
  return [
    ...(grid.crs === undefined
      ? ["no coordinate reference system: areas and outlines on the Earth need one"]
      : []),
    ...(rowRotation !== 0 || columnRotation !== 0 ? ["not north-up: warp it before it is mapped"] : []),
    ...(isEmpty ? ["no pixel with data in the sample"] : []),
  ];
}

function titleOf({ storage, bands }: RasterSource): string {
  const dtypes = [...new Set(bands.map(({ dtype }) => dtype))].join(", ");
  return `${storage?.format ?? "raster"}, ${bands.length} ${bands.length === 1 ? "band" : "bands"} of ${dtypes}`;
}

type RasterFacts = ReturnType<typeof rasterFacts>;

function rasterLines(facts: RasterFacts, { grid }: RasterSource): string[] {
  const { width, height, pixelSize, storage, blockSize, overviews, hasMask, bands, warnings } = facts;
  const unit = grid.crs === undefined ? "" : grid.crs.geographic ? " degrees" : " m";
  const [dx, dy] = pixelSize.map((size) => Number(Math.abs(size!).toPrecision(8)));
  const kept = storage === null ? undefined : storageText(storage, blockSize);
  const sampled = bands[0]?.sample ? ["no data", "least", "greatest", "mean"] : [];
  return [
    ...line("size", `${width} x ${height} pixels of ${dx === dy ? dx : `${dx} x ${dy}`}${unit}`),
    ...line("CRS", crsText(grid.crs)),
    ...line("extent", facts.bounds === null ? undefined : boundsText(facts.bounds)),
    ...line("stored", kept),
    ...line(
      "overviews",
      overviews.length === 0 ? "none" : overviews.map((size) => size.join(" x ")).join(", "),
    ),
    ...line("mask", hasMask ? "in the file" : undefined),
    "bands",
    ...tableLines([
      ["", "name", "type", "no-data value", "scale, offset", ...sampled],
      ...bands.map(bandRow),
    ]),
    ...warnings.map((warning) => `warning: ${warning}`),
  ];
}

function storageText(storage: NonNullable<RasterSource["storage"]>, [rows, cols]: readonly number[]): string {
  const { compression, predictor = 1, layout } = storage;
  const packed = predictor === 1 ? compression : `${compression}, predictor ${predictor}`;
  return `${packed}; ${layout} of ${cols} x ${rows}`;
}

function bandRow(band: RasterFacts["bands"][number], index: number): string[] {
  const { name, dtype, nodata, scale, offset, interpretation, sample } = band;
  const number = (value: number | null): string =>
    value === null ? "-" : String(Number(value.toPrecision(6)));
  return [
    String(index + 1),
    name ?? interpretation ?? "-",
    dtype,
    nodata === null ? "-" : String(nodata),
    scale === 1 && offset === 0 ? "-" : `${scale}, ${offset}`,
    ...(sample
      ? [percentText(sample.noDataFraction), ...[sample.min, sample.max, sample.mean].map(number)]
      : []),
  ];
}
