import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeLargeScene } from "@glof/synthetic";
import type { Suite } from "../bench_case.js";
import type { Launch } from "../programs.js";
import type { BenchSize } from "./ops_suite.js";

/** The mask of a whole Sentinel-2 tile into outlines. */
export async function polygonizeSuite(size: BenchSize, launch: Launch): Promise<Suite> {
  const side = { full: 10980, quick: 2048, smoke: 512 }[size];
  const mask = await maskPath(side, launch);
  return {
    name: "polygonize",
    about: `A ${side} x ${side} lake mask (a GeoTIFF of many mirrored lakes) into outlines in a GeoPackage: file in, file out.`,
    freshProcesses: true,
    sides: ["glof", "gdal"],
    cases: [
      {
        name: `${side} x ${side}`,
        task: { kind: "polygonize", args: { mask, size: side } },
        flop: 0,
        bytes: side * side,
      },
    ],
  };
}

async function maskPath(side: number, { cache }: Launch): Promise<string> {
  const path = join(cache, `mask-${side}.tif`);
  if (!existsSync(path)) {
    const options = { width: side, height: side, seed: 11, blockPx: Math.min(1024, side), truthPath: path };
    await writeLargeScene(join(cache, `scene-${side}.tif`), options);
  }
  return path;
}
