import { describe, expect, it } from "vitest";
import { drawMask, randomMask } from "../test_support/masks.js";
import { labelComponents } from "./label_components.js";

/** Labels by flood fill in reading order. */
function floodFill(mask: Uint8Array, width: number, height: number, connectivity: number): Int32Array {
  const labels = new Int32Array(mask.length);
  let count = 0;
  for (let seed = 0; seed < mask.length; seed++) {
    if (mask[seed] !== 1 || labels[seed] !== 0) continue;
    const open = [seed];
    labels[seed] = ++count;
    while (open.length > 0) {
      const index = open.pop()!;
      const [x, y] = [index % width, Math.floor(index / width)];
      for (let dy = -1; dy <= 1; dy++) {
        for (let dx = -1; dx <= 1; dx++) {
          if (connectivity === 4 && dx !== 0 && dy !== 0) continue;
          const [nx, ny] = [x + dx, y + dy];
          if (nx < 0 || ny < 0 || nx >= width || ny >= height) continue;
          const neighbour = ny * width + nx;
          if (mask[neighbour] !== 1 || labels[neighbour] !== 0) continue;
          labels[neighbour] = count;
          open.push(neighbour);
        }
      }
    }
  }
  return labels;
}

describe("labelComponents", () => {
  it("joins arms that meet below", () => {
    const { mask, width, height } = drawMask("#.#.#", "#.###", "#....", "#####");
    expect(labelComponents(mask, width, height)).toMatchObject({ count: 2 });
    expect([...labelComponents(mask, width, height).pixelCounts]).toEqual([0, 8, 5]);
  });

  it.each([4, 8] as const)("equals a flood fill, %i-connected", (connectivity) => {
    for (let seed = 0; seed < 60; seed++) {
      const [width, height] = [1 + (seed % 17), 1 + ((seed * 7) % 19)];
      const mask = randomMask(width, height, 0.2 + (seed % 7) / 10, seed);
      const { labels } = labelComponents(mask, width, height, { connectivity });
      expect(labels).toEqual(floodFill(mask, width, height, connectivity));
    }
  });

  it("refuses a wrong size", () => {
    expect(() => labelComponents(new Uint8Array(5), 2, 3)).toThrow(
      "labelComponents: expected 2 x 3 pixels, got 5",
    );
  });
});
