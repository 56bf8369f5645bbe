import { isGlofError, seededRng } from "@glof/core";
import { describeOnBackends } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { drawPlacement, varyReflectance } from "./augment.js";
import { chipBatches } from "./chip_batches.js";
import { bandStatistics, type Chip, openChipSet } from "./chips.js";
import { cutChip, plainPlacement } from "./cut_chip.js";
import { chipValidator } from "./validate_chips.js";

/** Band values tell where a pixel is: column and row; the mask tells whether the column is even. */
function positionChip(width: number, height: number): Chip {
  const refl = new Float32Array(width * height * 2);
  const mask = new Uint8Array(width * height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    refl[2 * pixel] = pixel % width;
    refl[2 * pixel + 1] = Math.floor(pixel / width);
    mask[pixel] = (pixel % width) % 2 === 0 ? 1 : 0;
  }
  return { id: "chip", bands: ["B02", "B08"], width, height, refl, mask };
}

const one = { mean: [0, 0], std: [1, 1] };

describe("openChipSet", () => {
  it("picks bands by name and marks what has no reflectance", async () => {
    const chip = positionChip(3, 2);
    const refl = chip.refl.slice();
    refl[1] = Number.NaN;
    const { chips, bands } = await openChipSet([{ ...chip, refl }], { bands: ["B08"] });
    expect(bands).toEqual(["B08"]);
    expect([...chips[0]!.refl]).toEqual([Number.NaN, 0, 0, 1, 1, 1]);
    expect([...chips[0]!.mask]).toEqual([255, 0, 1, 1, 0, 1]);
    expect(chip.mask[0]).toBe(1);
  });

  it("takes chips that are loaded one by one", async () => {
    async function* load() {
      yield positionChip(3, 2);
      yield positionChip(2, 2);
    }
    expect((await openChipSet(load())).chips).toHaveLength(2);
  });

  it.each([
    ["missing-band", { bands: ["B02", "B03"] }],
    ["shape-mismatch", { width: 4 }],
    ["bad-argument", { mask: Uint8Array.of(0, 1, 2, 0, 0, 0) }],
  ] as const)("refuses with %s", async (code, wrong) => {
    const opening = openChipSet([positionChip(3, 2), { ...positionChip(3, 2), ...wrong }]);
    await expect(opening).rejects.toSatisfy((error) => isGlofError(error, code));
  });

  it("refuses no chips", async () => {
    await expect(openChipSet([])).rejects.toSatisfy((error) => isGlofError(error, "bad-argument"));
  });

  it("computes statistics, leaving out NaN", async () => {
    const chip = { ...positionChip(2, 1), refl: Float32Array.of(1, 10, 3, Number.NaN) };
    expect(bandStatistics(await openChipSet([chip]))).toEqual({ mean: [2, 10], std: [1, 0] });
  });
});

