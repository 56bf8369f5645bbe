// The whole job from code: make a scene, map its lakes with the model that comes with glof, print what was found.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { shippedModelPath } from "@glof/cli";
import { mapScene } from "@glof/mapping";
import { releaseBackend, selectBackend } from "@glof/runtime";
import { LakeSegmenter } from "@glof/segmenter";
import { openScene } from "@glof/sentinel2";
import { generateScene, writeScene } from "@glof/synthetic";

const folder = await mkdtemp(join(tmpdir(), "glof-example-"));
const made = generateScene({ seed: 9003, width: 300, height: 280, season: "summer", cloudCover: 0 });
await writeScene(folder, made);

await selectBackend();
const segmenter = await LakeSegmenter.load(shippedModelPath());
const scene = await openScene(join(folder, "scene.tif"));
const { lakes } = await mapScene({ scene, segmenter, outDir: join(folder, "map") });
for (const { id, areaM2, areaSigmaM2 } of lakes)
  console.log(`${id}  ${areaM2.toFixed(0)} ± ${areaSigmaM2.toFixed(0)} m2`);
console.log(`${lakes.length} lakes mapped; the scene has ${made.truth.lakes.length}`);

await scene.close();
segmenter.dispose();
await releaseBackend();
await rm(folder, { recursive: true });
