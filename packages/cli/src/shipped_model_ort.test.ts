import { selectBackend } from "@glof/runtime";
import { LakeSegmenter } from "@glof/segmenter";
import { openScene, type Scene } from "@glof/sentinel2";
import { generateScene } from "@glof/synthetic";
import { hasShared, sharedPath } from "@glof/test-kit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { shippedModelPath } from "./shipped_model.js";

/** Farthest that two probabilities of a pixel may be apart. */
const tolerance = 1e-5;

let here: LakeSegmenter;
let there: LakeSegmenter;
beforeAll(async () => {
  await selectBackend({ require: "wasm" });
  here = await LakeSegmenter.load(shippedModelPath());
  there = await LakeSegmenter.load(shippedModelPath(), { engine: "ort" });
});
afterAll(() => {
  here.dispose();
  there.dispose();
});

function farthest(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, at) => Math.max(most, Number.isNaN(value) ? 0 : Math.abs(value - b[at]!)), 0);
}

async function probabilityOf(segmenter: LakeSegmenter, scene: Scene, tilePx?: number): Promise<Float32Array> {
  const prob = new Float32Array(scene.grid.width * scene.grid.height);
  await segmenter.predictScene(scene, {
    tilePx,
    onRows: async (rows) => prob.set(rows.prob, rows.y * scene.grid.width),
  });
  return prob;
}

describe("the shipped model with the engine ort, beside tfjs", () => {
  it("gives the probabilities of a made-up scene at its tile, smaller and larger", async () => {
    const size = 294;
    const { bandsRefl } = generateScene({
      seed: 3,
      width: size,
      height: size,
      season: "summer",
      cloudCover: 0,
    });
    for (const px of [84, 252, size]) {
      const cut = bandsRefl.slice(0, 4).map((band) => band.slice(0, px * px));
      const window = { bandsRefl: cut, validMask: new Uint8Array(px * px).fill(1) };
      const [a, b] = [await here.predictTile(window, [px, px]), await there.predictTile(window, [px, px])];
      expect(Math.max(...b)).toBeGreaterThan(10 * Math.min(...b));
      expect(farthest(a, b)).toBeLessThan(tolerance);
    }
  });

  it.skipIf(!hasShared("data/khumbu_s2_2024"))("gives those of a real scene, no data included", async () => {
    const scene = await openScene(sharedPath("data/khumbu_s2_2024/khumbu_s2l2a_summer_2024.tif"));
    const [a, b] = [await probabilityOf(here, scene), await probabilityOf(there, scene)];
    await scene.close();
    expect(a.map((prob) => (Number.isNaN(prob) ? 1 : 0))).toEqual(
      b.map((prob) => (Number.isNaN(prob) ? 1 : 0)),
    );
    expect(farthest(a, b)).toBeLessThan(tolerance);
  });
});
