import { describe, expect, it } from "vitest";
import { normaliseReflectance } from "./normalise.js";

describe("normaliseReflectance", () => {
  const window = {
    bandsRefl: [Float32Array.from([0.1, 0.3, 9, 0]), Float32Array.from([0.5, -0.5, 0.4, 0])],
    validMask: Uint8Array.from([1, 1, 1, 0]),
  };

  it("clips, standardises and interleaves; no data becomes the mean", () => {
    const { pixels, validMask } = normaliseReflectance(window, {
      mean: [0.1, 0.2],
      std: [0.1, 0.5],
      clip: [-0.3, 1.1],
    });
    const want = [0, 0.6, 2, -1, 10, 0.4, 0, 0];
    pixels.forEach((value, index) => {
      expect(value).toBeCloseTo(want[index]!, 5);
    });
    expect(validMask).toBe(window.validMask);
  });

  it("does not clip unless asked", () => {
    const { pixels } = normaliseReflectance(window, { mean: [0, 0], std: [1, 1] });
    expect(pixels[4]).toBe(9);
    expect(pixels[3]).toBe(-0.5);
  });
});