describe("crops", () => {
  const chip = positionChip(12, 9);

  it("copies whole pixels exactly", () => {
    const { refl, mask } = cutChip(chip, plainPlacement(3, 2, 4), 4);
    expect([...refl.slice(0, 4)]).toEqual([3, 2, 4, 2]);
    expect([...mask.slice(0, 4)]).toEqual([0, 1, 0, 1]);
  });

  it("moves image and mask together under every symmetry, rotation and zoom", () => {
    const rng = seededRng(1);
    for (let round = 0; round < 50; round++) {
      const geometry = round < 25 ? {} : { rotateDeg: 20, zoom: [0.5, 1.5] as const };
      const { refl, mask } = cutChip(chip, drawPlacement(chip, { cropPx: 5, ...geometry }, rng), 5);
      for (const [pixel, label] of mask.entries()) {
        const column = refl[2 * pixel]!;
        if (label === 255) continue;
        if (round < 25) expect(column).toBe(Math.round(column));
        expect(label).toBe(Math.round(column) % 2 === 0 ? 1 : 0);
      }
    }
  });

  it("sees all eight symmetries", () => {
    const rng = seededRng(2);
    const corners = new Set<string>();
    for (let round = 0; round < 200; round++) {
      const { refl } = cutChip(chip, drawPlacement(chip, { cropPx: 9 }, rng), 9);
      const along = [Math.sign(refl[2]! - refl[0]!), Math.sign(refl[3]! - refl[1]!)];
      const down = [Math.sign(refl[18]! - refl[0]!), Math.sign(refl[19]! - refl[1]!)];
      corners.add([...along, ...down].join());
    }
    expect(corners.size).toBe(8);
  });

  it("stays inside the chip, and covers the wanted pixel", () => {
    const rng = seededRng(3);
    const starts = new Set<number>();
    for (let round = 0; round < 300; round++) {
      const overPixel = 4 * 12 + 11;
      const placement = drawPlacement(chip, { cropPx: 4, symmetries: false, overPixel }, rng);
      const { refl, mask } = cutChip(chip, placement, 4);
      expect(mask.includes(255)).toBe(false);
      expect(refl[0]).toBe(8);
      starts.add(refl[1]!);
    }
    expect([...starts].sort()).toEqual([1, 2, 3, 4]);
  });

  it("shows a small chip whole, the rest as no data", () => {
    const small = positionChip(3, 3);
    const { refl, mask } = cutChip(small, drawPlacement(small, { cropPx: 6 }, seededRng(4)), 6);
    expect(mask.filter((label) => label !== 255)).toHaveLength(9);
    expect(refl.filter((value) => Number.isNaN(value))).toHaveLength(2 * (36 - 9));
  });

  it("varies reflectances within the stated limits, the same for the same seed", () => {
    const make = (seed: number) => {
      const crop = { refl: Float32Array.of(0.2, 0.2, 0.4, 0.4), mask: new Uint8Array(2) };
      varyReflectance(crop, 2, { gain: 0.1, bandOffset: 0.01, gamma: 0.1, noise: 0.001 }, seededRng(seed));
      return [...crop.refl];
    };
    expect(make(1)).toEqual(make(1));
    expect(make(1)).not.toEqual(make(2));
    for (const value of make(1).slice(0, 2)) expect(Math.abs(value - 0.2)).toBeLessThan(0.08);
    const still = { refl: Float32Array.of(0.2, 0.4), mask: new Uint8Array(1) };
    varyReflectance(still, 2, {}, seededRng(1));
    expect([...still.refl]).toEqual([Math.fround(0.2), Math.fround(0.4)]);
  });
});

