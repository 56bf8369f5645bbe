import { describeOnBackends, expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { expectGradient, seededTensor } from "../testing/directional_gradient.js";
import { interpolationMap, nearestIndices } from "./interpolation.js";
import { keptInterpolationMap } from "./kept_maps.js";
import {
  adaptiveAvgPool2d,
  type ImageSize,
  type ResizeOptions,
  resizeBicubic,
  resizeBilinear,
  resizeNearest,
} from "./resize.js";

/** One row of pixels, [1, 1, W, 1]. */
const row = (...values: number[]): tf.Tensor4D => tf.tensor4d(values, [1, 1, values.length, 1]);

const options: readonly (readonly [name: string, options: ResizeOptions])[] = [
  ["plain", {}],
  ["alignCorners", { alignCorners: true }],
  ["antialias", { antialias: true }],
  ["scale", { scale: [1.7, 0.6] }],
];
const sizes: readonly ImageSize[] = [
  [10, 14],
  [3, 4],
  [1, 1],
  [5, 21],
];

describeOnBackends("resize", (backend) => {
  // A software GPU compiles a shader per shape, which is what these tests then wait for.
  const someSizes = backend === "webgpu" ? sizes.slice(0, 2) : sizes;

  it("interpolates between pixel centres", async () => {
    await expectClose(resizeBilinear(row(0, 1), [1, 4]), [0, 0.25, 0.75, 1]);
    await expectClose(resizeBilinear(row(0, 1, 2), [1, 5], { alignCorners: true }), [0, 0.5, 1, 1.5, 2]);
    // torch.nn.functional.interpolate(torch.tensor([0., 1.]), size=4, mode="bicubic")
    await expectClose(resizeBicubic(row(0, 1), [1, 4]), [-0.10546875, 0.2265625, 0.7734375, 1.10546875]);
    await expectClose(resizeBilinear(row(0, 4, 8, 12), [1, 2], { antialias: true }), [2.857143, 9.142857]);
  });

  it("leaves an image of the right size alone", async () => {
    const x = seededTensor([2, 5, 7, 3], 1) as tf.Tensor4D;
    for (const [, option] of options.slice(0, 3)) {
      await expectClose(resizeBilinear(x, [5, 7], option), x);
    }
    await expectClose(resizeNearest(x, [5, 7]), x);
  });

  it("takes the nearest pixel", async () => {
    await expectClose(resizeNearest(row(1, 2), [2, 4]), [1, 1, 2, 2, 1, 1, 2, 2]);
    await expectClose(resizeNearest(row(1, 2, 3), [1, 5]), [1, 1, 2, 2, 3]);
    await expectClose(resizeNearest(row(1, 2, 3), [1, 5], { exact: true }), [1, 1, 2, 3, 3]);
    await expectClose(resizeNearest(row(1, 2, 3, 4), [1, 2]), [1, 3]);
  });

  it("moves no infinity into its neighbours", async () => {
    await expectClose(resizeNearest(row(Number.POSITIVE_INFINITY, 2), [1, 4]), [
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      2,
      2,
    ]);
  });

  it("averages areas", async () => {
    await expectClose(adaptiveAvgPool2d(row(1, 2, 3), [1, 2]), [1.5, 2.5]);
  });

  for (const [name, option] of options) {
    it(`has exact gradients: ${name}`, async () => {
      const x = seededTensor([2, 5, 7, 3], 1) as tf.Tensor4D;
      for (const size of someSizes) {
        await expectGradient(({ at }) => resizeBilinear(at as tf.Tensor4D, size, option), { at: x });
        await expectGradient(({ at }) => resizeBicubic(at as tf.Tensor4D, size, option), { at: x });
      }
    });
  }

  it("has exact gradients: nearest and area, also at 37 x 37 by 2 and 4", async () => {
    const x = seededTensor([2, 5, 7, 3], 1) as tf.Tensor4D;
    for (const size of someSizes) {
      for (const exact of [false, true]) {
        await expectGradient(({ at }) => resizeNearest(at as tf.Tensor4D, size, { exact }), { at: x });
      }
      await expectGradient(({ at }) => adaptiveAvgPool2d(at as tf.Tensor4D, size), { at: x });
    }
    const tokens = seededTensor([1, 37, 37, 2], 2) as tf.Tensor4D;
    for (const size of [
      [74, 74],
      [148, 148],
    ] as const) {
      await expectGradient(({ at }) => resizeNearest(at as tf.Tensor4D, size), { at: tokens });
    }
  });

  it("leaves no tensor behind", async () => {
    const x = seededTensor([2, 5, 7, 3], 1) as tf.Tensor4D;
    await expectNoTensorGrowth(() => resizeBicubic(x, [10, 14]));
    await expectNoTensorGrowth(() => resizeNearest(x, [9, 9]));
  });

  it("refuses sizes and scales that are none", () => {
    const x = row(1, 2);
    expect(() => resizeBilinear(x, [0, 3])).toThrow(/at least 1 x 1/);
    expect(() => resizeNearest(x, [1.5, 3])).toThrow(/1\.5/);
    expect(() => resizeBicubic(x, [2, 2], { scale: -1 })).toThrow(/positive scale/);
  });
});

describe("interpolationMap", () => {
  it("has rows that sum to 1, whatever the options", () => {
    for (const filter of ["bilinear", "bicubic"] as const) {
      for (const alignCorners of [false, true]) {
        for (const antialias of [false, true]) {
          for (const [inSize, outSize] of [
            [7, 20],
            [20, 7],
            [5, 1],
            [1, 5],
          ] as const) {
            const map = interpolationMap(filter, inSize, outSize, {
              alignCorners,
              antialias,
              scale: undefined,
            });
            for (let at = 0; at < outSize; at++) {
              const sum = map.values.subarray(at * inSize, (at + 1) * inSize).reduce((a, b) => a + b, 0);
              expect(sum).toBeCloseTo(1, 5);
            }
          }
        }
      }
    }
  });

  it("counts in float32 where a nearest pixel is on the edge", () => {
    // 49 / 98 is exact; 1 / 0.7 is not: PyTorch's float32 decides which pixel it is.
    expect([...nearestIndices(10, 7, 0.7, false)]).toEqual([0, 1, 2, 4, 5, 7, 8]);
    expect([...nearestIndices(3, 3, undefined, true)]).toEqual([0, 1, 2]);
  });
});

describe("keptInterpolationMap", () => {
  const plain = { alignCorners: false, antialias: false, scale: undefined };

  it("gives each resize its own map, and the same one again", () => {
    const others = [{ alignCorners: true }, { antialias: true }, { scale: 1.5 }].map((one) => ({
      ...plain,
      ...one,
    }));
    const maps = [plain, ...others].map((options) => keptInterpolationMap("bicubic", 9, 6, options));
    for (const [i, options] of [plain, ...others].entries()) {
      expect(maps[i]).toEqual(interpolationMap("bicubic", 9, 6, options));
      expect(keptInterpolationMap("bicubic", 9, 6, options)).toBe(maps[i]);
    }
    expect(keptInterpolationMap("bilinear", 9, 6, plain)).not.toEqual(maps[0]);
  });

  it("keeps no large ones, and few", () => {
    const large = () => keptInterpolationMap("bilinear", 600, 600, plain);
    expect(large()).not.toBe(large());
    const first = keptInterpolationMap("bilinear", 3, 5, plain);
    for (let size = 10; size < 40; size++) keptInterpolationMap("bilinear", 3, size, plain);
    expect(keptInterpolationMap("bilinear", 3, 5, plain)).not.toBe(first);
  });
});
