import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isGlofError } from "@glof/core";
import { openRaster, projector, type RasterSource, readGeoJson, WGS84 } from "@glof/geo";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openScene } from "../open_scene.js";
import { testTiff } from "../test_tiff.js";
import type { Scene } from "../types.js";
import { readChipStatistics, readChips } from "./read_chips.js";
import { type SceneChip, sampleChips } from "./sample_chips.js";
import { writeChips } from "./write_chips.js";

let folder = "";
let scene: Scene;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "glof-chips-"));
  scene = await openTestScene();
});
afterEach(async () => {
  await scene.close();
  await rm(folder, { recursive: true });
});

/** 40 x 24 pixels; band values tell the place; the upper left 8 x 8 has no data. */
const openTestScene = () => {
  const dn = (band: number) =>
    Uint16Array.from({ length: 960 }, (_, at) => {
      const [col, row] = [at % 40, Math.floor(at / 40)];
      return col < 8 && row < 8 ? 0 : 1000 * band + 40 * row + col + 1;
    });
  const file = testTiff({ width: 40, height: 24, bands: [dn(1), dn(2)], names: ["B03", "B08"], nodata: "0" });
  return openScene(file, { offsetDn: 0, checkValues: false, name: "T45RVL_20240101T045131 test.tif" });
};

const collect = async (chips: AsyncIterable<SceneChip>): Promise<SceneChip[]> => {
  const all: SceneChip[] = [];
  for await (const chip of chips) all.push(chip);
  return all;
};

const labels = Uint8Array.from({ length: 960 }, (_, at) => (at % 40 >= 30 ? 1 : at % 40 === 20 ? 255 : 0));
const code = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "nothing",
    (error: unknown) => (isGlofError(error) ? error.code : error),
  );

describe("sampleChips", () => {
  it("cuts reflectance and labels alike, NaN and 255 where there is nothing", async () => {
    const chips = await collect(sampleChips(scene, labels, { sizePx: 16, edge: "pad", minValid: 0.1 }));
    expect(chips.map(({ window: { x, y } }) => `${x},${y}`)).toEqual([
      "0,0",
      "16,0",
      "32,0",
      "0,16",
      "16,16",
      "32,16",
    ]);
    const [first, second, third] = chips as [SceneChip, SceneChip, SceneChip];
    expect(first.validFraction).toBe(0.75);
    expect([first.refl[0], first.mask[0]]).toEqual([Number.NaN, 255]);
    expect(first.refl[2 * (16 * 9 + 3) + 1]).toBeCloseTo((2000 + 9 * 40 + 3 + 1) / 10_000, 6);
    expect([second.mask[4], second.mask[3], second.mask[14]]).toEqual([255, 0, 1]);
    expect(second.refl[8]).toBeCloseTo(0.1021, 6);
    // Columns 32 to 39 are in the scene, the rest is padding.
    expect(third).toMatchObject({ validFraction: 0.5, positiveFraction: 0.5, bands: ["B03", "B08"] });
    expect(third.mask[8]).toBe(255);
    expect(third.grid.geoTransform[0]).toBe(500_000 + 320);
  });

  it("leaves out chips with too little, takes windows, and adds layers", async () => {
    const places = async (options: Parameters<typeof sampleChips>[2]): Promise<number> =>
      (await collect(sampleChips(scene, labels, options))).length;
    expect(await places({ sizePx: 8 })).toBe(14);
    expect(await places({ sizePx: 8, minValid: 0 })).toBe(15);
    expect(await places({ sizePx: 8, minPositive: 0.1 })).toBe(6);
    const windows = [
      { x: -4, y: 10, width: 8, height: 8 },
      { x: 100, y: 0, width: 8, height: 8 },
    ];
    const layer: RasterSource = {
      name: "dem",
      grid: scene.grid,
      bands: [{ name: "dem", dtype: "int16", nodata: -1, scale: 0.5, offset: 10 }],
      blockSize: [24, 40],
      readWindow: async ({ width, height }) => [
        Int16Array.from({ length: width * height }, (_, at) => at - 1),
      ],
      close: async () => {},
    };
    const [chip, ...others] = await collect(
      sampleChips(scene, labels, { windows, layers: [layer], minValid: 0 }),
    );
    expect(others).toEqual([]);
    expect(chip!.bands).toEqual(["B03", "B08", "dem"]);
    // The layer's first pixel is a gap: its label does not count either.
    expect([chip!.refl[4 * 3 + 2], chip!.mask[4], chip!.refl[5 * 3 + 2], chip!.mask[5]]).toEqual([
      Number.NaN,
      255,
      10,
      0,
    ]);
    expect(chip!.id).toBe(`${scene.id}_-4_10`);
  });

  it("makes labels of outlines in any CRS and of rasters", async () => {
    const ring = [
      [500_300, 3_099_760],
      [500_400, 3_099_760],
      [500_400, 3_100_000],
      [500_300, 3_100_000],
      [500_300, 3_099_760],
    ] as const;
    const toLonLat = projector(scene.grid.crs!, WGS84);
    const features = [{ geometry: [[ring.map((position) => toLonLat(position))]] }];
    const ignore = [{ geometry: [[ring.map(([x, y]) => toLonLat([x - 100, y]))]] }];
    const whole = { windows: [{ x: 0, y: 0, width: 40, height: 24 }], minValid: 0 };
    const [chip] = await collect(sampleChips(scene, { features, ignore, crs: WGS84 }, whole));
    const row = [...chip!.mask.subarray(15 * 40, 16 * 40)];
    expect(
      row.map((label, col) => (label === (col >= 30 ? 1 : col >= 20 ? 255 : 0) ? "" : col)).join(""),
    ).toBe("");
    const raster = await openRaster(
      testTiff({ width: 40, height: 24, bands: [labels], type: "uint8", nodata: "255" }),
    );
    const [fromRaster] = await collect(sampleChips(scene, raster, whole));
    const [fromArray] = await collect(sampleChips(scene, labels, whole));
    expect(fromRaster!.mask).toEqual(fromArray!.mask);
    await raster.close();
  });

  it("refuses what does not fit, and stops when told", async () => {
    const run = (given: Parameters<typeof sampleChips>[1], options: Parameters<typeof sampleChips>[2]) =>
      code(collect(sampleChips(scene, given, options)));
    expect(await run(new Uint8Array(9), { sizePx: 8 })).toBe("grid-mismatch");
    expect(await run(new Uint8Array(960).fill(7), { sizePx: 8 })).toBe("bad-argument");
    expect(await run(labels, {})).toBe("bad-argument");
    expect(await run(labels, { windows: [{ x: 0.5, y: 0, width: 1, height: 1 }] })).toBe("bad-argument");
    expect(await run(labels, { sizePx: 8, signal: AbortSignal.abort() })).toBe("aborted");
    expect(await run(labels, { sizePx: 8, bands: ["B12"] })).toBe("missing-band");
  });
});

