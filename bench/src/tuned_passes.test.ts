import { describeOnBackends } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { forwardOf, trainingOf, tunedPasses } from "./tuned_passes.js";

describeOnBackends(
  "passes that are tuned for the benchmark",
  () => {
    it.each([forwardOf("T", "f32", 56), trainingOf("tiny", 2)])(
      "leave nothing behind: $name",
      async (pass) => {
        const before = tf.memory().numTensors;
        const { run, dispose } = await pass.prepare();
        const prepared = tf.memory().numTensors;
        expect(prepared).toBeGreaterThan(before);
        run();
        expect(tf.memory().numTensors).toBe(prepared);
        dispose();
        expect(tf.memory().numTensors).toBe(before);
      },
    );

    it("have names of their own", () => {
      const names = tunedPasses().map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
    });
  },
  { backends: ["wasm"] },
);
