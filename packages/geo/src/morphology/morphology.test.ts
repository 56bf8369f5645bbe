import { describe, expect, it } from "vitest";
import { drawMask, randomMask } from "../test_support/masks.js";
import { distanceTransform } from "./distance_transform.js";
import { closeMask, dilate, erode, openMask } from "./erode_dilate.js";
import { fillHoles, removeSmallRegions } from "./regions.js";

const cases = Array.from({ length: 30 }, (_, seed) => {
  const [width, height] = [1 + (seed % 11), 1 + ((seed * 5) % 13)];
  return { width, height, mask: randomMask(width, height, 0.2 + (seed % 6) / 8, seed) };
});

describe("removeSmallRegions", () => {
  it("removes what is too small and leaves no-data alone", () => {
    const mask = Uint8Array.of(1, 1, 0, 255, 1, 0);
    expect([...removeSmallRegions(mask, 6, 1, { minPixels: 2 })]).toEqual([1, 1, 0, 255, 0, 0]);
    expect([...mask]).toEqual([1, 1, 0, 255, 1, 0]);
  });

  it("counts corners when told to", () => {
    const { mask, width, height } = drawMask("#.", ".#");
    expect([...removeSmallRegions(mask, width, height, { minPixels: 2 })]).toEqual([0, 0, 0, 0]);
    expect(removeSmallRegions(mask, width, height, { minPixels: 2, connectivity: 8 })).toEqual(mask);
    expect(() => removeSmallRegions(mask, width, height, { minPixels: Number.NaN })).toThrow(/minPixels/);
  });
});

describe("fillHoles", () => {
  it("fills what is enclosed, up to a size, and no bay", () => {
    const { mask, width, height } = drawMask("#####", "#.#.#", "###..", "#.#.#", "#####");
    expect(fillHoles(mask, width, height)).toEqual(
      drawMask("#####", "###.#", "###..", "###.#", "#####").mask,
    );
    const lake = drawMask("####.", "#..#.", "####.").mask;
    expect(fillHoles(lake, 5, 3, { maxPixels: 1 })).toEqual(lake);
  });

  it("lets water out at corners of a 4-connected shore, not of an 8-connected one", () => {
    const { mask, width, height } = drawMask(".#.", "#.#", "###");
    expect(fillHoles(mask, width, height)).toEqual(mask);
    expect(fillHoles(mask, width, height, { connectivity: 8 })).toEqual(drawMask(".#.", "###", "###").mask);
  });

  it("keeps no-data inside a hole", () => {
    const { mask } = drawMask("####", "#..#", "####");
    mask[5] = 255;
    expect([...fillHoles(mask, 4, 3).subarray(4, 8)]).toEqual([1, 255, 1, 1]);
  });
});

describe("erode and dilate", () => {
  /** By definition, one pixel at a time. */
  const brute = (
    mask: Uint8Array,
    width: number,
    height: number,
    element: string,
    keep: number,
  ): Uint8Array =>
    mask.map((_, index) => {
      const [x, y] = [index % width, Math.floor(index / width)];
      const values: number[] = [];
      for (let dy = -1; dy <= 1; dy++) {
        for (let dx = -1; dx <= 1; dx++) {
          const isOutside = x + dx < 0 || y + dy < 0 || x + dx >= width || y + dy >= height;
          if (isOutside || (element === "cross" && dx !== 0 && dy !== 0)) continue;
          values.push(mask[(y + dy) * width + x + dx]!);
        }
      }
      return values.includes(keep) ? keep : 1 - keep;
    });

  it.each(["square", "cross"] as const)("follow the definition with a %s, once and twice", (element) => {
    for (const { mask, width, height } of cases) {
      const dilated = brute(mask, width, height, element, 1);
      const eroded = brute(mask, width, height, element, 0);
      expect(dilate(mask, width, height, { element })).toEqual(dilated);
      expect(erode(mask, width, height, { element })).toEqual(eroded);
      const twice = { element, iterations: 2 };
      expect(dilate(mask, width, height, twice)).toEqual(brute(dilated, width, height, element, 1));
      expect(erode(mask, width, height, twice)).toEqual(brute(eroded, width, height, element, 0));
    }
  });

  it("open and close: thin parts go, narrow gaps close, doing it again changes nothing", () => {
    const { mask, width, height } = drawMask("......", ".###..", ".####.", ".###..", "......");
    expect(openMask(mask, width, height, { element: "square" })).toEqual(
      drawMask("......", ".###..", ".###..", ".###..", "......").mask,
    );
    const gap = drawMask("##.##", "##.##", "##.##").mask;
    expect(closeMask(gap, 5, 3)).toEqual(new Uint8Array(15).fill(1));
    for (const { mask: random, width: w, height: h } of cases) {
      const opened = openMask(random, w, h);
      expect(openMask(opened, w, h)).toEqual(opened);
      const closed = closeMask(random, w, h);
      expect(closeMask(closed, w, h)).toEqual(closed);
    }
  });

  it("take 255 for outside and refuse odd counts", () => {
    expect([...dilate(Uint8Array.of(255, 0, 1), 3, 1)]).toEqual([0, 1, 1]);
    expect(() => erode(new Uint8Array(1), 1, 1, { iterations: 0.5 })).toThrow(/iterations/);
    expect(() => erode(new Uint8Array(2), 1, 1)).toThrow(/expected 1 x 1 pixels/);
  });
});

describe("distanceTransform", () => {
  it("equals the nearest outside pixel found by trying all", () => {
    for (const { mask, width, height } of cases) {
      const outside = [...mask.keys()].filter((index) => mask[index] !== 1);
      const expected = Float32Array.from(mask, (_, index) =>
        outside.reduce((best, other) => {
          const dx = (index % width) - (other % width);
          const dy = Math.floor(index / width) - Math.floor(other / width);
          return Math.min(best, Math.hypot(dx, dy));
        }, Number.POSITIVE_INFINITY),
      );
      const distances = distanceTransform(mask, width, height);
      distances.forEach((distance, index) => {
        if (expected[index] === Number.POSITIVE_INFINITY) expect(distance).toBe(expected[index]);
        else expect(distance).toBeCloseTo(expected[index]!, 5);
      });
    }
  });

  it("is infinite where nothing is outside", () => {
    expect([...distanceTransform(Uint8Array.of(1, 1), 2, 1)]).toEqual([Infinity, Infinity]);
  });
});
