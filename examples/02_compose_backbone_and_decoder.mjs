// Put a backbone and a decoder together by hand: two definitions, two records of weights, two calls.
import { disposeParams } from "@glof/nn";
import { releaseBackend, selectBackend } from "@glof/runtime";
import { buildVitUnet } from "@glof/unet-decoder";
import { buildDinov2 } from "@glof/vit-dinov2";
import * as tf from "@tensorflow/tfjs-core";

await selectBackend();
const backbone = buildDinov2({ embedDim: 96, depth: 4, heads: 3, bands: ["B02", "B03", "B04", "B08"] });
const decoder = buildVitUnet({ featureChannels: [96, 96], imageChannels: 4 });
const [backboneParams, decoderParams] = [backbone.init(1), decoder.init(2)];

const image = tf.randomNormal([1, 112, 112, 4], 0, 1, "float32", 3);
const layers = backbone.intermediates(backboneParams, image, [1, 3]);
const features = layers.map(({ patches }) => ({ map: patches, stridePx: 14 }));
const logits = decoder.forward(decoderParams, { features, image });
console.log(`logits [${logits.shape}] for an image [${image.shape}]`);

tf.dispose([image, logits, ...layers.flatMap(({ patches, clsToken }) => [patches, clsToken])]);
disposeParams(backboneParams);
disposeParams(decoderParams);
await releaseBackend();
