import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { geographicSplits, type SplitEntry } from "./geographic_splits.js";
import { patchGrid } from "./patch_grid.js";
import { patchesOverMask } from "./patches_over_mask.js";
import { samplePatches } from "./sample_patches.js";
import { subsample, subsampleCounts } from "./subsample.js";

describe("patchGrid", () => {
  const corners = (options: Parameters<typeof patchGrid>[0]): string =>
    patchGrid(options)
      .map(({ x, y }) => `${x},${y}`)
      .join(" ");

  it("drops, shifts or pads what is left", () => {
    const image = { width: 10, height: 4, sizePx: 4 };
    expect(corners({ ...image, edge: "drop" })).toBe("0,0 4,0");
    expect(corners({ ...image, edge: "shift" })).toBe("0,0 4,0 6,0");
    expect(corners({ ...image, edge: "pad" })).toBe("0,0 4,0 8,0");
    expect(corners({ width: 8, height: 4, sizePx: 4, stepPx: 2 })).toBe("0,0 2,0 4,0");
    expect(corners({ width: 3, height: 9, sizePx: 4 })).toBe("");
    expect(corners({ width: 3, height: 3, sizePx: 4, edge: "pad" })).toBe("0,0");
    expect(() => patchGrid({ ...image, stepPx: 0 })).toThrow(/stepPx of at least 1/);
  });

  it("covers every pixel unless it drops, and stays inside unless it pads", () => {
    const draw = fc.record({
      width: fc.integer({ min: 1, max: 40 }),
      height: fc.integer({ min: 1, max: 40 }),
      sizePx: fc.integer({ min: 1, max: 12 }),
      share: fc.double({ min: 0.1, max: 1, noNaN: true }),
      edge: fc.constantFrom("drop" as const, "shift" as const, "pad" as const),
    });
    fc.assert(
      fc.property(draw, ({ width, height, sizePx, share, edge }) => {
        const stepPx = Math.max(1, Math.round(share * sizePx));
        const patches = patchGrid({ width, height, sizePx, stepPx, edge });
        const seen = new Uint8Array(width * height);
        for (const { x, y } of patches) {
          if (edge !== "pad") expect(x + sizePx <= width && y + sizePx <= height).toBe(true);
          for (let row = y; row < Math.min(height, y + sizePx); row++) {
            seen.fill(1, row * width + x, row * width + Math.min(width, x + sizePx));
          }
        }
        const fits = sizePx <= width && sizePx <= height;
        if (edge === "pad" || (edge === "shift" && fits)) expect(seen.includes(0)).toBe(false);
        expect(new Set(patches.map(({ x, y }) => `${x},${y}`)).size).toBe(patches.length);
      }),
      { numRuns: 300, seed: 1 },
    );
  });
});

describe("patchesOverMask", () => {
  it("takes lattice points on the mask, extremes and the centroid", () => {
    // Columns 2 to 7 of rows 1 to 3.
    const mask = Uint8Array.from({ length: 60 }, (_, index) => {
      const [col, row] = [index % 10, Math.floor(index / 10)];
      return col >= 2 && col <= 7 && row >= 1 && row <= 3 ? 1 : 0;
    });
    const image = { width: 10, height: 6, sizePx: 4, stepPx: 2 };
    const centres = (options: Partial<Parameters<typeof patchesOverMask>[1]>): string =>
      patchesOverMask(mask, { ...image, ...options })
        .map(({ x, y }) => `${x + 2},${y + 2}`)
        .join(" ");
    expect(centres({ centroid: false })).toBe("2,2 4,2 6,2");
    // The centroid (4.5, 2) is rounded down to a place there is already.
    expect(centres({})).toBe("2,2 4,2 6,2");
    expect(centres({ stepPx: 100 })).toBe("4,2");
    expect(centres({ extremes: true, stepPx: 100 })).toBe("2,2 4,1 7,2 4,3 4,2");
    expect(patchesOverMask(new Uint8Array(60), image)).toEqual([]);
    expect(() => patchesOverMask(mask, { ...image, width: 9 })).toThrow(/mask of 9 x 6, got 60/);
  });
});

