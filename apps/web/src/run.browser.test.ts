import { type BackendName, selectBackend } from "@glof/runtime";
import { buildLakeSegmenter, buildSmallLakeSegmenterConfig, LakeSegmenter } from "@glof/segmenter";
import { generateScene } from "@glof/synthetic";
import { expectClose } from "@glof/test-kit/browser";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { wasmFolder } from "./backend.js";
import { makeDemoScene } from "./demo_scene.js";
import { ModelShelf, shippedModelUrl } from "./model_source.js";
import { outlineLakes } from "./outline.js";
import { NO_PROB, PROB_STEPS, runModel } from "./run.js";
import { syntheticAsScene } from "./scene_source.js";

const useBackend = (name: BackendName) => selectBackend({ require: name, wasm: { path: wasmFolder() } });

/** A segmenter that needs seconds even where the CPU plays the GPU. */
const tinyConfig = buildSmallLakeSegmenterConfig({
  name: "tiny",
  embedDim: 24,
  depth: 2,
  heads: 2,
  decoder: { widths: { patch: 8, half: 8, full: 4 } },
  trainPx: 56,
  tilePx: 56,
  overlapPx: 14,
});

/** Fresh weights, but for louder logits: those of a new model are so small that every probability is near 0.5. */
function untrained(): LakeSegmenter {
  const { "decoder.logits.weight": quiet, ...others } = buildLakeSegmenter(tinyConfig).init(3);
  const loud = tf.tidy(() => tf.mul(quiet!, 20));
  quiet!.dispose();
  return new LakeSegmenter({ config: tinyConfig, params: { ...others, "decoder.logits.weight": loud } });
}

/** Probability of a whole scene as the model gives it, before the page rounds it. */
async function predict(segmenter: LakeSegmenter, scene: ReturnType<typeof syntheticAsScene>) {
  const { width, height } = scene.grid;
  const all = new Float32Array(width * height);
  await segmenter.predictScene(scene, { onRows: async ({ y, prob }) => all.set(prob, y * width) });
  return all;
}

const spread = (values: Float32Array): number => Math.max(...values) - Math.min(...values);

describe("a segmenter in the browser", () => {
  const scene = syntheticAsScene(generateScene({ seed: 4, width: 100, height: 90, cloudCover: 0 }));
  let expected: Float32Array;

  beforeAll(async () => {
    await useBackend("cpu");
    const segmenter = untrained();
    expected = await predict(segmenter, scene);
    segmenter.dispose();
  }, 120_000);

  it("has a reference that differs from pixel to pixel", () => {
    expect(expected.every(Number.isFinite)).toBe(true);
    expect(spread(expected)).toBeGreaterThan(0.05);
  });

  it.each([
    ["wasm", 1e-5],
    ["webgpu", 1e-4],
  ] as const)(
    "gives the CPU's probabilities on %s",
    async (backend, atol) => {
      await useBackend(backend);
      const before = tf.memory().numTensors;
      const segmenter = untrained();
      expectClose(await predict(segmenter, scene), expected, { atol, rtol: 0 });
      segmenter.dispose();
      expect(tf.memory().numTensors).toBe(before);
    },
    300_000,
  );
});

describe("the bundle that comes with glof", () => {
  it("gives one tile the same probabilities on wasm and webgpu", async ({ skip }) => {
    const reason = "packages/cli/models/glof-small.safetensors is not there";
    if (shippedModelUrl === undefined) console.info(`skipped: the shipped bundle in the browser: ${reason}`);
    skip(shippedModelUrl === undefined, reason);
    const scene = syntheticAsScene(generateScene({ seed: 9, width: 126, height: 126, cloudCover: 0 }));
    const given: Float32Array[] = [];
    for (const backend of ["wasm", "webgpu"] as const) {
      await useBackend(backend);
      const shelf = new ModelShelf();
      const segmenter = await shelf.load(undefined, backend);
      const window = { x: 0, y: 0, width: 126, height: 126 };
      const read = await scene.readReflectance(window, segmenter.config.bands);
      given.push(await segmenter.predictTile(read, [126, 126]));
      shelf.clear();
    }
    expectClose(given[1]!, given[0]!, { atol: 1e-3, rtol: 0 });
  }, 300_000);
});

describe("the page's run", () => {
  it("outlines a demo scene, and again at another threshold without the model", async () => {
    await useBackend("wasm");
    const segmenter = untrained();
    const scene = syntheticAsScene(await makeDemoScene({ seed: 9, width: 120, height: 80, cloudCover: 0 }));
    const events: string[] = [];
    const map = await runModel({
      scene,
      segmenter,
      onProgress: ({ done, total }) => events.push(`${done}/${total}`),
    });
    segmenter.dispose();
    expect(events.at(-1)).toBe("6/6");
    expect(map.steps).not.toContain(NO_PROB);
    const sorted = map.steps.toSorted();
    for (const share of [0.5, 0.9]) {
      const step = sorted[Math.floor(share * sorted.length)]!;
      const lakes = await outlineLakes(map, { threshold: step / PROB_STEPS, minAreaM2: 0 });
      expect(lakes.length).toBeGreaterThan(0);
      const pixels = lakes.reduce((sum, { pixelCount }) => sum + pixelCount, 0);
      expect(pixels).toBe(map.steps.filter((value) => value >= step).length);
      expect(lakes.every(({ meanProb }) => meanProb >= step / PROB_STEPS)).toBe(true);
    }
  }, 120_000);

  it("stops when it is told to", async () => {
    await useBackend("wasm");
    const segmenter = untrained();
    const scene = syntheticAsScene(generateScene({ seed: 1, width: 120, height: 80 }));
    const controller = new AbortController();
    const onProgress = () => controller.abort();
    await expect(runModel({ scene, segmenter, signal: controller.signal, onProgress })).rejects.toMatchObject(
      {
        code: "aborted",
      },
    );
    segmenter.dispose();
  });
});
