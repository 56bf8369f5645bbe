// Patch features of a scene as vectors and as the picture that DINOv2 is known for, with the model that comes with glof.
// With official weights: build from `describeDinov2(checkpoint).config`, or run `glof features --weights …`.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { shippedModelPath } from "@glof/cli";
import { disposeParams, resizeBytes } from "@glof/nn";
import { blankCanvas, encodePng } from "@glof/report";
import { releaseBackend, selectBackend } from "@glof/runtime";
import { normaliseReflectance, openBundle } from "@glof/segmenter";
import { openScene } from "@glof/sentinel2";
import { generateScene, writeScene } from "@glof/synthetic";
import { buildDinov2, featurePicture, poolFeatures } from "@glof/vit-dinov2";
import * as tf from "@tensorflow/tfjs-core";

const folder = await mkdtemp(join(tmpdir(), "glof-example-"));
await writeScene(
  folder,
  generateScene({ seed: 9003, width: 252, height: 252, season: "summer", cloudCover: 0 }),
);

await selectBackend();
const { config, checkpoint } = await openBundle(shippedModelPath());
const backbone = buildDinov2(config.backbone);
const params = await backbone.load(checkpoint, { fileBands: config.bands });

const scene = await openScene(join(folder, "scene.tif"));
const window = await scene.readReflectance({ x: 0, y: 0, width: 252, height: 252 }, config.bands);
const images = tf.tensor4d(normaliseReflectance(window, config.normalisation).pixels, [1, 252, 252, 4]);
const [layer] = backbone.intermediates(params, images, 1);
const vector = poolFeatures(layer!, "concat");
console.log(`patches [${layer!.patches.shape}], pooled [${vector.shape}]`);

const patches = (await layer!.patches.data()) as Float32Array;
const { image, explained } = featurePicture(patches, [18, 18, config.backbone.embedDim]);
console.log(
  `three components explain ${(100 * explained.reduce((a, b) => a + b)).toFixed(0)} % of the variance`,
);
const canvas = blankCanvas(504, 504);
const large = resizeBytes(image, [504, 504], "bicubic").bytes;
for (let at = 0; at < large.length; at++) canvas.rgba[Math.floor(at / 3) * 4 + (at % 3)] = large[at]!;
await writeFile(join(folder, "features.png"), encodePng(canvas));

tf.dispose([images, vector, layer!.patches, layer!.clsToken]);
disposeParams(params);
await checkpoint.close();
await scene.close();
await releaseBackend();
await rm(folder, { recursive: true });
