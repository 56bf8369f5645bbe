// Build a DINOv2 ViT-S/14, give it fresh weights, and look at its features. With official weights replace `init` by `load`.
import { countParams, disposeParams } from "@glof/nn";
import { releaseBackend, selectBackend } from "@glof/runtime";
import { buildDinov2Vits14 } from "@glof/vit-dinov2";
import * as tf from "@tensorflow/tfjs-core";

const backend = await selectBackend();
const backbone = buildDinov2Vits14(); // a definition: no tensor yet
console.log(`${countParams(backbone.specs).weights.toLocaleString("en")} parameters on ${backend.name}`);

const params = backbone.init(42);
const images = tf.randomNormal([1, 98, 112, 3], 0, 1, "float32", 7);
const { clsToken, registerTokens, patchTokens, prenorm } = backbone.forward(params, images);
console.log(`class token [${clsToken.shape}], patch tokens [${patchTokens.shape}]`); // 98/14 x 112/14 = 56 patches

tf.dispose([images, clsToken, registerTokens, patchTokens, prenorm]);
disposeParams(params);
await releaseBackend();
