import { disposeParams } from "@glof/nn";
import { compiledDuring, describeOnBackends, expectNoTensorGrowth } from "@glof/test-kit";
import { buildDinov2 } from "@glof/vit-dinov2";
import { expect, it } from "vitest";
import { extractFeatures, warmUpFeatures } from "./features_extract.js";

describeOnBackends(
  "features on WebGPU",
  () => {
    it("find their shaders compiled where they were warmed up", async () => {
      const model = buildDinov2({ embedDim: 24, depth: 2, heads: 2, imageSizePx: 28 });
      const params = model.init(1);
      const opened = {
        ...{ model, params, normalisation: { mean: [0, 0, 0], std: [1, 1, 1], clip: [0, 1] as const } },
        dispose: () => disposeParams(params),
      };
      const options = { layers: 2, pool: ["cls", "mean"] as const };
      const warmed = await compiledDuring(() => warmUpFeatures(opened, [28, 42], options));
      expect(warmed.ahead.length).toBeGreaterThan(5);
      expect(warmed.late).toEqual([]);
      const seen = { size: [28, 42] as const, input: new Float32Array(28 * 42 * 3).fill(0.5) };
      const run = await compiledDuring(async () => {
        const { vectors, maps } = await extractFeatures(opened, seen, options);
        expect(vectors).toHaveLength(4);
        expect(maps[1]!.values.some((value) => value !== 0)).toBe(true);
      });
      expect(run).toEqual({ ahead: [], late: [] });
      await expectNoTensorGrowth(() => warmUpFeatures(opened, [28, 42], options));
      opened.dispose();
    });
  },
  { backends: ["webgpu"] },
);
