import { checkpointFromTensors } from "@glof/checkpoint";
import { seededRng } from "@glof/core";
import { describe, expect, it } from "vitest";
import { type BandInflation, withBands } from "./index.js";

const name = "patch_embed.proj.weight";
const [width, side] = [3, 2];
const area = side * side;

/** A file of `count` bands whose weights are all different. */
function fileOf(count: number) {
  const rng = seededRng(count);
  const values = Float32Array.from({ length: width * count * area }, () => rng.normal());
  return {
    checkpoint: checkpointFromTensors({ [name]: { shape: [width, count, side, side], values } }),
    band: (band: number) => pick(values, count, band),
  };
}

/** Weights of one band, [D, rows, cols]. */
const pick = (values: Float32Array, count: number, band: number): number[] =>
  Array.from({ length: width }, (_, row) => [
    ...values.subarray((row * count + band) * area, (row * count + band + 1) * area),
  ]).flat();

async function banded(
  bands: readonly string[],
  fileBands: readonly string[],
  inflation: BandInflation = "mean",
) {
  const file = fileOf(fileBands.length);
  const fitted = withBands(file.checkpoint, { bands, inflation }, { fileBands, seed: 4 });
  const values = await fitted.readFloat32(name);
  expect(fitted.entries.get(name)!.shape).toEqual([width, bands.length, side, side]);
  return { file, band: (band: string) => pick(values, bands.length, bands.indexOf(band)) };
}

const rgb = ["B04", "B03", "B02"];
const rounded = (values: readonly number[]): number[] => values.map((value) => Math.fround(value));

describe("withBands", () => {
  it.each([
    ["B04", "B03", "B02"],
    ["B04", "B02", "B03"],
    ["B03", "B04", "B02"],
    ["B03", "B02", "B04"],
    ["B02", "B04", "B03"],
    ["B02", "B03", "B04"],
  ])("puts red, green and blue by name into %s, %s, %s", async (...bands) => {
    const { file, band } = await banded(bands, rgb);
    for (const [from, one] of rgb.entries()) expect(band(one)).toEqual(file.band(from));
  });

  it.each([[["B08", "B03", "B11", "B04", "B02"]], [["B02", "B04", "B08", "B12", "B03"]]])(
    "does so among other bands too: %j",
    async (bands) => {
      for (const inflation of ["mean", "copy-red", "random"] as const) {
        const { file, band } = await banded(bands, rgb, inflation);
        const scale = inflation === "random" ? 1 : 3 / 5;
        for (const [from, one] of rgb.entries()) {
          expect(band(one)).toEqual(rounded(file.band(from).map((value) => value * scale)));
        }
      }
    },
  );

  it("keeps only the bands that a smaller model has, unscaled", async () => {
    for (const inflation of ["mean", "cyclic"] as const) {
      const { file, band } = await banded(["B02", "B04"], rgb, inflation);
      expect(band("B02")).toEqual(file.band(2));
      expect(band("B04")).toEqual(file.band(0));
    }
  });

  it("copies red wherever it lies in the file", async () => {
    const { file, band } = await banded(["B08", "B02"], ["B02", "B03", "B04"], "copy-red");
    expect(band("B08")).toEqual(rounded(file.band(2).map((value) => value * (3 / 2))));
  });

  it("cycles by place as segmentation_models.pytorch does, which sums for one band", async () => {
    const five = ["B05", "B06", "B07", "B8A", "B11"];
    const many = await banded(five, rgb, "cyclic");
    for (const [index, one] of five.entries()) {
      expect(many.band(one)).toEqual(rounded(many.file.band(index % 3).map((value) => value * (3 / 5))));
    }
    const one = await banded(["B08"], rgb, "cyclic");
    one.band("B08").forEach((value, at) => {
      const sum = one.file.band(0)[at]! + one.file.band(1)[at]! + one.file.band(2)[at]!;
      expect(value).toBeCloseTo(sum, 6);
    });
  });

  it("draws the same random weights for the same seed", async () => {
    const draw = async (seed: number): Promise<Float32Array> => {
      const { checkpoint } = fileOf(3);
      const config = { bands: ["B04", "B08"], inflation: "random" } as const;
      return withBands(checkpoint, config, { fileBands: rgb, seed }).readFloat32(name);
    };
    expect(await draw(1)).toEqual(await draw(1));
    expect(await draw(1)).not.toEqual(await draw(2));
  });

  it("refuses names that repeat or do not fit the file", async () => {
    await expect(banded(rgb, ["B04", "B04", "B02"])).rejects.toMatchObject({ code: "unknown-band" });
    const { checkpoint } = fileOf(4);
    expect(() => withBands(checkpoint, { bands: rgb, inflation: "mean" }, { fileBands: rgb })).toThrow(
      /its 4 bands/,
    );
  });
});
