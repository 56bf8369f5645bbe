import { type Params, valueAndGrad } from "@glof/nn";
import { describeOnBackends, expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { buildDinov2 } from "./model.js";

describeOnBackends(
  "checkpointBlocks",
  () => {
    const model = buildDinov2({ embedDim: 16, depth: 3, heads: 2, imageSizePx: 28, dropPathRate: 0.3 });

    function gradients(params: Params, image: tf.Tensor4D, checkpointBlocks: boolean) {
      const mode = { training: true, seed: 5, checkpointBlocks };
      return valueAndGrad((given) => {
        const { patchTokens } = model.forward({ ...params, ...given }, image, mode);
        return tf.sum(tf.square(patchTokens)) as tf.Scalar;
      }, params);
    }

    it("gives the same loss and gradients, stochastic depth included", async () => {
      const params = model.init(1);
      const image = tf.randomUniform<tf.Rank.R4>([2, 28, 28, 3], -1, 1, "float32", 2);
      const [plain, lean] = [gradients(params, image, false), gradients(params, image, true)];
      expect(await lean.value.data()).toEqual(await plain.value.data());
      for (const [name, grad] of Object.entries(plain.grads)) {
        await expectClose(lean.grads[name]!, grad, { atol: 1e-6, rtol: 1e-5 });
      }
      tf.dispose([plain.value, lean.value, image]);
      for (const record of [params, plain.grads, lean.grads]) tf.dispose({ ...record });
    });

    it("leaves no tensor behind", async () => {
      const params = model.init(1);
      const image = tf.zeros<tf.Rank.R4>([1, 28, 28, 3]);
      await expectNoTensorGrowth(() => {
        const { value, grads } = gradients(params, image, true);
        value.dispose();
        tf.dispose({ ...grads });
      });
      image.dispose();
      tf.dispose({ ...params });
    });
  },
  { backends: ["cpu", "wasm"] },
);
