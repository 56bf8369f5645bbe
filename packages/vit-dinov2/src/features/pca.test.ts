import { seededRng } from "@glof/core";
import { describe, expect, it } from "vitest";
import { featurePicture, fitPca, projectPca } from "../index.js";
import { symmetricEigen } from "./symmetric_eigen.js";

function randomMatrix(rows: number, cols: number, seed: number): Float64Array {
  const rng = seededRng(seed);
  return Float64Array.from({ length: rows * cols }, () => rng.normal());
}

describe("symmetricEigen", () => {
  it("knows the second difference matrix, whose eigenvalues are 2 - 2 cos(k pi / (n + 1))", () => {
    const n = 24;
    const matrix = Float64Array.from({ length: n * n }, (_, at) => {
      const distance = Math.abs(Math.floor(at / n) - (at % n));
      return distance === 0 ? 2 : distance === 1 ? -1 : 0;
    });
    const { values } = symmetricEigen(matrix, n);
    values.forEach((value, index) => {
      expect(value).toBeCloseTo(2 - 2 * Math.cos(((n - index) * Math.PI) / (n + 1)), 13);
    });
  });

  it.each([1, 2, 3, 7, 60])("gives A v = lambda v and orthogonal v of length 1 at n = %d", (n) => {
    const half = randomMatrix(n, n, n);
    const matrix = Float64Array.from(half, (_, at) => half[at]! + half[(at % n) * n + Math.floor(at / n)]!);
    const { values, vectors } = symmetricEigen(matrix, n);
    for (const [index, vector] of vectors.entries()) {
      for (let row = 0; row < n; row++) {
        let sum = 0;
        for (let col = 0; col < n; col++) sum += matrix[row * n + col]! * vector[col]!;
        expect(sum).toBeCloseTo(values[index]! * vector[row]!, 11);
      }
      for (const [other, second] of vectors.entries()) {
        const dot = vector.reduce((sum, value, at) => sum + value * second[at]!, 0);
        expect(dot).toBeCloseTo(index === other ? 1 : 0, 12);
      }
    }
    expect([...values]).toEqual([...values].sort((a, b) => b - a));
  });

  it("takes repeated, zero and negative eigenvalues", () => {
    expect([...symmetricEigen(new Float64Array(16), 4).values]).toEqual([0, 0, 0, 0]);
    const swapped = symmetricEigen(Float64Array.from([0, 1, 0, 1, 0, 0, 0, 0, 1]), 3);
    expect([...swapped.values].map((value) => Math.round(value * 1e12) / 1e12)).toEqual([1, 1, -1]);
    expect(() => symmetricEigen(Float64Array.from([Number.NaN]), 1)).toThrow(/finite/);
    expect(() => symmetricEigen(new Float64Array(5), 2)).toThrow(/2 x 2/);
  });
});

describe("fitPca", () => {
  // Worked out with NumPy: numpy.linalg.eigh(numpy.cov(x.T)).
  const x = Float64Array.from([
    2.5, 2.4, 0.5, 0.7, 2.2, 2.9, 1.9, 2.2, 3.1, 3, 2.3, 2.7, 2, 1.6, 1, 1.1, 1.5, 1.6, 1.1, 0.9,
  ]);

  it("finds the components of a textbook example", () => {
    const { mean, components, variances, totalVariance } = fitPca(x, [10, 2], { components: 2 });
    expect(mean[0]).toBeCloseTo(1.81, 12);
    expect(mean[1]).toBeCloseTo(1.91, 12);
    expect(variances[0]).toBeCloseTo(1.2840277121727839, 12);
    expect(variances[1]).toBeCloseTo(0.04908339893832736, 12);
    expect(totalVariance).toBeCloseTo(1.3331111111111111, 12);
    expect(components[0]![0]).toBeCloseTo(0.6778733985280118, 12);
    expect(components[0]![1]).toBeCloseTo(0.735178655544408, 12);
    expect(components[1]![0]).toBeCloseTo(0.735178655544408, 12);
    expect(components[1]![1]).toBeCloseTo(-0.6778733985280118, 12);
  });

  it("gives the same from few long vectors as from their covariance", () => {
    const wide = randomMatrix(6, 9, 4);
    // Twice the same vectors: 12 rows of 9 take the other way and have the same components.
    const tall = Float64Array.from([...wide, ...wide]);
    const few = fitPca(wide, [6, 9]);
    const many = fitPca(tall, [12, 9]);
    few.components.forEach((component, index) => {
      for (const [at, value] of component.entries())
        expect(value).toBeCloseTo(many.components[index]![at]!, 10);
      expect(few.variances[index]! * 5).toBeCloseTo(many.variances[index]! * (11 / 2), 10);
    });
  });

  it("projects to uncorrelated coordinates of those variances", () => {
    const [count, dim] = [200, 12];
    const rng = seededRng(8);
    const vectors = Float32Array.from({ length: count * dim }, (_, at) => rng.normal() * (1 + (at % dim)));
    const pca = fitPca(vectors, [count, dim]);
    const scores = projectPca(pca, vectors);
    for (let a = 0; a < 3; a++) {
      for (let b = 0; b < 3; b++) {
        let sum = 0;
        for (let row = 0; row < count; row++) sum += scores[row * 3 + a]! * scores[row * 3 + b]!;
        expect(sum / (count - 1)).toBeCloseTo(a === b ? pca.variances[a]! : 0, 3);
      }
    }
  });

  it("gives zero components where nothing varies", () => {
    for (const [count, dim] of [
      [9, 4],
      [4, 9],
    ] as const) {
      const flat = fitPca(new Float32Array(count * dim).fill(3), [count, dim]);
      expect(flat.totalVariance).toBe(0);
      expect(flat.components.every((component) => component.every((value) => value === 0))).toBe(true);
    }
    const line = Float64Array.from({ length: 40 }, (_, at) => (at % 4 === 1 ? at : 0));
    const { variances } = fitPca(line, [10, 4]);
    expect(variances[0]).toBeGreaterThan(1);
    expect([variances[1], variances[2]]).toEqual([0, 0]);
  });

  it("is bit-equal for the same input and refuses what does not fit", () => {
    const vectors = randomMatrix(40, 20, 3);
    expect(fitPca(vectors, [40, 20])).toEqual(fitPca(vectors.slice(), [40, 20]));
    expect(() => fitPca(x, [9, 2])).toThrow(/20 numbers for \[9, 2\]/);
    expect(() => fitPca(x, [10, 2])).toThrow(/1 to 2 components/);
    expect(() => projectPca(fitPca(x, [10, 2], { components: 1 }), new Float64Array(3))).toThrow(
      /vectors of 2/,
    );
  });
});

