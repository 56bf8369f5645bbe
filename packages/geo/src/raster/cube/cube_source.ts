import { GlofError, throwIfAborted } from "@glof/core";
import type {
  GeoTransform,
  PixelWindow,
  RasterArray,
  RasterBand,
  RasterGrid,
  RasterSource,
} from "../../types.js";
import { checkWindow } from "../window_reader.js";
import { type MapAxes, readSpacing, type Spacing } from "./cf_axes.js";
import { cfCrs, gridMappingOf, mappingTransform } from "./cf_crs.js";
import { type CubeStore, type CubeVariable, numberAttribute } from "./cube_store.js";
import { pickVariable } from "./cube_variables.js";
import { bandNames } from "./slice_names.js";

/** More slices than this are no bands of a picture. */
const maxBands = 65_535;
/** Side of the blocks reported for arrays that are not chunked. */
const defaultBlock = 512;

/**
 * One variable of a NetCDF or Zarr file as a raster. Columns and rows are its map axes; every combination of the other
 * dimensions (time, band, level) is a band, the last dimension running fastest. Rows are turned so that north is up, and
 * columns so that east is right, whatever the order in the file. CF's `_FillValue` (or `missing_value`), `scale_factor`
 * and `add_offset` become no-data, scale and offset.
 *
 * @throws GlofError `bad-argument` when `wanted` is no variable that is a raster, or is left out and several are;
 *   `bad-geotransform` for coordinates that are not evenly spaced; `unsupported-feature`; `limit-exceeded`
 */
export async function createCubeSource(store: CubeStore, wanted: string | undefined): Promise<RasterSource> {
  const { variable, axes } = pickVariable(store, wanted);
  const mapping = gridMappingOf(store, variable);
  const placed = await placeAxes(store, axes, mappingTransform(mapping));
  const grid: RasterGrid = {
    width: axes.x.size,
    height: axes.y.size,
    geoTransform: placed.geoTransform,
    crs: cfCrs(variable, mapping, axes),
  };
  const others = variable.dimensions
    .map((_, dimension) => dimension)
    .filter((dimension) => dimension !== axes.x.dimension && dimension !== axes.y.dimension);
  const bandCount = others.reduce((product, dimension) => product * variable.shape[dimension]!, 1);
  if (bandCount < 1 || bandCount > maxBands || grid.width < 1 || grid.height < 1) {
    throw new GlofError(
      "limit-exceeded",
      `${store.name}: expected ${variable.name} of at least one pixel and up to ${maxBands} bands, got ${variable.shape.join(" x ")}. Cut the file into smaller ones.`,
      { shape: variable.shape },
    );
  }
  const names = await bandNames(store, variable, others);
  const bands = names.map((name): RasterBand => ({ name, ...bandFacts(variable) }));
  const slice: SliceReader = { variable, axes, others, grid, ...placed };
  return {
    name: store.name,
    grid,
    bands,
    blockSize: [blockSide(variable, axes.y.dimension), blockSide(variable, axes.x.dimension)],
    overviews: [],
    async readWindow(window, options = {}) {
      checkWindow(window, grid, store.name);
      const out: RasterArray[] = [];
      for (const band of options.bands ?? bands.map((_, index) => index)) {
        throwIfAborted(options.signal, "readWindow");
        if (bands[band] === undefined) {
          throw new GlofError(
            "bad-argument",
            `readWindow: expected bands 0 to ${bandCount - 1} of ${store.name}, got ${band}. Count from 0.`,
          );
        }
        out.push(await readSlice(slice, band, window, options.signal));
      }
      return out;
    },
    close: () => store.close(),
  };
}

function bandFacts(variable: CubeVariable): Omit<RasterBand, "name"> {
  const fill = numberAttribute(variable, "_FillValue") ?? numberAttribute(variable, "missing_value");
  const dtype = variable.dtype!;
  // Single precision as the pixels have it: compare like with like.
  const nodata = fill !== undefined && dtype === "float32" ? Math.fround(fill) : fill;
  return {
    dtype,
    nodata,
    scale: numberAttribute(variable, "scale_factor") ?? 1,
    offset: numberAttribute(variable, "add_offset") ?? 0,
  };
}

