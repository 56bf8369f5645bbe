import { disposeParams } from "@glof/nn";
import { countDispatches, describeOnBackends } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { buildVitUnet, type DecoderInput } from "./index.js";

const small = { featureChannels: [6, 6], imageChannels: 4, widths: { patch: 8, half: 6, full: 4 } };

const input = (): DecoderInput => ({
  features: [1, 2].map(() => ({ map: tf.zeros([1, 2, 3, 6]), stridePx: 14 })),
  image: tf.zeros([1, 28, 42, 4]),
});

describeOnBackends(
  "dispatches of buildVitUnet",
  () => {
    it.each([
      ["none", 0],
      ["batch", 0],
      ["group", 3],
    ] as const)("are one a convolution; norm %s adds %i to each of eight", async (norm, perNorm) => {
      const decoder = buildVitUnet({ ...small, norm });
      const params = decoder.init(1);
      const given = input();
      const count = await countDispatches(() => decoder.forward(params, given));
      // Convolutions with bias and ReLU; a sum of two maps, three resizes of two axes each, two joints of channels.
      expect(count).toBe(13 + 1 + 3 * 2 + 2 + 8 * perNorm);
      tf.dispose([given.image, ...given.features.map(({ map }) => map)]);
      disposeParams(params);
    });
  },
  { backends: ["webgpu"] },
);
