// Makes the scenes that the shipped model is trained and validated on: `npx tsx recipes/glof-small/make_scenes.ts <folder>`.
// Mountains of several pixel sizes, and some plains, towns and floods so that the model keeps its head elsewhere.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { beginCog, type CogDtype, type RasterArray } from "@glof/geo";
import { generateScene, type SceneMode, type SyntheticScene } from "@glof/synthetic";

const folder = process.argv[2];
if (folder === undefined) throw new Error("usage: make_scenes.ts <folder>");

const SIDE_PX = 448;
const PIXEL_SIZES_M = [10, 10, 15, 20, 27];
const IGNORED = 255;

/** Training: seeds from 1000; validation and test: other seeds, never used for training. */
const sets: readonly { name: string; firstSeed: number; mountains: number; others: number }[] = [
  { name: "train", firstSeed: 1000, mountains: 72, others: 18 },
  { name: "validation", firstSeed: 5000, mountains: 8, others: 2 },
  { name: "test", firstSeed: 9000, mountains: 12, others: 3 },
];
const OTHER_MODES: readonly SceneMode[] = ["lowland", "urban", "flood"];

for (const { name, firstSeed, mountains, others } of sets) {
  for (let index = 0; index < mountains + others; index++) {
    const seed = firstSeed + index;
    const mode = index < mountains ? "mountain" : OTHER_MODES[index % OTHER_MODES.length]!;
    const scene = generateScene({
      seed,
      width: SIDE_PX,
      height: SIDE_PX,
      mode,
      pixelSizeM: mode === "mountain" ? PIXEL_SIZES_M[index % PIXEL_SIZES_M.length]! : 10,
      level: index % 6 === 5 ? "TOA" : "L2A",
    });
    await writeLabelled(join(folder, name, `${mode}-${seed}`), scene);
    process.stderr.write(`\r${name} ${index + 1}/${mountains + others}   `);
  }
}
process.stderr.write("\n");

async function writeLabelled(sceneFolder: string, scene: SyntheticScene): Promise<void> {
  await mkdir(sceneFolder, { recursive: true });
  const bands = scene.bandsRefl.map((refl) =>
    Uint16Array.from(refl, (value) => Math.max(1, Math.round(value * 10_000))),
  );
  await writeTiff(join(sceneFolder, "scene.tif"), scene, bands, [...scene.bands], "uint16", 0);
  // Rivers are water but no lakes: the model is neither taught to find nor to avoid them.
  const labels = scene.truth.visibleMask.map((label, pixel) =>
    label === 0 && scene.truth.waterMask[pixel] === 1 ? IGNORED : label,
  );
  await writeTiff(join(sceneFolder, "truth.tif"), scene, [labels], ["lake"], "uint8", IGNORED);
}

async function writeTiff(
  path: string,
  { grid }: SyntheticScene,
  bands: readonly RasterArray[],
  bandNames: readonly string[],
  dtype: CogDtype,
  nodata: number,
): Promise<void> {
  const cog = await beginCog(path, { grid, dtype, bandNames, nodata, overviews: "nearest" });
  await cog.writeRows(bands, grid.height);
  await cog.close();
}
