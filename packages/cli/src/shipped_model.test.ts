import { openRaster } from "@glof/geo";
import { confusionCounts, iou } from "@glof/metrics";
import { selectBackend } from "@glof/runtime";
import { LakeSegmenter } from "@glof/segmenter";
import { ndwiOtsuMask, openScene, type Scene } from "@glof/sentinel2";
import { generateScene } from "@glof/synthetic";
import { describeOnBackends, hasShared, sharedPath, toleranceHere, tolerances } from "@glof/test-kit";
import { describe, expect, it } from "vitest";
import { shippedModelPath } from "./shipped_model.js";

/**
 * Moving all tiles by half a tile changes the probabilities of the shipped model by less than this on average; what it
 * sees beyond a tile's border is the reason that it is not 0.
 */
const MEAN_SEAM = 0.01;

const khumbu = sharedPath("data/khumbu_s2_2024/");
const hasKhumbu = hasShared("data/khumbu_s2_2024");

async function probabilityOf(segmenter: LakeSegmenter, scene: Scene, shiftPx = 0): Promise<Float32Array> {
  const prob = new Float32Array(scene.grid.width * scene.grid.height);
  await segmenter.predictScene(scene, {
    shiftPx,
    onRows: async (rows) => prob.set(rows.prob, rows.y * scene.grid.width),
  });
  return prob;
}

describeOnBackends("the shipped model", () => {
  it("gives the probabilities of the cpu backend", async () => {
    const { bandsRefl } = generateScene({ seed: 12, width: 84, height: 84, season: "summer", cloudCover: 0 });
    const window = { bandsRefl: bandsRefl.slice(0, 4), validMask: new Uint8Array(84 * 84).fill(1) };
    const here = await LakeSegmenter.load(shippedModelPath());
    const got = await here.predictTile(window, [84, 84]);
    here.dispose();
    const tolerance = toleranceHere(tolerances.network).atol;
    await selectBackend({ require: "cpu" });
    const reference = await LakeSegmenter.load(shippedModelPath());
    const want = await reference.predictTile(window, [84, 84]);
    reference.dispose();
    const worst = got.reduce((most, prob, pixel) => Math.max(most, Math.abs(prob - want[pixel]!)), 0);
    expect(worst).toBeLessThan(tolerance);
    expect(want.some((prob) => prob > 0.5)).toBe(true);
  });
});

describe.skipIf(!hasKhumbu)("the shipped model on Khumbu in summer", () => {
  it("finds the lakes, beats NDWI with Otsu's threshold, and shows no seam", async () => {
    await selectBackend({ require: "wasm" });
    const segmenter = await LakeSegmenter.load(shippedModelPath());
    const scene = await openScene(`${khumbu}khumbu_s2l2a_summer_2024.tif`);
    const window = { x: 0, y: 0, width: scene.grid.width, height: scene.grid.height };
    const silver = await openRaster(`${khumbu}khumbu_lakes_silver_summer_2024.tif`);
    const [truth] = (await silver.readWindow(window)) as [Uint8Array];

    const prob = await probabilityOf(segmenter, scene);
    const { bandsRefl, validMask } = await scene.readReflectance(window, ["B03", "B08"]);
    const { mask } = ndwiOtsuMask(bandsRefl[0]!, bandsRefl[1]!, validMask);
    const { threshold } = segmenter.config;
    const modelIou = iou(confusionCounts(prob, truth, { threshold }));
    expect(modelIou).toBeGreaterThan(0.55);
    expect(modelIou).toBeGreaterThan(3 * iou(confusionCounts(mask, truth)));

    const shifted = await probabilityOf(segmenter, scene, segmenter.config.tilePx / 2);
    const change =
      prob.reduce((sum, value, pixel) => sum + Math.abs(value - shifted[pixel]!), 0) / prob.length;
    expect(change).toBeLessThan(MEAN_SEAM);
    await Promise.all([silver.close(), scene.close()]);
    segmenter.dispose();
  });
});