describe("samplePatches", () => {
  const side = 50;
  const labels = new Uint8Array(side * side);
  labels.fill(255, 0, 20 * side);
  labels[40 * side + 45] = 1;
  const options = { width: side, height: side, sizePx: 8, count: 40, seed: 3 };

  it("balances, keeps inside and valid, and repeats with the seed", () => {
    const patches = samplePatches(labels, options);
    expect(patches).toHaveLength(40);
    const covers = patches.filter(({ x, y }) => x <= 45 && x + 8 > 45 && y <= 40 && y + 8 > 40);
    expect(covers.length).toBeGreaterThanOrEqual(20);
    expect(covers.length).toBeLessThan(26);
    expect(new Set(covers.map(({ x, y }) => `${x},${y}`)).size).toBeGreaterThan(12);
    for (const { x, y } of patches) {
      expect(x >= 0 && y >= 16 && x + 8 <= side && y + 8 <= side).toBe(true);
    }
    expect(samplePatches(labels, options)).toEqual(patches);
    expect(samplePatches(labels, { ...options, seed: 4 })).not.toEqual(patches);
    expect(samplePatches(labels, { ...options, positiveShare: 1 }).every(({ x }) => x > 37)).toBe(true);
  });

  it("gives up where nothing is valid, and refuses what cannot be", () => {
    expect(samplePatches(new Uint8Array(2500).fill(255), options)).toEqual([]);
    expect(() => samplePatches(labels, { ...options, sizePx: 51 })).toThrow(/fit into 50 x 50/);
    expect(() => samplePatches(labels, { ...options, minValid: 2 })).toThrow(/minValid 2/);
    expect(() => samplePatches(labels, { ...options, width: 49 })).toThrow(/labels of 49 x 50/);
  });
});

describe("subsample", () => {
  it("follows DL4GAM's rule", () => {
    // Computed with its subsample_train_ds: fraction (10 - 3) / (31 - 3), then the remainder from the largest.
    expect(subsampleCounts([1, 10, 20], 10)).toEqual([1, 3, 6]);
    expect(subsampleCounts([5, 5, 5], 15)).toEqual([5, 5, 5]);
    expect(subsampleCounts([1, 1, 1], 3)).toEqual([1, 1, 1]);
    // (3 - 1) · 1 / 4 = 0.5 is rounded to 0 twice: the last of the largest gets the missing one.
    expect(subsampleCounts([3, 3], 3)).toEqual([1, 2]);
  });

  it("always meets the target, with one of each group and no more than there are", () => {
    const groups = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(groups, fc.double({ min: 0, max: 1, noNaN: true }), (counts, share) => {
        const total = counts.reduce((sum, count) => sum + count, 0);
        const target = counts.length + Math.round(share * (total - counts.length));
        const kept = subsampleCounts(counts, target);
        expect(kept.reduce((sum, count) => sum + count, 0)).toBe(target);
        expect(kept.every((count, group) => count >= 1 && count <= counts[group]!)).toBe(true);
        const fraction = total === counts.length ? 0 : (target - counts.length) / (total - counts.length);
        kept.forEach((count, group) => {
          expect(Math.abs(count - 1 - (counts[group]! - 1) * fraction)).toBeLessThan(2 + counts.length / 2);
        });
      }),
      { numRuns: 500, seed: 7 },
    );
    expect(() => subsampleCounts([3, 3], 1)).toThrow(/target from 2 to 6, got 1/);
    expect(() => subsampleCounts([3, 0], 2)).toThrow(/at least 1 patch/);
  });

  it("draws without replacement, the same for the same seed", () => {
    const items = Array.from({ length: 60 }, (_, index) => ({ index, glacier: `g${index % 4}` }));
    const draw = (seed: number) => subsample(items, ({ glacier }) => glacier, 20, seed);
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(new Set(draw(1)).size).toBe(20);
    for (const glacier of ["g0", "g1", "g2", "g3"]) {
      expect(draw(1).filter((item) => item.glacier === glacier)).toHaveLength(5);
    }
  });
});

