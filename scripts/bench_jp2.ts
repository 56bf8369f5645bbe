// Reads a Sentinel-2 sized JPEG 2000 band window by window, against decoding the whole file at once:
// `npx tsx scripts/bench_jp2.ts [file.jp2]`. Without a file it makes one (10980 x 10980, tiles of 1024) with GDAL.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beginCog, crsFromEpsg, openRaster, type PixelWindow } from "../packages/geo/src/index.js";

const side = 10_980;
const windowPx = 512;
const stripRows = 196;
const [mode, given] = process.argv.slice(2);
const modes = {
  open: measureOpen,
  walk: measureWalk,
  strips: measureStrips,
  windows: measureWindows,
  overview: measureOverview,
  whole: measureWhole,
};

if (mode !== undefined && mode in modes && given !== undefined) {
  const started = performance.now();
  const what = await modes[mode as keyof typeof modes](given);
  const cpu = process.cpuUsage();
  const facts = [
    `${((performance.now() - started) / 1e3).toFixed(2)} s`,
    `${((cpu.user + cpu.system) / 1e6).toFixed(2)} s of processors`,
    `peak ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`,
  ];
  console.log(`${mode.padEnd(9)} ${facts.join(", ")}: ${what}`);
} else {
  const path = mode ?? (await makeBand());
  // A process of its own for each, so that the peaks are theirs.
  for (const name of Object.keys(modes)) {
    const run = spawnSync(process.execPath, [...process.execArgv, process.argv[1]!, name, path], {
      stdio: "inherit",
    });
    if (run.status !== 0) process.exitCode = 1;
  }
}

async function measureOpen(path: string): Promise<string> {
  const raster = await openRaster(path);
  const [rows, cols] = raster.blockSize;
  await raster.close();
  return `opened ${raster.grid.width} x ${raster.grid.height}, tiles of ${cols} x ${rows}`;
}

/** Every pixel once, in windows row by row. */
async function measureWalk(path: string): Promise<string> {
  const raster = await openRaster(path);
  const { width, height } = raster.grid;
  let sum = 0;
  for (let y = 0; y < height; y += windowPx) {
    for (let x = 0; x < width; x += windowPx) {
      sum += await readSum(raster, {
        ...{ x, y },
        width: Math.min(windowPx, width - x),
        height: Math.min(windowPx, height - y),
      });
    }
  }
  await raster.close();
  return `all pixels in windows of ${windowPx} x ${windowPx}, sum ${sum}`;
}

/** Every pixel once, in rows of tiles of a model over the whole width, which is how a scene is read. */
async function measureStrips(path: string): Promise<string> {
  const raster = await openRaster(path);
  const { width, height } = raster.grid;
  let sum = 0;
  for (let y = 0; y < height; y += stripRows) {
    sum += await readSum(raster, { x: 0, y, width, height: Math.min(stripRows, height - y) });
  }
  await raster.close();
  return `all pixels in strips of ${stripRows} rows, sum ${sum}`;
}

/** Windows far from each other: what one look at a place costs. */
async function measureWindows(path: string): Promise<string> {
  const raster = await openRaster(path);
  const { width, height } = raster.grid;
  let sum = 0;
  for (let index = 0; index < 10; index++) {
    const x = (index * 4_001) % (width - windowPx);
    const y = (index * 2_903) % (height - windowPx);
    sum += await readSum(raster, { x, y, width: windowPx, height: windowPx });
  }
  await raster.close();
  return `10 windows of ${windowPx} x ${windowPx}, sum ${sum}`;
}

async function measureOverview(path: string): Promise<string> {
  const raster = await openRaster(path);
  const level = raster.overviews?.[3] ?? raster.overviews?.at(-1) ?? raster;
  const sum = await readSum(level, { x: 0, y: 0, width: level.grid.width, height: level.grid.height });
  await raster.close();
  return `the whole at ${level.grid.width} x ${level.grid.height}, sum ${sum}`;
}

async function readSum(raster: Awaited<ReturnType<typeof openRaster>>, window: PixelWindow): Promise<number> {
  const [pixels] = await raster.readWindow(window);
  let sum = 0;
  for (const value of pixels!) sum += value;
  return sum;
}

/** The same decoder on the whole file, as it is meant to be used. */
async function measureWhole(path: string): Promise<string> {
  const require = createRequire(new URL("../packages/geo/package.json", import.meta.url));
  const codec = await require("@cornerstonejs/codec-openjpeg/decodewasmjs")({ print() {}, printErr() {} });
  const bytes = await readFile(path);
  const decoder = new codec.J2KDecoder();
  decoder.getEncodedBuffer(bytes.length).set(bytes);
  decoder.decode();
  const decoded: Uint8Array = decoder.getDecodedBuffer();
  const pixels = new Uint16Array(decoded.buffer, decoded.byteOffset, decoded.length / 2);
  let sum = 0;
  for (const value of pixels) sum += value;
  decoder.delete();
  return `all pixels at once, sum ${sum}`;
}

/** A band with the look of terrain: slopes, ridges and a few counts of noise. */
async function makeBand(): Promise<string> {
  const folder = join(tmpdir(), "glof-bench-jp2");
  await mkdir(folder, { recursive: true });
  const [tiff, jp2] = [join(folder, "band.tif"), join(folder, "band.jp2")];
  if (existsSync(jp2)) return jp2;
  const grid = {
    ...{ width: side, height: side, crs: crsFromEpsg(32645) },
    geoTransform: [499_980, 10, 0, 3_100_020, 0, -10],
  } as const;
  const writer = await beginCog(tiff, { grid, dtype: "uint16", bandNames: ["B03"], overviews: "average" });
  for (let y = 0; y < side; y++) await writer.writeRows([terrainRow(y)], 1);
  await writer.close();
  const options = ["QUALITY=100", "REVERSIBLE=YES", "BLOCKXSIZE=1024", "BLOCKYSIZE=1024"];
  const args = ["-q", "-of", "JP2OpenJPEG", ...options.flatMap((option) => ["-co", option]), tiff, jp2];
  const made = spawnSync("gdal_translate", args, { stdio: "inherit" });
  if (made.status !== 0)
    throw new Error("expected gdal_translate to make the band. Install GDAL or name a file.");
  return jp2;
}

function terrainRow(y: number): Uint16Array {
  return Uint16Array.from({ length: side }, (_, x) => {
    let mixed = (Math.imul(x, 374_761_393) + Math.imul(y, 668_265_263)) | 0;
    mixed = Math.imul(mixed ^ (mixed >>> 13), 1_274_126_177);
    const noise = ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
    const slopes = 1_500 * Math.sin(x / 371) * Math.cos(y / 523) + 700 * Math.sin(x / 41 + y / 67);
    return 3_000 + slopes + 200 * noise;
  });
}
