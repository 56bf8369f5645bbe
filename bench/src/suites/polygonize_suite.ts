import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeLargeScene } from "@glof/synthetic";
import type { BenchCase, Suite } from "../bench_case.js";
import type { Launch } from "../programs.js";
import type { BenchSize } from "./ops_suite.js";
import { writeSpeckMask } from "./speck_mask.js";

/** The mask of a whole Sentinel-2 tile into outlines. */
export function polygonizeSuite(size: BenchSize, { cache }: Launch): Suite {
  const side = { full: 10980, quick: 2048, smoke: 512 }[size];
  const specks = join(cache, `specks-${side}.tif`);
  const lakes = join(cache, `mask-${side}.tif`);
  const polygonizeCase = (name: string, mask: string, atOnce: boolean): BenchCase => ({
    name: `${name}, ${side} x ${side}${atOnce ? ", all outlines unpacked at once" : ""}`,
    isMain: true,
    setUp: () => writeMask(mask, side, cache),
    task: { kind: "polygonize", args: { mask, atOnce, size: side } },
    leftOut: atOnce ? { gdal: "its run is the one above" } : {},
    flop: 0,
    bytes: side * side,
    repeats: 3,
  });
  return {
    name: "polygonize",
    about:
      `A ${side} x ${side} mask into outlines in a GeoPackage, file in, file out: specks (at full size 261,080 regions), and lakes ` +
      "(many mirrored ones with wide land between), one outline at a time, and once with all of them in memory before the first is written. " +
      "GDAL's time and memory are those of the process that it runs in.",
    freshProcesses: true,
    sides: ["glof", "gdal"],
    cases: [
      polygonizeCase("specks", specks, false),
      polygonizeCase("lakes", lakes, false),
      polygonizeCase("specks", specks, true),
    ],
  };
}

async function writeMask(path: string, side: number, cache: string): Promise<void> {
  if (existsSync(path)) return;
  if (path.includes("specks")) return writeSpeckMask(path, side);
  const options = { width: side, height: side, seed: 11, blockPx: Math.min(1024, side), truthPath: path };
  await writeLargeScene(join(cache, `scene-${side}.tif`), options);
}
