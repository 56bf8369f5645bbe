/**
 * Outlines of a whole Sentinel-2 tile's mask (10980 x 10980), ours and gdal_polygonize's: in memory, and from a GeoTIFF to
 * a GeoPackage. Each run is a process of its own; processor seconds and peak memory are printed, with the ratio. GDAL's
 * part needs its Python (python3-gdal) and is left out without it.
 *
 * Run: npx tsx scripts/bench_polygonize.ts [repeats]
 */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  beginCog,
  beginPolygonize,
  beginPolygonizeLabels,
  crsFromEpsg,
  type Feature,
  openRaster,
  type RasterGrid,
  writeGeoPackage,
} from "@glof/geo";

const side = 10_980;
const stripRows = 512;
const grid: RasterGrid = {
  width: side,
  height: side,
  geoTransform: [300_000, 10, 0, 3_100_000, 0, -10],
  crs: crsFromEpsg(32645),
};

/** A hash of two whole numbers, uniform in [0, 1). */
function hash(x: number, y: number): number {
  let mixed = (Math.imul(x, 374_761_393) + Math.imul(y, 668_265_263)) | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 13), 1_274_126_177);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
}

/** Lakes with ragged shores: smooth noise with cells of 60 pixels and a little dither. */
function maskRow(y: number, out: Uint8Array): void {
  const cell = 60;
  const [row, down] = [Math.floor(y / cell), (y % cell) / cell];
  const corner = (col: number): number => hash(col, row) * (1 - down) + hash(col, row + 1) * down;
  for (let start = 0; start < side; start += cell) {
    const [left, right] = [corner(start / cell), corner(start / cell + 1)];
    for (let x = start; x < Math.min(start + cell, side); x++) {
      out[x] = left + ((right - left) * (x - start)) / cell + 0.05 * hash(x, y) > 0.8 ? 1 : 0;
    }
  }
}

async function makeMask(path: string): Promise<void> {
  const cog = await beginCog(path, { grid, dtype: "uint8", bandNames: ["lake"], overviews: "nearest" });
  for (let y = 0; y < side; y += stripRows) {
    const rows = Math.min(stripRows, side - y);
    const strip = new Uint8Array(rows * side);
    for (let row = 0; row < rows; row++) maskRow(y + row, strip.subarray(row * side, (row + 1) * side));
    await cog.writeRows([strip], rows);
  }
  await cog.close();
}

/** Processor seconds of the work alone, reading not counted when the pixels are in memory. */
async function ours(kind: string, path: string): Promise<void> {
  const raster = await openRaster(path);
  const strips: { readonly pixels: Uint8Array; readonly rows: number }[] = [];
  const read = async (y: number): Promise<{ pixels: Uint8Array; rows: number }> => {
    const rows = Math.min(stripRows, side - y);
    const [pixels] = await raster.readWindow({ x: 0, y, width: side, height: rows });
    return { pixels: pixels as Uint8Array, rows };
  };
  if (kind !== "file") for (let y = 0; y < side; y += stripRows) strips.push(await read(y));
  const start = process.cpuUsage();
  const tracer = kind === "mask" ? beginPolygonize({ grid }) : undefined;
  const labels = tracer === undefined ? beginPolygonizeLabels({ grid }) : undefined;
  for (let y = 0; y < side; y += stripRows) {
    const { pixels, rows } = strips[y / stripRows] ?? (await read(y));
    tracer?.addRows(pixels, undefined, undefined, rows);
    labels?.addRows(pixels, rows);
  }
  let count = tracer?.finish().length ?? 0;
  if (kind === "labels") count += labels?.finish().length ?? 0;
  function* features(): Iterable<Feature> {
    for (const { value, parts } of labels?.outlines() ?? []) {
      count++;
      yield { geometry: parts, properties: { DN: value } };
    }
  }
  if (kind === "file") {
    const layer = { layer: "out", crs: grid.crs, features: features(), columns: { DN: "INTEGER" } } as const;
    await writeGeoPackage(`${path}.ours.gpkg`, [layer]);
  }
  const { user, system } = process.cpuUsage(start);
  report((user + system) / 1e6, process.resourceUsage().maxRSS / 1024, count);
}

const report = (seconds: number, peakMb: number, count: number): void =>
  console.log(JSON.stringify({ seconds, peakMb, count }));

const gdal = `
import sys, json, time, resource
from osgeo import gdal, ogr
kind, path = sys.argv[1:]
source = gdal.Open(path)
if kind == "file":
    target = ogr.GetDriverByName("GPKG").CreateDataSource(path + ".gdal.gpkg")
else:
    target = ogr.GetDriverByName("Memory").CreateDataSource("")
    source = gdal.GetDriverByName("MEM").CreateCopy("", source)
start = time.process_time()
layer = target.CreateLayer("out", source.GetSpatialRef(), ogr.wkbPolygon)
layer.CreateField(ogr.FieldDefn("DN", ogr.OFTInteger))
if kind == "file": layer.StartTransaction()
band = source.GetRasterBand(1)
gdal.Polygonize(band, band, layer, 0)
count = layer.GetFeatureCount()
if kind == "file": layer.CommitTransaction()
layer = target = None
print(json.dumps(dict(seconds=time.process_time() - start, peakMb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, count=count)))
`;

interface Run {
  readonly seconds: number;
  readonly peakMb: number;
  readonly count: number;
}

function run(command: string, args: readonly string[]): Run | undefined {
  const { status, stdout } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 2 ** 24 });
  return status === 0 ? (JSON.parse(stdout.trim().split("\n").at(-1)!) as Run) : undefined;
}

async function compare(repeats: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "glof-polygonize-"));
  const path = join(folder, "mask.tif");
  await makeMask(path);
  const self = [...process.execArgv, fileURLToPath(import.meta.url)];
  const python = ["python3", "/usr/bin/python3"].find(
    (name) => spawnSync(name, ["-c", "from osgeo import ogr"]).status === 0,
  );
  try {
    for (const kind of ["mask", "labels", "file"]) {
      const mine: Run[] = [];
      const theirs: Run[] = [];
      // Turn by turn: both meet the machine in the same mood.
      for (let turn = 0; turn < repeats; turn++) {
        await rm(`${path}.gdal.gpkg`, { force: true });
        const own = run(process.execPath, [...self, kind, path]);
        const other = python === undefined ? undefined : run(python, ["-c", gdal, kind, path]);
        if (own !== undefined) mine.push(own);
        if (other !== undefined) theirs.push(other);
      }
      console.log(line(`${kind} glof`, mine), theirs.length === 0 ? "" : line("gdal", theirs));
      if (theirs.length > 0)
        console.log(`  ratio gdal / glof: ${(median(theirs) / median(mine)).toFixed(2)}`);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

const median = (runs: readonly Run[]): number =>
  runs.map(({ seconds }) => seconds).sort((a, b) => a - b)[runs.length >> 1] ?? Number.NaN;

const line = (name: string, runs: readonly Run[]): string =>
  `${name}: ${median(runs).toFixed(2)} s processor, ${Math.max(...runs.map(({ peakMb }) => peakMb)).toFixed(0)} MB, ${runs[0]?.count} outlines;`;

const [kind, path] = process.argv.slice(2);
if (kind !== undefined && path !== undefined) await ours(kind, path);
else await compare(Number(kind ?? 3));
