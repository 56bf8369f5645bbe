/**
 * COGs of a whole Sentinel-2 tile (10980 x 10980), made up row by row. Prints processor and wall seconds of
 * the work alone, and the peak memory of the process.
 *
 * Run: npx tsx packages/geo/bench/large_rasters.ts [mask | probability]
 * Outlines: npm run bench -- --suite polygonize
 */
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beginCog, crsFromEpsg, type RasterGrid } from "../src/index.js";

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

/** One row of smooth value noise with cells of 60 pixels. */
function fillNoise(y: number, out: Float32Array): void {
  const cell = 60;
  const [row, down] = [Math.floor(y / cell), (y % cell) / cell];
  const corner = (col: number): number => hash(col, row) * (1 - down) + hash(col, row + 1) * down;
  for (let start = 0; start < side; start += cell) {
    const [left, right] = [corner(start / cell), corner(start / cell + 1)];
    for (let x = start; x < Math.min(start + cell, side); x++)
      out[x] = left + ((right - left) * (x - start)) / cell;
  }
}

/** Lakes with ragged shores: 1 where noise and a little dither pass 0.8. */
function fillStrip(y: number, rows: number, mask: Uint8Array, prob: Float32Array): void {
  const noise = new Float32Array(side);
  for (let row = 0; row < rows; row++) {
    fillNoise(y + row, noise);
    for (let x = 0; x < side; x++) {
      mask[row * side + x] = noise[x]! + 0.05 * hash(x, y + row) > 0.8 ? 1 : 0;
      prob[row * side + x] = 1 / (1 + Math.exp(-20 * (noise[x]! - 0.8)));
    }
  }
}

/** Feeds all strips to `take`, and counts only its time. */
async function run(
  name: string,
  take: (mask: Uint8Array, prob: Float32Array, rows: number) => unknown,
  finish: () => unknown,
) {
  const mask = new Uint8Array(stripRows * side);
  const prob = new Float32Array(stripRows * side);
  let [wallMs, cpuUs] = [0, 0];
  const timed = async (work: () => unknown): Promise<void> => {
    const [wall, cpu] = [performance.now(), process.cpuUsage()];
    await work();
    const used = process.cpuUsage(cpu);
    wallMs += performance.now() - wall;
    cpuUs += used.user + used.system;
  };
  for (let y = 0; y < side; y += stripRows) {
    const rows = Math.min(stripRows, side - y);
    fillStrip(y, rows, mask, prob);
    await timed(() => take(mask.subarray(0, rows * side), prob.subarray(0, rows * side), rows));
  }
  await timed(finish);
  const peakMb = process.resourceUsage().maxRSS / 1024;
  console.log(
    `${name}: ${(cpuUs / 1e6).toFixed(1)} s processor, ${(wallMs / 1000).toFixed(1)} s wall, peak ${peakMb.toFixed(0)} MB`,
  );
}

async function benchCog(kind: "mask" | "probability", folder: string): Promise<void> {
  const path = join(folder, `${kind}.tif`);
  const options =
    kind === "mask"
      ? ({ dtype: "uint8", nodata: 255, overviews: "mode" } as const)
      : ({ dtype: "float32", nodata: -1, overviews: "average" } as const);
  const writer = await beginCog(path, { grid, bandNames: [kind], ...options });
  await run(
    `COG of ${kind}`,
    (mask, prob, rows) => writer.writeRows([kind === "mask" ? mask : prob], rows),
    () => writer.close(),
  );
  console.log(`  ${((await stat(path)).size / 2 ** 20).toFixed(1)} MiB`);
}

const folder = await mkdtemp(join(tmpdir(), "glof-bench-"));
try {
  await benchCog(process.argv[2] === "probability" ? "probability" : "mask", folder);
} finally {
  await rm(folder, { recursive: true });
}
