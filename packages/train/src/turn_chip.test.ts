import { seededRng } from "@glof/core";
import { terrainFeatures } from "@glof/geo";
import { describeOnBackends } from "@glof/test-kit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { varyReflectance } from "./augment.js";
import { chipBatches } from "./chip_batches.js";
import { type Chip, openChipSet } from "./chips.js";
import { cutChip, squareSymmetries } from "./cut_chip.js";
import { inverseSymmetry, type Symmetry, turnChip } from "./turn_chip.js";
import { placeVectorBands, turnVectors } from "./vector_bands.js";

const names = ["dem", "slope", "aspectSin", "aspectCos"] as const;

/** A chip of a DEM with what gdaldem's formulas make of it. */
function demChip(heights: ArrayLike<number>, width: number, height: number): Chip {
  const grid = { width, height, geoTransform: [0, 10, 0, 0, 0, -10], crs: undefined } as const;
  const features = terrainFeatures(heights, grid, ["slope", "aspectSin", "aspectCos"], { edges: "nodata" });
  const refl = new Float32Array(width * height * 4);
  for (let pixel = 0; pixel < width * height; pixel++) {
    refl.set(
      [heights[pixel]!, ...names.slice(1).map((name) => features[name as "slope"][pixel]!)],
      4 * pixel,
    );
  }
  const mask = Uint8Array.from({ length: width * height }, (_, pixel) => pixel % 2);
  return { id: "dem", bands: names, width, height, refl, mask };
}

const symmetry = fc.integer({ min: 0, max: 7 }) as fc.Arbitrary<Symmetry>;
const size = fc.integer({ min: 1, max: 7 });

describe("turnChip", () => {
  it("is undone by the inverse, bit by bit", () => {
    fc.assert(
      fc.property(symmetry, size, size, fc.integer(), (turn, width, height, seed) => {
        const rng = seededRng(seed);
        const chip = demChip(
          Float32Array.from({ length: width * height }, () => rng.uniform(0, 50)),
          width,
          height,
        );
        expect(turnChip(turnChip(chip, turn), inverseSymmetry(turn))).toEqual(chip);
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  it("gives the aspect that the turned DEM has, and the same slope", () => {
    fc.assert(
      fc.property(symmetry, size, size, fc.integer(), (turn, width, height, seed) => {
        const rng = seededRng(seed);
        const heights = Float32Array.from({ length: width * height }, () => rng.int(40));
        const chip = demChip(heights, width, height);
        const turned = turnChip(chip, turn);
        const turnedDem = turned.refl.filter((_, index) => index % 4 === 0);
        const expected = demChip(turnedDem, turned.width, turned.height).refl;
        for (let index = 0; index < expected.length; index++) {
          if (Number.isNaN(expected[index]!)) expect(turned.refl[index]).toBeNaN();
          else expect(turned.refl[index]).toBeCloseTo(expected[index]!, 5);
        }
      }),
      { numRuns: 200, seed: 2 },
    );
  });

  it("moves the mask with the bands, as crops are moved", () => {
    const chip = demChip(
      Float32Array.from({ length: 25 }, (_, pixel) => pixel ** 2),
      5,
      5,
    );
    for (let turn = 0; turn < 8; turn++) {
      const turned = turnChip(chip, turn as Symmetry);
      const matrix = squareSymmetries[turn]!;
      const crop = cutChip(chip, { centreCol: 2, centreRow: 2, matrix }, 5);
      turnVectors(crop, 4, placeVectorBands(names), matrix);
      expect(turned.mask).toEqual(crop.mask);
      expect(turned.refl).toEqual(crop.refl);
    }
    expect(() => turnChip(chip, 8 as Symmetry)).toThrow(/symmetry from 0 to 7, got 8/);
    expect(() => turnChip(chip, 1, { vectorBands: [["u", "v"]] })).toThrow(/direction bands u, v/);
  });
});

describe("turnVectors", () => {
  it("turns by any angle, and keeps lengths when zooming", () => {
    const angle = 0.3;
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    const crop = { refl: Float32Array.of(0, 1, 0.6, 0.8) };
    // The crop's columns run along the direction `angle` south of east, three chip pixels apart.
    turnVectors(crop, 2, [[0, 1]], [3 * cos, -3 * sin, 3 * sin, 3 * cos]);
    expect(crop.refl[0]).toBeCloseTo(-sin, 6);
    expect(crop.refl[1]).toBeCloseTo(cos, 6);
    expect(Math.hypot(crop.refl[2]!, crop.refl[3]!)).toBeCloseTo(1, 6);
  });
});

describe("radiometry beside other bands", () => {
  it("leaves fixed bands alone", () => {
    const crop = { refl: Float32Array.of(0.2, 5000, 0.4, 5100), mask: new Uint8Array(2) };
    varyReflectance(crop, 2, { gain: 0.2, noise: 0.01 }, seededRng(3), new Set([1]));
    expect([crop.refl[1], crop.refl[3]]).toEqual([5000, 5100]);
    expect(crop.refl[0]).not.toBe(Math.fround(0.2));
  });
});

describeOnBackends(
  "batches of terrain",
  () => {
    it("turn aspect with the image and vary neither it nor what is excepted", async () => {
      // The plane falls to the east: sine 1, cosine 0; its height tells where a pixel came from.
      const side = 9;
      const heights = Float32Array.from({ length: side * side }, (_, pixel) => -100 * (pixel % side));
      const set = await openChipSet([demChip(heights, side, side)]);
      const batches = chipBatches(set, {
        batchSize: 40,
        cropPx: 3,
        normalization: { mean: [0, 0, 0, 0], std: [1, 1, 1, 1] },
        radiometry: { gain: 0.3, offset: 5, except: ["dem"] },
      });
      const { input, target } = await batches({ step: 0, micro: 0 });
      const data = await input.data();
      const seen = new Set<string>();
      for (let crop = 0; crop < 40; crop++) {
        const at = (row: number, col: number, band: number): number =>
          data[((crop * 3 + row) * 3 + col) * 4 + band]!;
        const [east, north] = [at(1, 1, 2), at(1, 1, 3)];
        if (east === 0 && north === 0) continue;
        // Downhill in the crop is where its heights fall.
        expect(Math.sign(at(1, 0, 0) - at(1, 2, 0)), `crop ${crop}`).toBe(Math.round(east));
        expect(Math.sign(at(2, 1, 0) - at(0, 1, 0)), `crop ${crop}`).toBe(Math.round(north));
        seen.add(`${Math.round(east)},${Math.round(north)}`);
      }
      expect(seen.size).toBe(4);
      input.dispose();
      target.dispose();
      const wrong = () =>
        chipBatches(set, {
          batchSize: 1,
          cropPx: 3,
          normalization: { mean: [0, 0, 0, 0], std: [1, 1, 1, 1] },
          radiometry: { except: ["B02"] },
        });
      expect(wrong).toThrow(/radiometry.except, got B02/);
    });
  },
  { backends: ["cpu"] },
);
