import { type MeasuredProblem, storedBytes, storeForPrediction, useWebgpuPrecision } from "@glof/nn";
import { describeOnBackends } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, describe, expect, it } from "vitest";
import { tunedText, tuneModels } from "./doctor_tune.js";

describeOnBackends(
  "tuneModels",
  () => {
    afterEach(async () => void (await useWebgpuPrecision("f32")));

    it.each(["f16", "f32"] as const)(
      "leaves nothing behind when it is cancelled, and %s in force",
      async (precision) => {
        const tensors = tf.memory().numTensors;
        const tuned = tuneModels({
          vit: "S",
          precision,
          signal: AbortSignal.abort(),
          onProgress: () => undefined,
          onCase: () => undefined,
        });
        await expect(tuned).rejects.toMatchObject({ code: "aborted" });
        expect(tf.memory().numTensors).toBe(tensors);
        const stored = await storeForPrediction({ w: tf.ones([64, 128]) });
        expect(storedBytes(stored)).toBe(64 * 128 * (precision === "f16" ? 2 : 4));
        tf.dispose({ ...stored });
      },
    );
  },
  { backends: ["webgpu"] },
);

describe("tunedText", () => {
  const problems: MeasuredProblem[] = [
    { name: "deep outer 5 x 6 x 7", form: "single 128", ms: { "single 64": 3, "single 128": 1.5 } },
    // A driver that refuses every form leaves nothing measured.
    { name: "deep outer 1 x 1 x 1", form: "single 64", ms: {} },
  ];

  it("says what each product takes and where the choices are kept", () => {
    const lines = tunedText({ name: "model", precision: "f32", problems, place: "/cache/file" });
    expect(lines[0]).toBe("model, f32");
    expect(lines[1]).toMatch(/1\.500 ms +single 128 +2\.00 x the slowest +deep outer 5 x 6 x 7$/);
    expect(lines[2]).toMatch(/not measured +single 64 +deep outer 1 x 1 x 1$/);
    expect(lines[3]).toBe("  kept in /cache/file");
  });

  it("says why they are not kept", () => {
    expect(tunedText({ name: "model", precision: "f16", problems: [], reason: "EACCES" })).toEqual([
      "model, f16",
      "  not kept: EACCES",
    ]);
  });
});
