import { checkpointFromTensors } from "@glof/checkpoint";
import { saveParams } from "@glof/nn";
import { selectBackend } from "@glof/runtime";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { buildLakeSegmenter } from "../build_lake_segmenter.js";
import { LakeSegmenter } from "../lake_segmenter.js";
import { madeUpScene, madeUpWindow, tinyConfig } from "../test_segmenter.js";
import { describeOrtEngine } from "./describe_ort.js";
import { openOrtEngine } from "./ort_engine.js";
import * as ortPackage from "./ort_package.js";
import type { OrtEngineOptions } from "./types.js";

const config = tinyConfig();
const atol = 1e-5;
const open: LakeSegmenter[] = [];

/** The same weights on the CPU backend and in ONNX Runtime. */
async function both(
  options: OrtEngineOptions = {},
): Promise<readonly [here: LakeSegmenter, there: LakeSegmenter]> {
  const model = buildLakeSegmenter(config);
  const params = model.init(3);
  const checkpoint = checkpointFromTensors(await saveParams(model.specs, params));
  const engine = await openOrtEngine({ config, checkpoint, threads: 1, ...options });
  const pair = [
    new LakeSegmenter({ config, params }),
    new LakeSegmenter({ config, params: {}, engine }),
  ] as const;
  open.push(...pair);
  return pair;
}

function farthest(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, index) => Math.max(most, Math.abs(value - b[index]!)), 0);
}

async function sceneProb(segmenter: LakeSegmenter, options: object = {}): Promise<Float32Array> {
  const prob = new Float32Array(61 * 47);
  await segmenter.predictScene(madeUpScene(61, 47), {
    onRows: async (rows) => prob.set(rows.prob, rows.y * 61),
    ...options,
  });
  return prob;
}

beforeAll(async () => {
  await selectBackend({ require: "cpu" });
});

afterEach(() => {
  for (const segmenter of open.splice(0)) segmenter.dispose();
  vi.restoreAllMocks();
});

describe("LakeSegmenter with the engine ort", () => {
  it("gives the probabilities of tfjs for a scene, whatever the batches and workers", async () => {
    const [here, there] = await both({ workers: 2 });
    expect(there.engineDescription).toMatch(/^ONNX Runtime 1\.\d+\.\d+ on the CPU, 2 x 1 threads$/);
    const expected = await sceneProb(here);
    expect(farthest(await sceneProb(there), expected)).toBeLessThan(atol);
    expect(farthest(await sceneProb(there, { batchSize: 3 }), expected)).toBeLessThan(atol);
    const larger = { tilePx: 42 };
    expect(farthest(await sceneProb(there, larger), await sceneProb(here, larger))).toBeLessThan(atol);
  });

  it("runs tiles of many sizes at once and one after the other", async () => {
    const [here, there] = await both();
    const sizes = [
      [28, 28],
      [20, 30],
      [56, 14],
      [70, 70],
      [28, 28],
    ] as const;
    const tile = (segmenter: LakeSegmenter, [rows, cols]: (typeof sizes)[number]) =>
      segmenter.predictTile(madeUpWindow(cols, rows), [rows, cols]);
    const together = await Promise.all(sizes.map((size) => tile(there, size)));
    for (const [index, size] of sizes.entries()) {
      const expected = await tile(here, size);
      expect(farthest(together[index]!, expected)).toBeLessThan(atol);
      expect(farthest(await tile(there, size), expected)).toBeLessThan(atol);
    }
  });

  it("leaves the caller's pixels alone in predictPixels", async () => {
    const [here, there] = await both();
    const pixels = Float32Array.from({ length: 2 * 28 * 28 * 4 }, (_, index) => Math.sin(index));
    const got = await there.predictPixels(pixels, [2, 28, 28, 4]);
    expect(pixels).toHaveLength(2 * 28 * 28 * 4);
    expect(farthest(got, await here.predictPixels(pixels, [2, 28, 28, 4]))).toBeLessThan(atol);
  });

  it("lets timers run while it computes", async () => {
    const [, there] = await both();
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await there.predictPixels(new Float32Array(8 * 224 * 224 * 4), [8, 224, 224, 4]);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(10);
  });

  it("stops when cancelled, and fails batches under way when disposed", async () => {
    const [, there] = await both();
    const controller = new AbortController();
    const onProgress = (): void => controller.abort();
    await expect(sceneProb(there, { signal: controller.signal, onProgress })).rejects.toMatchObject({
      code: "aborted",
    });
    const running = there.predictPixels(new Float32Array(28 * 28 * 4), [1, 28, 28, 4]);
    there.dispose();
    await expect(running).rejects.toMatchObject({ code: "aborted" });
    await expect(there.predictPixels(new Float32Array(28 * 28 * 4), [1, 28, 28, 4])).rejects.toMatchObject({
      code: "bad-argument",
    });
  });

  it("refuses sizes that the patch does not divide, and goes on", async () => {
    const [, there] = await both();
    await expect(there.predictPixels(new Float32Array(20 * 28 * 4), [1, 20, 28, 4])).rejects.toMatchObject({
      code: "shape-mismatch",
    });
    expect(await there.predictPixels(new Float32Array(28 * 28 * 4), [1, 28, 28, 4])).toHaveLength(28 * 28);
  });
});

describe("openOrtEngine", () => {
  it("refuses counts that are none", async () => {
    await expect(both({ threads: 0 })).rejects.toMatchObject({ code: "bad-argument" });
    await expect(both({ workers: 1.5 })).rejects.toMatchObject({ code: "bad-argument" });
  });

  it("closes the checkpoint and says what to install where the package is absent", async () => {
    vi.spyOn(ortPackage, "findOrtPackage");
    const close = vi.fn(async () => {});
    const checkpoint = { ...checkpointFromTensors({}), close };
    const cwd = vi.spyOn(process, "versions", "get").mockReturnValue({} as NodeJS.ProcessVersions);
    const opened = openOrtEngine({ config, checkpoint });
    await expect(opened).rejects.toMatchObject({ code: "backend-unavailable" });
    await expect(opened).rejects.toThrow(/npm install onnxruntime-node/);
    expect(close).toHaveBeenCalledOnce();
    expect(await describeOrtEngine()).toMatchObject({ isAvailable: false, version: undefined });
    cwd.mockRestore();
  });
});

describe("describeOrtEngine", () => {
  it("finds the package and loads it", async () => {
    expect(await describeOrtEngine()).toEqual({ isAvailable: true, version: expect.stringMatching(/^1\./) });
  });
});
