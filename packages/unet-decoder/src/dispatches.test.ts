import { disposeParams, type Params, valueAndGrad } from "@glof/nn";
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

    /** Of value and gradients of everything that learns, and of new running statistics. */
    async function trainingDispatches(norm: "batch" | "group"): Promise<number> {
      const decoder = buildVitUnet({ ...small, norm });
      const params = decoder.init(1);
      const isStatistic = ([name]: [string, unknown]): boolean => name.includes("running_");
      const all = Object.entries(params);
      const frozen = Object.fromEntries(all.filter(isStatistic));
      const trainable = Object.fromEntries(all.filter((one) => !isStatistic(one)));
      const given = input();
      const mode = { training: true, seed: 1, onBuffer: (_: string, value: tf.Tensor) => value.dispose() };
      const loss = (learning: Params): tf.Scalar =>
        tf.sum(decoder.forward({ ...frozen, ...learning }, given, mode));
      const count = await countDispatches(() => {
        const { value, grads } = valueAndGrad(loss, trainable);
        tf.dispose({ ...grads });
        return value;
      });
      tf.dispose([given.image, ...given.features.map(({ map }) => map)]);
      disposeParams(params);
      return count;
    }

    it("of a trained norm are six in batches, eight in groups", async () => {
      const batch = await trainingDispatches("batch");
      // With batch norm as a composition of TensorFlow.js's operations it was 393.
      expect(batch).toBeLessThanOrEqual(121);
      expect(await trainingDispatches("group")).toBe(batch + 8 * 2);
    });
  },
  { backends: ["webgpu"] },
);