const blockSide = (variable: CubeVariable, dimension: number): number =>
  Math.max(1, Math.min(variable.chunks?.[dimension] ?? defaultBlock, variable.shape[dimension]!));

interface PlacedAxes {
  readonly geoTransform: GeoTransform;
  /** Columns run west, rows run north in the file: they are turned round. */
  readonly flipX: boolean;
  readonly flipY: boolean;
}

/** From the coordinates where there are two, else the transform of the grid mapping, else none ([0, 1, 0, 0, 0, 1]). */
async function placeAxes(
  store: CubeStore,
  axes: MapAxes,
  stated: GeoTransform | undefined,
): Promise<PlacedAxes> {
  const { x, y } = axes;
  if (x.coordinate === undefined || y.coordinate === undefined) {
    return { geoTransform: stated ?? [0, 1, 0, 0, 0, 1], flipX: false, flipY: false };
  }
  const across = await readSpacing(x.coordinate, store.name);
  const down = await readSpacing(y.coordinate, store.name);
  const width = across?.step ?? stated?.[1] ?? Math.abs(down?.step ?? 1);
  const height = down?.step ?? stated?.[5] ?? -Math.abs(width);
  const columns = across ?? { first: (await x.coordinate.read([0], [1]))[0]!, step: width };
  const rows = down ?? { first: (await y.coordinate.read([0], [1]))[0]!, step: height };
  const [flipX, flipY] = [columns.step < 0, rows.step > 0];
  const west = flipX ? lastOf(columns, x.size) : columns.first;
  const north = flipY ? lastOf(rows, y.size) : rows.first;
  const [right, up] = [Math.abs(columns.step), Math.abs(rows.step)];
  return { geoTransform: [west - right / 2, right, 0, north + up / 2, 0, -up], flipX, flipY };
}

const lastOf = (spacing: Spacing, count: number): number => spacing.first + (count - 1) * spacing.step;

interface SliceReader extends PlacedAxes {
  readonly variable: CubeVariable;
  readonly axes: MapAxes;
  /** The dimensions that make the bands. */
  readonly others: readonly number[];
  readonly grid: RasterGrid;
}

async function readSlice(
  { variable, axes, others, grid, flipX, flipY }: SliceReader,
  band: number,
  window: PixelWindow,
  signal: AbortSignal | undefined,
): Promise<RasterArray> {
  const start = variable.shape.map(() => 0);
  const count = variable.shape.map(() => 1);
  let rest = band;
  for (const dimension of [...others].reverse()) {
    start[dimension] = rest % variable.shape[dimension]!;
    rest = Math.floor(rest / variable.shape[dimension]!);
  }
  start[axes.x.dimension] = flipX ? grid.width - window.x - window.width : window.x;
  start[axes.y.dimension] = flipY ? grid.height - window.y - window.height : window.y;
  count[axes.x.dimension] = window.width;
  count[axes.y.dimension] = window.height;
  const values = await variable.read(start, count, signal);
  const isTransposed = axes.x.dimension < axes.y.dimension;
  if (!isTransposed && !flipX && !flipY) return values;
  return turn(values, window.width, window.height, { isTransposed, flipX, flipY });
}

/** Brings values to rows from the north, each from the west. */
function turn(
  values: RasterArray,
  width: number,
  height: number,
  how: { readonly isTransposed: boolean; readonly flipX: boolean; readonly flipY: boolean },
): RasterArray {
  const out = values.slice();
  for (let row = 0, at = 0; row < height; row++) {
    const y = how.flipY ? height - 1 - row : row;
    for (let col = 0; col < width; col++) {
      const x = how.flipX ? width - 1 - col : col;
      out[at++] = values[how.isTransposed ? x * height + y : y * width + x]!;
    }
  }
  return out;
}