describeOnBackends(
  "batches and validation",
  () => {
    it("clips before it standardises, as prediction does", async () => {
      const set = await openChipSet([positionChip(12, 9)]);
      const options = { batchSize: 2, cropPx: 6, seed: 3 };
      const normalization = { mean: [4, 5], std: [2, 4] };
      const valuesOf = async (clip?: readonly [number, number]): Promise<Float32Array> => {
        const source = chipBatches(set, {
          ...options,
          normalization: clip ? { ...normalization, clip } : normalization,
        });
        const { input, target } = await source({ step: 0, micro: 0 });
        const values = await input.data<"float32">();
        tf.dispose([input, target]);
        return values;
      };
      const plain = await valuesOf();
      const clipped = await valuesOf([2, 7]);
      const want = plain.map((value, index) => {
        const [mean, std] = index % 2 === 0 ? [4, 2] : [5, 4];
        return (Math.min(7, Math.max(2, value * std! + mean!)) - mean!) / std!;
      });
      expect(plain).not.toEqual(want);
      expect(clipped).toEqual(want);
      await expect(valuesOf([7, 2])).rejects.toSatisfy((error) => isGlofError(error, "bad-argument"));
    });

    it("gives the same batch for the same step, and another for another", async () => {
      const set = await openChipSet([positionChip(12, 9), positionChip(20, 20)]);
      const batches = chipBatches(set, { batchSize: 3, cropPx: 5, normalization: one, seed: 1 });
      const at = async (step: number, micro = 0) => [
        ...(await (await batches({ step, micro })).input.data()),
      ];
      expect(await at(7)).toEqual(await at(7));
      expect(await at(7)).not.toEqual(await at(8));
      expect(await at(7)).not.toEqual(await at(7, 1));
      const { input, target } = await batches({ step: 0, micro: 0 });
      expect([input.shape, target.shape]).toEqual([
        [3, 5, 5, 2],
        [3, 5, 5, 1],
      ]);
    });

    it("normalises, with 0 where there is nothing", async () => {
      const chip = { ...positionChip(2, 2), refl: Float32Array.of(3, 1, Number.NaN, 1, 3, 1, 3, 1) };
      const set = await openChipSet([chip]);
      const normalization = { mean: [1, 1], std: [2, 1] };
      const batches = chipBatches(set, {
        batchSize: 1,
        cropPx: 2,
        normalization,
        geometry: { symmetries: false },
      });
      const { input, target } = await batches({ step: 0, micro: 0 });
      expect([...(await input.data())]).toEqual([1, 0, 0, 0, 1, 0, 1, 0]);
      expect((await target.data())[1]).toBe(255);
    });

    it("draws chips by their weights and favours lakes", async () => {
      const dry = { ...positionChip(40, 40), mask: new Uint8Array(1600), weight: 0 };
      const pond = { ...positionChip(40, 40), mask: new Uint8Array(1600) };
      pond.mask[777] = 1;
      const set = await openChipSet([dry, pond]);
      const share = async (lakeShare: number): Promise<number> => {
        const batches = chipBatches(set, { batchSize: 64, cropPx: 4, normalization: one, lakeShare });
        const { target } = await batches({ step: 0, micro: 0 });
        const masks = await target.data();
        return Array.from({ length: 64 }, (_, index) => masks.subarray(16 * index, 16 * index + 16)).filter(
          (mask) => mask.includes(1),
        ).length;
      };
      expect(await share(1)).toBe(64);
      expect(await share(0)).toBeLessThan(10);
      const none = await openChipSet([dry]);
      const call = () => chipBatches(none, { batchSize: 1, cropPx: 4, normalization: one });
      expect(call).toThrow(expect.toSatisfy((error) => isGlofError(error, "bad-argument")));
    });

    it.each([
      [7, 5],
      [4, 4],
      [9, 13],
      [3, 2],
    ])("scores every pixel of a %i x %i chip once", async (width, height) => {
      const chip = { ...positionChip(width, height), group: "a" };
      const set = await openChipSet([chip, { ...chip, group: "b" }]);
      let seen = 0;
      const validate = chipValidator(set, {
        // Right about every even column, by the first band; the count of valid pixels shows in the accuracy.
        forward: (_, images) =>
          tf.tidy(() => tf.sub(1, tf.mul(2, tf.mod(tf.slice(images, [0, 0, 0, 0], [-1, -1, -1, 1]), 2)))),
        normalization: one,
        cropPx: 4,
        loss: (_, target) => {
          seen += [...target.dataSync()].filter((label) => label !== 255).length;
          return tf.scalar(0);
        },
      });
      const result = await validate({}, {});
      expect(seen).toBe(2 * width * height);
      expect(result).toMatchObject({ iou: 1, f1: 1, precision: 1, recall: 1, accuracy: 1, loss: 0 });
      expect(Object.keys(result.groups!)).toEqual(["a", "b"]);
    });

    it("scores a chip without lakes as 0 and stops when told", async () => {
      const set = await openChipSet([{ ...positionChip(4, 4), mask: new Uint8Array(16) }]);
      const validate = chipValidator(set, {
        forward: (_, images) =>
          tf.tidy(() => tf.neg(tf.onesLike(tf.slice(images, [0, 0, 0, 0], [-1, -1, -1, 1])))),
        normalization: one,
        cropPx: 4,
      });
      expect(await validate({}, {})).toMatchObject({ iou: 0, accuracy: 1 });
      const stopped = validate({}, { signal: AbortSignal.abort() });
      await expect(stopped).rejects.toSatisfy((error) => isGlofError(error, "aborted"));
    });
  },
  { backends: ["cpu"] },
);
