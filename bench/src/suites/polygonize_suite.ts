import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeLargeScene } from "@glof/synthetic";
import type { Suite } from "../bench_case.js";
import type { Launch } from "../programs.js";
import type { BenchSize } from "./ops_suite.js";
import { writeSpeckMask } from "./speck_mask.js";

/** The mask of a whole Sentinel-2 tile into outlines. */
export async function polygonizeSuite(size: BenchSize, launch: Launch): Promise<Suite> {
  const side = { full: 10980, quick: 2048, smoke: 512 }[size];
  const masks = { lakes: await lakeMask(side, launch), specks: await speckMask(side, launch) };
  return {
    name: "polygonize",
    about:
      `A ${side} x ${side} mask into outlines in a GeoPackage, file in, file out: lakes (many mirrored ones with wide land between), ` +
      "and specks (at full size 261,080 regions). GDAL's processor time is that of a process of its own and is not seen here.",
    freshProcesses: true,
    sides: ["glof", "gdal"],
    cases: Object.entries(masks).map(([name, mask]) => ({
      name: `${name}, ${side} x ${side}`,
      task: { kind: "polygonize", args: { mask, size: side } },
      flop: 0,
      bytes: side * side,
    })),
  };
}

async function speckMask(side: number, { cache }: Launch): Promise<string> {
  const path = join(cache, `specks-${side}.tif`);
  if (!existsSync(path)) await writeSpeckMask(path, side);
  return path;
}

async function lakeMask(side: number, { cache }: Launch): Promise<string> {
  const path = join(cache, `mask-${side}.tif`);
  if (!existsSync(path)) {
    const options = { width: side, height: side, seed: 11, blockPx: Math.min(1024, side), truthPath: path };
    await writeLargeScene(join(cache, `scene-${side}.tif`), options);
  }
  return path;
}
