/**
 * Draws a stack in true colour with the outlines of a mask over it, as a PNG of at most 900 pixels:
 * `npx tsx scripts/show_scene.ts stack.tif water.tif out.png [0.2]`. Bands B04, B03, B02 are found by their names.
 */
import { writeFile } from "node:fs/promises";
import { openRaster, readReduced } from "@glof/geo";
import { encodePng } from "@glof/report";
import { openScene } from "@glof/sentinel2";

const [stackPath, maskPath, outPath] = process.argv.slice(2) as [string, string, string];
/** Reflectance that is white; snow wants more. */
const white = Number(process.argv[5] ?? 0.2);

const scene = await openScene(stackPath);
const { width, height } = scene.grid;
const scale = Math.min(1, 900 / Math.max(width, height));
const size = [Math.round(height * scale), Math.round(width * scale)] as const;
const window = { x: 0, y: 0, width, height };
const { bandsRefl } = await scene.readReflectance(window, ["B04", "B03", "B02"], { outputSize: size });
const mask = await openRaster(maskPath);
const [water] = await readReduced(mask, window, size, { resampling: "nearest" });
await Promise.all([scene.close(), mask.close()]);

const [rows, cols] = size;
const rgba = new Uint8ClampedArray(rows * cols * 4);
for (let pixel = 0; pixel < rows * cols; pixel++) {
  for (let channel = 0; channel < 3; channel++) {
    // A gamma below 1 lifts the dark valleys.
    rgba[4 * pixel + channel] = 255 * (Math.max(0, bandsRefl[channel]![pixel]!) / white) ** 0.6;
  }
  rgba[4 * pixel + 3] = 255;
  if (water![pixel] === 1) rgba.set([40, 220, 255], 4 * pixel);
}
await writeFile(outPath, encodePng({ width: cols, height: rows, rgba: new Uint8Array(rgba.buffer) }));
