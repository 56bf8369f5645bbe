import { expect, it } from "vitest";
import { areaBounds, ensembleProb } from "./ensemble.js";

const members = [
  [0.9, 0.6, 0.2, Number.NaN],
  [0.7, 0.4, 0.2, 0.5],
].map((values) => Float32Array.from(values));

it("averages and spreads pixel by pixel, and keeps no data", () => {
  const { meanProb, sigmaProb } = ensembleProb(members);
  const expected = [
    [0.8, 0.1],
    [0.5, 0.1],
    [0.2, 0],
  ];
  expected.forEach(([mean, sigma], pixel) => {
    expect(meanProb[pixel]).toBeCloseTo(mean!, 6);
    expect(sigmaProb[pixel]).toBeCloseTo(sigma!, 6);
  });
  expect(meanProb[3]).toBeNaN();
});

it("widens the interval as tau falls", () => {
  const prob = ensembleProb(members);
  expect(areaBounds(prob)).toEqual({ lowerCount: 1, upperCount: 2 });
  expect(areaBounds(prob, 0.15)).toEqual({ lowerCount: 0, upperCount: 3 });
});

it("says what does not fit together", () => {
  expect(() => ensembleProb([])).toThrow(/at least one member/);
  expect(() => ensembleProb([new Float32Array(2), new Float32Array(3)])).toThrow(/2 and 3 pixels/);
  expect(() => areaBounds(ensembleProb(members), 0.7)).toThrow(/\[0, 0.5\]/);
});
