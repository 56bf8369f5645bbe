// Read two bands of a scene as reflectance and compute the water index that everybody starts with.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ndwi, openScene, otsuThreshold } from "@glof/sentinel2";
import { generateScene, writeScene } from "@glof/synthetic";

const folder = await mkdtemp(join(tmpdir(), "glof-example-"));
await writeScene(folder, generateScene({ seed: 5, width: 256, height: 256 }));
const scene = await openScene(join(folder, "scene.tif"));

const { bandsRefl, validMask } = await scene.readReflectance({ x: 0, y: 0, width: 256, height: 256 }, [
  "B03",
  "B08",
]);
const index = ndwi(bandsRefl[0], bandsRefl[1]);
const threshold = otsuThreshold(index.filter((_, pixel) => validMask[pixel] === 1));
const water = index.reduce((count, value) => count + (value > threshold ? 1 : 0), 0);
console.log(`NDWI > ${threshold.toFixed(2)}: ${water} of ${index.length} pixels, shadows among them`);

await scene.close();
await rm(folder, { recursive: true });
