import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crsFromEpsg } from "@glof/geo";
import { readChipStatistics, readChips, type Scene, sampleChips, writeChips } from "@glof/sentinel2";
import { expect, it } from "vitest";
import { bandStatistics, openChipSet } from "./chips.js";

/** A scene of 12 x 8 pixels whose first column is not valid. */
const scene: Scene = {
  id: "made-up",
  grid: { width: 12, height: 8, geoTransform: [500_000, 10, 0, 3_100_000, 0, -10], crs: crsFromEpsg(32645) },
  bands: ["B03", "B08"],
  level: "L2A",
  radiometry: {},
  acquiredAt: undefined,
  inputs: [],
  blockRows: 8,
  readReflectance: async ({ x, y, width, height }, bands) => ({
    bandsRefl: bands.map((_, band) =>
      Float32Array.from(
        { length: width * height },
        (__, at) => band + (y + Math.floor(at / width)) / 100 + (x + (at % width)) / 7,
      ),
    ),
    validMask: Uint8Array.from({ length: width * height }, (_, at) => (x + (at % width) === 0 ? 0 : 1)),
  }),
  close: async () => {},
};

it("takes chips of @glof/sentinel2, from the disk or on the fly, with the same statistics", async () => {
  const dir = await mkdtemp(join(tmpdir(), "glof-stored-chips-"));
  try {
    const labels = Uint8Array.from({ length: 96 }, (_, at) => (at % 5 === 0 ? 1 : 0));
    await writeChips(scene, labels, { dir, sizePx: 4, group: "made-up", weight: 3 });
    const stored = await openChipSet(readChips(dir, { split: "train" }), { bands: ["B08", "B03"] });
    const live = await openChipSet(sampleChips(scene, labels, { sizePx: 4 }), { bands: ["B08", "B03"] });
    expect(stored.chips).toHaveLength(6);
    expect(stored.chips[0]).toMatchObject({ group: "made-up", weight: 3, width: 4 });
    stored.chips.forEach((chip, index) => {
      expect(chip.refl).toEqual(live.chips[index]!.refl);
      expect(chip.mask).toEqual(live.chips[index]!.mask);
    });
    const [green, nir] = (await readChipStatistics(dir)).summary();
    const { mean, std } = bandStatistics(stored);
    expect(mean[0]).toBeCloseTo(nir!.mean, 10);
    expect(mean[1]).toBeCloseTo(green!.mean, 10);
    expect(std[0]).toBeCloseTo(nir!.std, 10);
  } finally {
    await rm(dir, { recursive: true });
  }
});