describe("geographicSplits", () => {
  const row: SplitEntry[] = Array.from({ length: 20 }, (_, index) => ({
    id: `g${index}`,
    bounds: [index, 0, index + 0.5, 1],
    size: 1,
  }));
  const members = (part: string, split: { readonly parts: ReadonlyMap<string, string> }): string =>
    [...split.parts].flatMap(([id, of]) => (of === part ? [id] : [])).join(" ");

  it("cuts from east to west, with validation between test and training", () => {
    // From east to west, by data_cv_split's arithmetic in NumPy.
    const picture = (sizes: readonly number[], folds?: number, validationShare?: number): string[] => {
      const entries = sizes.map(
        (size, index): SplitEntry => ({ id: `g${index}`, bounds: [-index, 0, 0.5 - index, 1], size }),
      );
      const splits = geographicSplits(entries, {
        ...(folds !== undefined && { folds }),
        ...(validationShare !== undefined && { validationShare }),
      });
      const signs = { test: "T", validation: "V", train: ".", gap: "?" };
      return splits.map(({ parts }) => entries.map(({ id }) => signs[parts.get(id)!]).join(""));
    };
    expect(picture(new Array(20).fill(1))).toEqual([
      "TTTVVV..............",
      "...TTTTV............",
      ".......TTTTTV.......",
      "..........VVTTTVV...",
      "..............VTTTTT",
    ]);
    const sizes = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4];
    expect(picture(sizes)).toEqual([
      "TTTTTVV.............",
      ".....TTTTV..........",
      "........VTTTV.......",
      "............TTTVV...",
      ".............VVTTTTT",
    ]);
    expect(picture(sizes, 3, 0.2)).toEqual([
      "TTTTTTTTVVV.........",
      ".....VVVTTTTTV......",
      "...........VVTTTTTTT",
    ]);
    const northern = geographicSplits(
      row.map((entry, index) => ({ ...entry, bounds: [0, -index, 1, 0.5 - index] })),
      { axis: "y" },
    );
    expect(members("test", northern[0]!)).toBe("g0 g1 g2");
  });

  it("tests every entry once, whatever the sizes", () => {
    const sizes = fc.array(fc.double({ min: 0.01, max: 50, noNaN: true }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 2, max: 6 }), (drawn, folds) => {
        const entries = drawn.map(
          (size, index): SplitEntry => ({
            id: `${index}`,
            bounds: [(index * 7) % 11, 0, (index * 7) % 11, 1],
            size,
          }),
        );
        const splits = geographicSplits(entries, { folds });
        for (const { id } of entries) {
          expect(splits.filter(({ parts }) => parts.get(id) === "test")).toHaveLength(1);
        }
      }),
      { numRuns: 200, seed: 3 },
    );
  });

  it("lets no training entry near a test one, with a buffer", () => {
    const box = fc.tuple(
      fc.double({ min: 0, max: 100, noNaN: true }),
      fc.double({ min: 0, max: 30, noNaN: true }),
      fc.double({ min: 0.1, max: 15, noNaN: true }),
    );
    fc.assert(
      fc.property(
        fc.array(box, { minLength: 2, maxLength: 40 }),
        fc.constantFrom(0, 1, 4),
        (boxes, buffer) => {
          const entries = boxes.map(
            ([x, y, wide], index): SplitEntry => ({
              id: `${index}`,
              bounds: [x, y, x + wide, y + 2],
              size: wide,
            }),
          );
          for (const { parts } of geographicSplits(entries, { buffer })) {
            for (const a of entries) {
              for (const b of entries) {
                const [of, with_] = [parts.get(a.id)!, parts.get(b.id)!];
                if (of === with_ || of === "gap" || with_ === "gap") continue;
                const dx = Math.max(a.bounds[0] - b.bounds[2], b.bounds[0] - a.bounds[2]);
                const dy = Math.max(a.bounds[1] - b.bounds[3], b.bounds[1] - a.bounds[3]);
                const apart = Math.hypot(Math.max(0, dx), Math.max(0, dy));
                expect(apart > 0 && apart >= buffer).toBe(true);
              }
            }
          }
        },
      ),
      { numRuns: 100, seed: 11 },
    );
  });

  it("refuses what cannot be split", () => {
    expect(() => geographicSplits(row, { folds: 1 })).toThrow(/at least 2 folds/);
    expect(() => geographicSplits([...row, row[0]!])).toThrow(/an id of its own/);
    expect(() => geographicSplits([{ ...row[0]!, size: 0 }])).toThrow(/size above 0 for g0/);
    expect(() => geographicSplits([{ ...row[0]!, bounds: [1, 0, 0, 1] }])).toThrow(/minX, minY/);
  });
});
