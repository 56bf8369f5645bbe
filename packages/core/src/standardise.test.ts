import { describe, expect, it } from "vitest";
import { standardiseBand } from "./standardise.js";

const at = (values: Float32Array, start = 0, stride = 1) => ({ values, start, stride });

describe("standardiseBand", () => {
  const source = Float32Array.of(-1, 0.25, 0.5, Number.NaN, 9, 0.75);

  it("clips first, then standardises; what is no number becomes the mean", () => {
    const target = new Float32Array(6).fill(77);
    standardiseBand(at(source), at(target), 6, { mean: 0.5, std: 0.25, clip: [0, 1] });
    expect([...target]).toEqual([-2, -1, 0, 0, 2, 1]);
  });

  it("does not clip unless told to", () => {
    const target = new Float32Array(6);
    standardiseBand(at(source), at(target), 6, { mean: 0.5, std: 0.5 });
    expect([...target]).toEqual([-3, -0.5, 0, 0, 17, 0.5]);
  });

  it("takes and puts one band of many, and leaves out what is not valid", () => {
    const target = new Float32Array(7).fill(77);
    standardiseBand(at(source, 1, 2), at(target, 2, 2), 2, { mean: 0, std: 0.25 }, Uint8Array.of(1, 1, 0));
    expect([...target]).toEqual([77, 77, 1, 77, 0, 77, 77]);
    standardiseBand(at(source), at(target), 3, { mean: 0, std: 1 }, Uint8Array.of(0, 1, 0));
    expect([...target.subarray(0, 3)]).toEqual([0, 0.25, 0]);
  });

  it("works in place", () => {
    const values = Float32Array.of(1, 2, 3);
    standardiseBand(at(values), at(values), 3, { mean: 2, std: 1 });
    expect([...values]).toEqual([-1, 0, 1]);
  });
});
