import { GlofError } from "@glof/core";
import {
  type Connectivity,
  type Crs,
  crsFromEpsg,
  openRaster,
  type RasterSource,
  streamOutlines,
  vectorFormatOf,
  writeVectors,
} from "@glof/geo";
import { type Command, Option } from "commander";
import { withInterrupt } from "../interrupt.js";
import { requireAbsent } from "../require_absent.js";
import { type Console, processConsole } from "../terminal/console.js";
import { beginProgress } from "../terminal/progress.js";
import { toCount, toLeastZero } from "./parse_flags.js";
import { type OutlineTotals, outlineColumns, outlineFeatures } from "./polygonize_features.js";

interface PolygonizeFlags {
  out: string;
  connectivity: "4" | "8";
  minArea: number;
  valueField?: string;
  zero?: boolean;
  band: number;
  layer?: string;
  epsg?: number;
  force?: boolean;
  overwrite?: boolean;
  json?: boolean;
  quiet?: boolean;
  verbose?: boolean;
}

const HELP = `
The format follows the ending of --out: .gpkg, .geojson (WGS 84), .fgb, .csv (with WKT). Outlines run along pixel edges,
holes included, and are valid. Pixels without data belong to no region. Columns: area_m2 (on the ellipsoid),
area_planar_m2, perimeter_m, pixel_count. The raster is read in strips, never as a whole; into
a GeoPackage the outlines, too, go one by one.

Examples:
  $ glof polygonize mask.tif --out lakes.gpkg
  $ glof polygonize mask.tif --out lakes.geojson --connectivity 8 --min-area 1000
  $ glof polygonize SCL.tif --out classes.fgb --value-field class`;

/** Adds `glof polygonize`. */
export function addPolygonizeCommand(program: Command): void {
  program
    .command("polygonize")
    .description("outlines of the regions of a mask, or of each value of a raster")
    .argument("<mask>", "raster: a file or an address")
    .requiredOption("-o, --out <file>", "file to write: .gpkg, .geojson, .fgb or .csv")
    .addOption(
      new Option("--connectivity <n>", "4: pixels that share an edge belong together; 8: or a corner")
        .choices(["4", "8"])
        .default("4"),
    )
    .option("--min-area <m2>", "drop smaller regions", toLeastZero, 0)
    .option("--value-field <name>", "one polygon per region of equal value, which this column holds")
    .option("--zero", "with --value-field: outline the pixels of value 0 too")
    .option("--band <n>", "number of the band, from 1", toCount, 1)
    .option("--layer <name>", "name of the layer (default: that of the file)")
    .option("--epsg <code>", "CRS of a raster that names none", toCount)
    .option("-f, --force", "replace an earlier file")
    .addOption(new Option("--overwrite", "the same, as other commands call it").hideHelp())
    .option("--json", "print the result as JSON on stdout, and nothing else")
    .option("-q, --quiet", "print only errors")
    .option("-v, --verbose", "print more")
    .addHelpText("after", HELP)
    .action(runPolygonize);
}

async function runPolygonize(path: string, flags: PolygonizeFlags): Promise<void> {
  vectorFormatOf(flags.out);
  checkValueField(flags);
  if (!flags.force && !flags.overwrite) await requireAbsent("glof polygonize", [flags.out]);
  const console = processConsole(flags);
  await withInterrupt(async (signal) => {
    const raster = await openRaster(path, { signal });
    try {
      await polygonize(raster, flags, console, signal);
    } finally {
      await raster.close();
    }
  });
}

async function polygonize(
  raster: RasterSource,
  flags: PolygonizeFlags,
  console: Console,
  signal: AbortSignal,
): Promise<void> {
  const { out, valueField, layer = stemOf(out) } = flags;
  const band = checkBand(raster, flags.band);
  const crs = checkCrs(raster, flags);
  const progress = beginProgress(console);
  try {
    const outlines = await streamOutlines(raster, {
      band,
      connectivity: Number(flags.connectivity) as Connectivity,
      byValue: valueField !== undefined,
      withZero: flags.zero ?? false,
      onProgress: progress.onProgress,
      signal,
    });
    const { features, totals } = outlineFeatures(outlines, crs, flags);
    const columns = outlineColumns(valueField, raster.bands[band]!.dtype);
    await writeVectors(out, { layer, crs, features, columns });
    progress.end();
    tell(console, { out, ...totals() });
  } finally {
    progress.end();
  }
}

interface Result extends OutlineTotals {
  readonly out: string;
}

function tell(console: Console, result: Result): void {
  if (console.asJson) {
    console.json(result);
    return;
  }
  const { out, polygons, regions, totalAreaM2 } = result;
  const dropped = regions === polygons ? "" : ` (${regions - polygons} smaller ones dropped)`;
  const area = totalAreaM2 === undefined ? "" : `, ${(totalAreaM2 / 1e6).toFixed(4)} km²`;
  console.say(`${polygons} ${polygons === 1 ? "polygon" : "polygons"}${dropped}${area} in ${out}`);
}

function checkValueField({ valueField, zero }: PolygonizeFlags): void {
  const taken = Object.keys(outlineColumns(undefined, "uint8"));
  if (valueField === undefined) {
    if (!zero) return;
    throw new GlofError(
      "bad-argument",
      "glof polygonize: expected --value-field with --zero, got none. Name the column of the values.",
    );
  }
  if (valueField.trim() !== "" && ![...taken, "fid", "geom"].includes(valueField.toLowerCase())) return;
  throw new GlofError(
    "bad-argument",
    `glof polygonize: expected a --value-field other than ${taken.join(", ")}, fid, geom, got "${valueField}". Choose another name.`,
  );
}

/** Number of the band, from 0. */
function checkBand({ name, bands }: RasterSource, band: number): number {
  if (band <= bands.length) return band - 1;
  throw new GlofError(
    "bad-argument",
    `glof polygonize: expected a --band from 1 to ${bands.length} of ${name}, got ${band}. Choose one of them.`,
  );
}

function checkCrs({ name, grid }: RasterSource, { epsg, minArea }: PolygonizeFlags): Crs | undefined {
  const crs = grid.crs ?? (epsg === undefined ? undefined : crsFromEpsg(epsg));
  if (crs !== undefined || minArea === 0) return crs;
  throw new GlofError(
    "missing-crs",
    `glof polygonize: expected a coordinate reference system in ${name} to measure --min-area by, got none. State it with --epsg.`,
    { name },
  );
}

const stemOf = (path: string): string => path.replace(/^.*[/\\]/, "").replace(/\.[^.]*$/, "");
