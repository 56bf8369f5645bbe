import { describeOnBackends, expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, expect, it } from "vitest";
import { linear } from "../ops/linear.js";
import { seededTensor } from "../testing/directional_gradient.js";
import { internalsOf } from "./backend_internals.js";
import { useWebgpuPrecision } from "./precision.js";
import type { ShaderBackend } from "./shader.js";
import { tuneWebgpu } from "./tuning/tune.js";

/** A driver that refuses the pipelines whose keys have `part`, as one without memory or registers for them does. */
async function withRefusals<T>(part: string, work: () => Promise<T>): Promise<T> {
  const { device, pipelineCache } = internalsOf(tf.backend() as unknown as ShaderBackend);
  for (const key of Object.keys(pipelineCache)) if (key.includes(part)) delete pipelineCache[key];
  const { createComputePipeline: now, createComputePipelineAsync: later } = device;
  const spoilt = (given: GPUComputePipelineDescriptor): GPUComputePipelineDescriptor =>
    given.label?.includes(part) ? { ...given, compute: { ...given.compute, entryPoint: "nowhere" } } : given;
  device.createComputePipeline = (given) => now.call(device, spoilt(given));
  device.createComputePipelineAsync = (given) => later.call(device, spoilt(given));
  try {
    return await work();
  } finally {
    Object.assign(device, { createComputePipeline: now, createComputePipelineAsync: later });
  }
}

describeOnBackends(
  "shaders that a driver refuses",
  () => {
    afterEach(async () => void (await useWebgpuPrecision("f32")));

    for (const [what, part, report] of [
      ["products", "product_emulated", { storage: "halves", matrixUnits: false, precision: "f16" }],
      ["attention", "attention_emulated", { storage: "halves", matrixUnits: true, precision: "f16" }],
    ] as const) {
      it(`are not used: ${what} on matrix units`, async () => {
        const tensors = tf.memory().numTensors;
        const got = await withRefusals(part, () => useWebgpuPrecision("f16", { emulate: true }));
        expect(got).toMatchObject(report);
        expect(got.reason).toMatch(/because its driver refuses the shader \(.*nowhere/);
        expect(tf.memory().numTensors).toBe(tensors);
        const [x, w] = [seededTensor([40, 64], "x", -1, 1), seededTensor([64, 80], "w", -1, 1)];
        await expectClose(linear(x, w), tf.matMul(x, w), { rtol: 0, atol: 5e-3 });
      });
    }

    it("are left out by the tuner, which spoils nothing of what is computed beside them", async () => {
      const [x, w] = [seededTensor([70, 18], "x", -1, 1), seededTensor([18, 68], "w", -1, 1)];
      const product = linear(x, w);
      // Recorded, and not yet submitted, when the refused form is tried.
      const beside = tf.add(product, 1);
      const { problems } = await withRefusals("product_128_64", () =>
        tuneWebgpu(() => linear(x, w).dispose(), { repeats: 1 }),
      );
      expect(Object.keys(problems[0]!.ms).sort()).toEqual([
        "single 128x128",
        "single 64x128",
        "single 64x64",
      ]);
      await expectClose(tf.sub(beside, 1), product, { rtol: 1e-5, atol: 1e-5 });
      await expectNoTensorGrowth(() => linear(x, w));
    });
  },
  { backends: ["webgpu"] },
);
