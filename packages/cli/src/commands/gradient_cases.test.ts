import { buildSmallLakeSegmenterConfig } from "@glof/segmenter";
import { describeOnBackends } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it, vi } from "vitest";
import { blockGradientCase, segmenterGradientCase } from "./gradient_cases.js";

const tiny = buildSmallLakeSegmenterConfig({
  embedDim: 48,
  depth: 2,
  heads: 2,
  trainPx: 28,
  tilePx: 28,
  overlapPx: 0,
});

describeOnBackends(
  "cases with gradients",
  () => {
    it.each([
      ["of a block", () => blockGradientCase("S", 28)],
      ["of a segmenter", () => segmenterGradientCase(tiny, 28)],
    ])("run forwards and backwards and leave nothing behind: %s", async (_, build) => {
      const before = tf.memory().numTensors;
      const one = build();
      const built = tf.memory().numTensors;
      const kernels = vi.spyOn(tf.engine(), "runKernel");
      await one.run();
      const called = kernels.mock.calls.map(([name]) => name);
      kernels.mockRestore();
      expect(called.length).toBeGreaterThan(100);
      expect(tf.memory().numTensors).toBe(built);
      expect(one.flop).toBeGreaterThan(1e6);
      one.dispose();
      expect(tf.memory().numTensors).toBe(before);
    });
  },
  { backends: ["wasm"] },
);
