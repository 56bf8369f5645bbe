import { type Params, storedBytes, toHalfStorage, useWebgpuPrecision, valueAndGrad } from "@glof/nn";
import { countDispatches, describeOnBackends } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { buildDinov2, embedPatches } from "./index.js";

describeOnBackends(
  "dispatches",
  () => {
    it("stay under 300 for a forward pass of 25 blocks", async () => {
      const model = buildDinov2({ embedDim: 32, heads: 2, depth: 25, imageSizePx: 28 });
      const params = model.init(0);
      const images = tf.zeros<tf.Rank.R4>([1, 56, 42, 3]);
      const count = await countDispatches(() => tf.tidy(() => model.forward(params, images).patchTokens));
      // Seven a block: norm, qkv, attention, projection; norm, fc1 with GELU, fc2.
      expect(count).toBeGreaterThanOrEqual(7 * 25);
      expect(count).toBeLessThan(7 * 25 + 25);
      expect(await countDispatches(() => embedPatches(model.config, params, images))).toBe(1);
      tf.dispose([images, ...Object.values(params)]);
    });

    it("are seven a block with SwiGLU too", async () => {
      const images = tf.zeros<tf.Rank.R4>([1, 28, 28, 3]);
      const counts: number[] = [];
      for (const depth of [1, 3]) {
        const model = buildDinov2({ embedDim: 32, heads: 2, depth, imageSizePx: 28, ffn: "swiglu" });
        const params = model.init(0);
        counts.push(await countDispatches(() => tf.tidy(() => model.forward(params, images).prenorm)));
        tf.dispose(Object.values(params));
      }
      expect(counts[1]! - counts[0]!).toBe(2 * 7);
      images.dispose();
    });

    it("are as many with halves in memory: nobody has to widen them", async () => {
      const model = buildDinov2({ embedDim: 64, heads: 2, depth: 3, imageSizePx: 28 });
      const params = model.init(0);
      const images = tf.zeros<tf.Rank.R4>([1, 56, 42, 3]);
      const countWith = async (given: Params): Promise<number> =>
        countDispatches(() => tf.tidy(() => model.forward(given, images).prenorm));
      const wanted = await countWith(params);
      await useWebgpuPrecision("f16");
      const halves = await toHalfStorage(params);
      expect(storedBytes(halves)).toBeLessThan(0.6 * storedBytes(params));
      expect(await countWith(halves)).toBe(wanted);
      await useWebgpuPrecision("f32");
      tf.dispose([images, ...Object.values(params), ...Object.values(halves)]);
    });

    it("grow by at most 44 for a block that is trained", async () => {
      const images = tf.zeros<tf.Rank.R4>([1, 42, 42, 3]);
      const counts: number[] = [];
      for (const depth of [1, 2]) {
        const model = buildDinov2({ embedDim: 32, heads: 2, depth, imageSizePx: 28 });
        const params = model.init(0);
        const loss = (given: Params): tf.Scalar =>
          tf.sum(model.forward(given, images).patchTokens) as tf.Scalar;
        counts.push(
          await countDispatches(() => {
            const { value, grads } = valueAndGrad(loss, params);
            tf.dispose(grads);
            return value;
          }),
        );
        tf.dispose(Object.values(params));
      }
      const perBlock = counts[1]! - counts[0]!;
      expect(perBlock).toBeGreaterThan(7);
      expect(perBlock).toBeLessThanOrEqual(44);
      tf.dispose(images);
    });
  },
  { backends: ["webgpu"] },
);