describe.each(["geotiff", "safetensors"] as const)("writeChips as %s", (format) => {
  const options = { sizePx: 8, format } as const;

  it("writes chips that come back as they were, with an index and statistics", async () => {
    const split = ({ window: { x } }: SceneChip) => (x < 24 ? "train" : "test");
    const result = await writeChips(scene, labels, {
      ...options,
      dir: folder,
      split,
      group: "nepal",
      weight: 2,
    });
    expect(result).toMatchObject({ written: 14, kept: 0 });
    const made = await collect(sampleChips(scene, labels, options));
    let index = 0;
    for await (const chip of readChips(folder)) {
      const { id, bands, width, height, refl, mask } = made[index]!;
      expect(chip).toEqual({
        ...{ id, bands, width, height, refl, mask, group: "nepal", weight: 2 },
        split: split(made[index++]!),
      });
    }
    expect(index).toBe(14);
    const { features } = await readGeoJson(result.indexPath);
    expect(features[0]!.properties).toMatchObject({
      x: 8,
      y: 0,
      width: 8,
      height: 8,
      split: "train",
      valid: 1,
    });
    const [ring] = features[0]!.geometry[0]!;
    const [x, y] = projector(WGS84, scene.grid.crs!)(ring![0]!);
    expect(Math.abs(x - 500_080) + Math.abs(y - 3_100_000)).toBeLessThan(0.01);
    const train = made
      .filter((chip) => split(chip) === "train")
      .flatMap(({ refl }) => [...refl.filter((_, at) => at % 2 === 0)]);
    const mean = train.reduce((sum, value) => sum + value, 0) / train.length;
    expect(result.statistics[0]!.count).toBe(train.length);
    expect(Math.abs(result.statistics[0]!.mean / mean - 1)).toBeLessThan(1e-12);
    expect((await readChipStatistics(folder)).summary()).toEqual(result.statistics);
  });

  it("goes on after a stop, makes what is broken again, and refuses other settings", async () => {
    const controller = new AbortController();
    const stopped = writeChips(scene, labels, {
      ...options,
      dir: folder,
      signal: controller.signal,
      onProgress: ({ done }) => void (done === 6 && controller.abort()),
    });
    expect(await code(stopped)).toBe("aborted");
    expect(await code(readChips(folder).next())).toBe("not-found");
    const chips = (await readdir(folder)).filter((name) => /\d\.(tif|safetensors)$/.test(name)).sort();
    expect(chips.length).toBeGreaterThan(2);
    const before = await stat(join(folder, chips[0]!));
    await writeFile(join(folder, chips[1]!), "broken");
    const result = await writeChips(scene, labels, { ...options, dir: folder });
    expect(result.kept).toBe(chips.length - 1);
    expect(result.written).toBe(14 - result.kept);
    expect((await stat(join(folder, chips[0]!))).mtimeMs).toBe(before.mtimeMs);
    expect((await readdir(folder)).filter((name) => name.includes("tmp"))).toEqual([]);
    expect(await code(writeChips(scene, labels, { ...options, dir: folder, sizePx: 4 }))).toBe(
      "already-exists",
    );
    const again = await writeChips(scene, labels, { ...options, dir: folder, sizePx: 4, overwrite: true });
    expect(again.kept).toBe(0);
    const index = await readFile(again.indexPath, "utf8");
    await writeFile(again.indexPath, index.replace(/"file":"[^"]+"/, '"file":"../../secret.tif"'));
    expect(await code(readChips(folder).next())).toBe("corrupt-file");
  });
});
