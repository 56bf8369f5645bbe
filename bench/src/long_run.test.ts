import { describeOnBackends } from "@glof/test-kit";
import { describe, expect, it } from "vitest";
import { cancelledRun, manyForwards, manySteps } from "./long_run.js";
import { growthPerThousand, type MemorySample, medianOfHalves } from "./memory_sample.js";

// scripts/long_run.ts is the long form.

const tensorsHeld = (samples: readonly MemorySample[]) =>
  new Set(samples.map(({ tensors, tensorBytes }) => `${tensors} tensors of ${tensorBytes} bytes`));

describeOnBackends(
  "a long run",
  () => {
    it("of forwards holds the same at its end as at its beginning", async () => {
      const samples = await manyForwards({ repeats: 200, every: 20 });
      expect(tensorsHeld(samples).size).toBe(1);
      // One tile's pixels are 12.5 kB.
      expect(growthPerThousand(samples, "heapBytes")).toBeLessThan(6e6);
    });

    it("of training steps does, too", async () => {
      const samples = await manySteps({ repeats: 50, every: 5 });
      expect(tensorsHeld(samples).size).toBe(1);
    });

    it.each(["map", "train"] as const)("frees what it held when it is cancelled: %s", async (kind) => {
      const { before, after } = await cancelledRun(kind);
      expect([after.tensors, after.tensorBytes]).toEqual([before.tensors, before.tensorBytes]);
    });
  },
  { backends: ["wasm"] },
);

describeOnBackends(
  "a long run on a GPU",
  () => {
    const buffersHeld = (samples: readonly MemorySample[]) => samples.map(({ gpuBuffers }) => gpuBuffers!);

    it("needs no more buffers than at its beginning", { timeout: 240_000 }, async () => {
      const forwards = await manyForwards({ repeats: 8, every: 2 });
      expect(tensorsHeld(forwards).size).toBe(1);
      expect(new Set(buffersHeld(forwards)).size).toBe(1);
      const steps = await manySteps({ repeats: 4, every: 1 });
      expect(tensorsHeld(steps).size).toBe(1);
      // What comes a second time is kept: after the second of these steps nothing is added.
      expect(new Set(buffersHeld(steps).slice(1)).size).toBe(1);
    });
  },
  { backends: ["webgpu"] },
);

describe("medianOfHalves", () => {
  it("passes over single samples", () => {
    expect(medianOfHalves([3, 900, 4, 5, 5, 0])).toEqual([4, 5]);
    expect(medianOfHalves([7, 8])).toEqual([7, 8]);
  });
});

describe("growthPerThousand", () => {
  it("is the slope of the later half", () => {
    const samples = [0, 1, 2, 3, 4, 5].map((index) => ({
      done: 100 * index,
      tensors: index < 3 ? 1000 : 7 * index,
      tensorBytes: 0,
      heapBytes: 0,
      rssBytes: 5,
    }));
    expect(growthPerThousand(samples, "tensors")).toBeCloseTo(70, 9);
    expect(growthPerThousand(samples, "rssBytes")).toBe(0);
  });
});
