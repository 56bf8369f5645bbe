import { expect, it } from "vitest";
import { areaChange } from "./area_change.js";

it("divides difference and joint sigma by the years between", () => {
  const change = areaChange(
    { year: 2015, areaM2: 100_000, sigmaM2: 3_000 },
    { year: 2020, areaM2: 120_000, sigmaM2: 4_000 },
  );
  expect(change).toEqual({
    rateM2PerYear: 4_000,
    sigmaM2PerYear: 1_000,
    ratePercentPerYear: 4,
    signalToNoise: 4,
  });
});

it("gives a drained lake minus all of it, and a new lake no percentage", () => {
  const none = { year: 2020, areaM2: 0, sigmaM2: 0 };
  const some = { year: 2019, areaM2: 50_000, sigmaM2: 1_000 };
  expect(areaChange(some, none).ratePercentPerYear).toBe(-100);
  expect(areaChange({ ...none, year: 2018 }, some).ratePercentPerYear).toBeUndefined();
});

it("refuses dates in the wrong order", () => {
  const lake = { year: 2020, areaM2: 1, sigmaM2: 1 };
  expect(() => areaChange(lake, lake)).toThrow(/second date after the first/);
});
