import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { disposeParams, type Params, storedBytes, useWebgpuPrecision } from "@glof/nn";
import { compiledDuring, describeOnBackends, expectClose } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { buildLakeSegmenter } from "./build_lake_segmenter.js";
import { LakeSegmenter } from "./lake_segmenter.js";
import { saveBundle } from "./save_bundle.js";
import { madeUpScene, tinyConfig } from "./test_segmenter.js";

const deviceOf = (): Pick<GPUDevice, "createComputePipelineAsync"> =>
  (tf.backend() as unknown as { device: GPUDevice }).device;

describeOnBackends(
  "LakeSegmenter on WebGPU",
  () => {
    it("has its shaders compiled side by side while the first rows are read, once", async () => {
      const config = tinyConfig();
      const segmenter = new LakeSegmenter({ config, params: buildLakeSegmenter(config).init(3) });
      const map = async (): Promise<Float32Array> => {
        const prob = new Float32Array(28 * 28);
        await segmenter.predictScene(madeUpScene(28, 28), { onRows: async (rows) => prob.set(rows.prob) });
        return prob;
      };
      const maps: Float32Array[] = [];
      const first = await compiledDuring(async () => void maps.push(await map()));
      expect(first.ahead.length).toBeGreaterThan(10);
      expect(first.late).toEqual([]);
      const second = await compiledDuring(async () => void maps.push(await map()));
      expect(second).toEqual({ ahead: [], late: [] });
      expect(maps[1]).toEqual(maps[0]);
      expect(maps[0]!.every((value) => value > 0 && value < 1)).toBe(true);
      segmenter.dispose();
    });

    it("maps all the same where compiling ahead fails", async () => {
      const config = tinyConfig({ embedDim: 20 });
      const segmenter = new LakeSegmenter({ config, params: buildLakeSegmenter(config).init(3) });
      const device = deviceOf();
      const { createComputePipelineAsync: createAsync } = device;
      let refused = 0;
      device.createComputePipelineAsync = async () => {
        refused++;
        throw new Error("no");
      };
      try {
        let rows = 0;
        await segmenter.predictScene(madeUpScene(28, 28), {
          onRows: async ({ height }) => {
            rows += height;
          },
        });
        expect(rows).toBe(28);
        expect(refused).toBeGreaterThan(0);
      } finally {
        device.createComputePipelineAsync = createAsync;
        segmenter.dispose();
      }
    });

    it("keeps the weights of a bundle as halves where precision f16 is in force", async () => {
      const config = tinyConfig({ embedDim: 64 });
      const params = buildLakeSegmenter(config).init(3);
      const folder = await mkdtemp(join(tmpdir(), "glof-"));
      const path = join(folder, "tiny.safetensors");
      await saveBundle(path, { config, params, card: { description: "made up for a test" }, dtype: "F32" });
      const bytes: Record<string, number> = {};
      const probs: Float32Array[] = [];
      try {
        for (const precision of ["f32", "f16"] as const) {
          await useWebgpuPrecision(precision);
          const segmenter = await LakeSegmenter.load(path);
          bytes[precision] = storedBytes((segmenter as unknown as { params: Params }).params);
          const pixels = new Float32Array(28 * 28 * 4).fill(0.5);
          probs.push(await segmenter.predictPixels(pixels, [1, 28, 28, 4]));
          segmenter.dispose();
        }
      } finally {
        await useWebgpuPrecision("f32");
        await rm(folder, { recursive: true });
        disposeParams(params);
      }
      expect(bytes.f32).toBe(4 * Object.values(params).reduce((sum, { size }) => sum + size, 0));
      expect(bytes.f16! / bytes.f32!).toBeLessThan(0.6);
      expect(bytes.f16! / bytes.f32!).toBeGreaterThanOrEqual(0.5);
      await expectClose(tf.tensor(probs[1]!), probs[0]!, { atol: 0.01, rtol: 0 });
      expect(probs[1]).not.toEqual(probs[0]);
    });
  },
  { backends: ["webgpu"] },
);
