/**
 * Compares what `openRaster` reads of every file of the GeoTIFF collection with what GDAL reads, and writes
 * `docs/geotiff-zoo.md` and the facts that the package's test checks without GDAL.
 *
 * Run (needs GDAL's Python): npx tsx --tsconfig tsconfig.json scripts/zoo_table.ts <folder of the collection>
 */
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRaster, type RasterArray } from "../packages/geo/src/index.js";

/** Side of the upper left part that is compared of larger rasters. */
const side = 1024;

interface GdalBand {
  readonly dtype: string;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly crc32: number;
}

interface GdalFile {
  readonly error?: string;
  readonly version: string;
  readonly width: number;
  readonly height: number;
  readonly overviews: number;
  readonly bands: readonly GdalBand[];
}

const gdalScript = `
import sys, json, zlib, os
import numpy as np
from osgeo import gdal
gdal.PushErrorHandler('CPLQuietErrorHandler')
gdal.SetConfigOption('GDAL_PAM_ENABLED', 'NO')
args = json.loads(sys.stdin.read())
out = []
for index, path in enumerate(args['paths']):
    ds = gdal.Open(path)
    fact = dict(version=gdal.__version__)
    if ds is None:
        out.append(dict(fact, error=gdal.GetLastErrorMsg() or 'does not open')); continue
    w, h = min(ds.RasterXSize, args['side']), min(ds.RasterYSize, args['side'])
    bands = []
    for i in range(ds.RasterCount):
        b = ds.GetRasterBand(i + 1)
        a = b.ReadAsArray(0, 0, w, h)
        if a is None: fact['error'] = gdal.GetLastErrorMsg().strip().split('/geotiff_zoo/')[-1]; break
        if b.GetMetadataItem('PIXELTYPE', 'IMAGE_STRUCTURE') == 'SIGNEDBYTE': a = a.view('i1')
        a.tofile(os.path.join(args['folder'], '%d_%d.bin' % (index, i)))
        f = a.astype('f8'); f = f[np.isfinite(f)]
        bands.append(dict(dtype=a.dtype.name, sum=float(f.sum()), min=float(f.min()), max=float(f.max()), crc32=zlib.crc32(a.tobytes())))
    out.append(dict(fact, width=ds.RasterXSize, height=ds.RasterYSize, bands=bands, overviews=ds.GetRasterBand(1).GetOverviewCount()))
print(json.dumps(out))
`;

function askGdal(paths: readonly string[], folder: string): GdalFile[] {
  const run = spawnSync("/usr/bin/python3", ["-c", gdalScript], {
    input: JSON.stringify({ paths, folder, side }),
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout) as GdalFile[];
}

/** What this package makes of a file, against the pixels that GDAL left in `folder`. */
async function describe(path: string, theirs: GdalFile, index: number, folder: string): Promise<string> {
  let pixels: RasterArray[];
  let facts = "";
  try {
    const raster = await openRaster(path);
    const { width, height } = raster.grid;
    pixels = await raster.readWindow({
      x: 0,
      y: 0,
      width: Math.min(width, side),
      height: Math.min(height, side),
    });
    facts = `${width} x ${height} x ${raster.bands.length} ${raster.bands[0]!.dtype}, ${raster.overviews!.length} overviews`;
    await raster.close();
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    const got = /got (.*?)\. [A-Z]/s.exec(message)?.[1] ?? message;
    return `| refused: \`${code}\` | ${got} |`;
  }
  if (theirs.error !== undefined) return `| reads; GDAL fails: ${theirs.error} | ${facts} |`;
  if (pixels.length !== theirs.bands.length)
    return `| ${pixels.length} bands of GDAL's ${theirs.bands.length} | ${facts} |`;
  let [worst, sum, count] = [0, 0, 0];
  for (const [band, ours] of pixels.entries()) {
    const stored = await readFile(join(folder, `${index}_${band}.bin`));
    const bytes = stored.buffer.slice(stored.byteOffset, stored.byteOffset + stored.length);
    const other = new (ours.constructor as new (buffer: ArrayBufferLike) => RasterArray)(bytes);
    if (other.length !== ours.length) return `| differs: other type | ${facts} |`;
    for (let at = 0; at < ours.length; at++) {
      if (Object.is(ours[at], other[at]) || ours[at] === other[at]) continue;
      const difference = Math.abs(ours[at]! - other[at]!);
      worst = Math.max(worst, difference);
      sum += difference;
    }
    count += ours.length;
  }
  const verdict = worst === 0 ? "equal" : `differs: at most ${worst}, mean ${(sum / count).toFixed(3)}`;
  return `| ${verdict} | ${facts} |`;
}

const root = process.argv[2];
if (root === undefined) throw new Error("Give the folder of the collection.");
const files = (await readdir(root, { recursive: true }))
  .filter((file) => /\.(tiff?|jp2)$/i.test(file))
  .sort();
const folder = await mkdtemp(join(tmpdir(), "glof-zoo-"));
const theirs = askGdal(
  files.map((file) => join(root, file)),
  folder,
);
const rows: string[] = [];
const facts: Record<string, unknown> = {};
for (const [index, file] of files.entries()) {
  const line = await describe(join(root, file), theirs[index]!, index, folder);
  rows.push(`| ${file} ${line}`);
  const { version: _, ...fact } = theirs[index]!;
  facts[file] = { verdict: line.split("|")[1]!.trim(), ...fact };
}
await rm(folder, { recursive: true });
const count = (pattern: RegExp): number => rows.filter((row) => pattern.test(row)).length;
await writeFile(
  "docs/geotiff-zoo.md",
  `# GeoTIFFs of other programs

Every file of a collection of ${files.length} GeoTIFFs and JPEG 2000 files from the tests of rio-tiler, cogeotiff, rasterio, image-tiff
and GeoTrellis, read by \`openRaster\` and by GDAL ${theirs[0]!.version}: all bands of the upper left ${side} x ${side} pixels.
${count(/\| equal \|/)} equal in every pixel, ${count(/\| differs/)} differs (8-bit CMYK, which GDAL turns into RGBA), ${count(/\| refused/)} are refused by name. Made by \`scripts/zoo_table.ts\`.

| file | against GDAL | what it is, or why not |
|---|---|---|
${rows.join("\n")}
`,
);
const lines = Object.entries(facts).map(
  ([file, fact]) => `  ${JSON.stringify(file)}: ${JSON.stringify(fact)}`,
);
await writeFile("packages/geo/src/test_support/zoo_facts.json", `{\n${lines.join(",\n")}\n}\n`);