describe("featurePicture", () => {
  /** Two kinds of patches: the left half points one way, the right half the other. */
  const [rows, cols, dim] = [6, 8, 5];
  const rng = seededRng(1);
  const patches = Float32Array.from({ length: rows * cols * dim }, (_, at) => {
    const isLeft = Math.floor(at / dim) % cols < 4;
    return 0.1 * rng.normal() + (at % dim === 2 ? (isLeft ? 4 : -4) : 0);
  });
  const red = (bytes: ArrayLike<number>, patch: number): number => bytes[patch * 3]!;

  it("gives like patches like colours", () => {
    const { image, explained, foreground } = featurePicture(patches, [rows, cols, dim]);
    expect(image).toMatchObject({ rows, cols, channels: 3 });
    for (let patch = 0; patch < rows * cols; patch++) {
      const isLeft = patch % cols < 4;
      expect(red(image.bytes, patch) > 200).toBe(isLeft);
      expect(red(image.bytes, patch) < 55).toBe(!isLeft);
    }
    expect(explained[0]).toBeGreaterThan(0.95);
    expect(foreground.every((one) => one === 1)).toBe(true);
  });

  it("colours the foreground alone when asked", () => {
    const { image, foreground, explained } = featurePicture(patches, [rows, cols, dim], {
      foreground: { side: "above", threshold: 0.5 },
    });
    for (let patch = 0; patch < rows * cols; patch++) {
      expect(foreground[patch]).toBe(patch % cols < 4 ? 1 : 0);
      if (patch % cols >= 4) expect([...image.bytes.subarray(patch * 3, patch * 3 + 3)]).toEqual([0, 0, 0]);
    }
    expect(explained[0]).toBeLessThan(0.7);
    const other = featurePicture(patches, [rows, cols, dim], {
      foreground: { side: "below", threshold: 0.5 },
    });
    expect(other.foreground.every((one, patch) => one !== foreground[patch])).toBe(true);
  });

  it("stretches between percentiles, robust against one odd patch", () => {
    const odd = Float32Array.from(patches);
    odd[2] = 1000;
    const all = featurePicture(odd, [rows, cols, dim], { percentiles: [0, 1] });
    const robust = featurePicture(odd, [rows, cols, dim], { percentiles: [0.05, 0.95] });
    const spread = (bytes: ArrayLike<number>): number => Math.abs(red(bytes, 1) - red(bytes, 5));
    expect(spread(all.image.bytes)).toBeLessThan(5);
    expect(spread(robust.image.bytes)).toBeGreaterThan(200);
  });

  it("shows a uniform image as grey and refuses senseless options", () => {
    const flat = featurePicture(new Float32Array(rows * cols * dim).fill(1), [rows, cols, dim]);
    expect(new Set(flat.image.bytes)).toEqual(new Set([128]));
    const size = [rows, cols, dim] as const;
    expect(() => featurePicture(patches, size, { percentiles: [0.9, 0.1] })).toThrow(/low < high/);
    expect(() => featurePicture(patches, size, { foreground: { side: "above", threshold: 1 } })).toThrow(
      /another threshold/,
    );
    expect(() => featurePicture(patches, size, { foreground: { side: "above", threshold: 2 } })).toThrow(
      /0 to 1/,
    );
  });
});
