import { expect, it } from "vitest";
import { edgeAreaSigmaM2 } from "./edge_uncertainty.js";

const circlePerimeterM = (areaM2: number) => 2 * Math.sqrt(Math.PI * areaM2);

it.each([
  [3_000, 10, 0.22],
  [10_000, 10, 0.12],
  [100_000, 10, 0.039],
  [1_000_000, 10, 0.012],
  [100_000, 30, 0.116],
])("gives a circle of %d m2 at %d m the published share", (areaM2, pixelSizeM, share) => {
  expect(edgeAreaSigmaM2(circlePerimeterM(areaM2), pixelSizeM) / areaM2).toBeCloseTo(share, 2);
});

it("refuses a pixel without a size", () => {
  expect(() => edgeAreaSigmaM2(100, 0)).toThrow(/pixelSizeM > 0/);
});
