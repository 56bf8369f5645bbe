import { readFile, stat, writeFile } from "node:fs/promises";
import { openCheckpoint, writeSafetensors } from "@glof/checkpoint";
import { seededRng } from "@glof/core";
import { openRaster } from "@glof/geo";
import { disposeParams, saveParams } from "@glof/nn";
import { blankCanvas, decodePng, encodePng, fillRect } from "@glof/report";
import { selectBackend } from "@glof/runtime";
import { hasShared, sharedPath } from "@glof/test-kit";
import { buildDinov2, type Dinov2Options } from "@glof/vit-dinov2";
import { beforeAll, describe, expect, it } from "vitest";
import { EXIT } from "../exit_codes.js";
import { useFolder, writeImage, writeTinyBundle } from "../testing/made_up_files.js";
import { type GlofRun, runGlof } from "../testing/run_glof.js";

const { path } = useFolder();

/** Weights of a small model under the official names, without any config. */
async function writeWeights(name: string, options: Dinov2Options): Promise<void> {
  await selectBackend({ require: "cpu" });
  const model = buildDinov2(options);
  const params = model.init(3);
  await writeSafetensors(path(name), await saveParams(model.specs, params));
  disposeParams(params);
}

beforeAll(async () => {
  await writeTinyBundle(path("tiny.safetensors"));
  await writeWeights("plain.safetensors", {
    embedDim: 64,
    depth: 3,
    heads: 1,
    imageSizePx: 56,
    registers: 2,
  });
  await writeWeights("narrow.safetensors", { embedDim: 24, depth: 1, heads: 2, imageSizePx: 28 });
  await writeImage(path("scene.tif"), { width: 60, height: 45 });
  const picture = blankCanvas(70, 50);
  fillRect(picture, { x: 0, y: 0, width: 35, height: 50 }, [200, 30, 60]);
  fillRect(picture, { x: 35, y: 0, width: 35, height: 50 }, [20, 120, 220]);
  await writeFile(path("picture.png"), encodePng(picture));
  await writeImage(path("colour.tif"), {
    dtype: "uint8",
    width: 70,
    height: 50,
    bandNames: ["", "", ""],
    dn: (band, pixel) => byteOf(picture.rgba, band, pixel),
  });
});

const byteOf = (rgba: Uint8Array, band: number, pixel: number): number => rgba[pixel * 4 + band]!;

const features = (image: string, weights: string, ...more: readonly string[]): Promise<GlofRun> =>
  runGlof("features", path(image), "--weights", path(weights), "--backend", "cpu", ...more);

async function succeed(...args: Parameters<typeof features>): Promise<GlofRun> {
  const run = await features(...args);
  expect(run.stderr).not.toContain("glof: ");
  expect(run.code).toBe(EXIT.ok);
  return run;
}

/** The rows of a CSV of features. */
const rowsOf = (csv: string): string[][] =>
  csv
    .trim()
    .split("\n")
    .map((line) => line.split(","));

describe("glof features", () => {
  it("prints vectors as CSV, the same each time", async () => {
    const { stdout, stderr } = await succeed("scene.tif", "tiny.safetensors", "--pool", "cls,mean,concat");
    expect(stderr).toContain("tiny/backbone: 42 x 56 pixels, 3 x 4 patches, layers 0");
    const [header, cls, mean, concat] = rowsOf(stdout);
    expect(header!.slice(0, 3)).toEqual(["layer", "pool", "f0"]);
    expect([cls!.length, mean!.length, concat!.length]).toEqual([26, 26, 50]);
    expect(concat!.slice(2)).toEqual([...cls!.slice(2), ...mean!.slice(2)]);
    expect((await succeed("scene.tif", "tiny.safetensors", "--pool", "cls,mean,concat")).stdout).toBe(stdout);
  });

  it("writes the same numbers as safetensors, NPY and CSV", async () => {
    const write = (name: string) =>
      succeed(
        "picture.png",
        "plain.safetensors",
        "--layers",
        "2",
        "--pool",
        "cls,mean",
        "--out",
        path(name),
        "-q",
      );
    for (const name of ["f.safetensors", "f.npy", "f.csv"]) expect((await write(name)).stdout).toBe("");
    const file = await openCheckpoint(path("f.safetensors"));
    expect([...file.entries.keys()].sort()).toEqual([
      "layer1.cls",
      "layer1.mean",
      "layer2.cls",
      "layer2.mean",
    ]);
    expect(file.metadata).toMatchObject({ size: "56x70", window: "0,0,70,50" });
    const rows = rowsOf(await readFile(path("f.csv"), "utf8")).slice(1);
    const npy = await readFile(path("f.npy"));
    const length = npy.readUInt16LE(8) + 10;
    expect(npy.subarray(0, 8).toString("latin1")).toBe("\x93NUMPY\x01\0");
    expect(npy.subarray(10, length).toString("latin1")).toContain("'shape': (4, 64), }");
    expect(length % 64).toBe(0);
    const floats = new Float32Array(npy.buffer.slice(npy.byteOffset + length, npy.byteOffset + npy.length));
    for (const [index, [layer, pool, ...text]] of rows.entries()) {
      const values = await file.readFloat32(`layer${layer}.${pool}`);
      expect(Float32Array.from(text.map(Number))).toEqual(values);
      expect(floats.slice(index * 64, (index + 1) * 64)).toEqual(values);
    }
    await file.close();
  });

  it("tells the model of a plain checkpoint, and takes blocks by number", async () => {
    const { stdout } = await succeed("picture.png", "plain.safetensors", "--layers", "0,2", "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      bands: ["B04", "B03", "B02"],
      layers: [0, 2],
      size: [56, 70],
      patches: [4, 5],
      backend: "cpu",
    });
  });

  it("sees a PNG and a GeoTIFF of the same bytes alike", async () => {
    const png = await succeed("picture.png", "plain.safetensors", "--size", "28x42");
    const tif = await succeed("colour.tif", "plain.safetensors", "--size", "28x42");
    expect(tif.stdout).toBe(png.stdout);
  });

  it("reads red, green and blue of a scene by name, whatever their order", async () => {
    const rng = seededRng(2);
    const dn = new Map(
      ["B02", "B03", "B04"].map((band) => [band, Array.from({ length: 56 * 42 }, () => 300 + rng.int(3000))]),
    );
    const write = (name: string, bandNames: string[]) =>
      writeImage(path(name), {
        width: 56,
        height: 42,
        bandNames,
        dn: (band, at) => dn.get(bandNames[band]!)![at]!,
      });
    await write("bgr.tif", ["B02", "B03", "B04"]);
    await write("rgb.tif", ["B04", "B02", "B03"]);
    const one = await succeed("bgr.tif", "plain.safetensors");
    expect((await succeed("rgb.tif", "plain.safetensors")).stdout).toBe(one.stdout);
    const four = await succeed(
      "scene.tif",
      "plain.safetensors",
      "--use",
      "B08,B04,B03,B02",
      "--inflation",
      "copy-red",
    );
    expect(rowsOf(four.stdout)[1]).toHaveLength(66);
  });

  it("draws the picture of principal components beside the image", async () => {
    const out = path("pca.png");
    const { stderr } = await succeed("picture.png", "plain.safetensors", "--pca", out, "--size", "70");
    expect(stderr).toContain("of the variance of the patches");
    const { width, height, rgba } = decodePng(await readFile(out));
    expect([width, height]).toEqual([3 * 700 + 16, 560]);
    const pixel = (x: number, y: number): number[] => [
      ...rgba.subarray((y * width + x) * 4, (y * width + x) * 4 + 3),
    ];
    expect(pixel(704, 10)).toEqual([255, 255, 255]); // between the pictures
    expect(pixel(708, 0)).toEqual(pixel(708 + 139, 139)); // one patch is 140 x 140 pixels
    await succeed(
      "scene.tif",
      "tiny.safetensors",
      "--pca",
      path("b.png"),
      "--size",
      "112",
      "--foreground",
      "below:0.6",
    );
    expect((await stat(path("b.png"))).size).toBeGreaterThan(1000);
  });

  it("writes patch features as a raster that lies over the window", async () => {
    const out = path("grid.tif");
    const window = ["--window", "10,5,28,20", "--size", "28x42"];
    const tensors = ["--pool", "patches", "--out", path("p.safetensors")];
    await succeed("scene.tif", "tiny.safetensors", "--grid", out, ...window, ...tensors);
    const raster = await openRaster(out);
    expect(raster.grid).toMatchObject({ width: 3, height: 2, crs: { epsg: 32645 } });
    const { geoTransform } = raster.grid;
    expect(geoTransform[0]).toBeCloseTo(483_100, 6);
    expect(geoTransform[3]).toBeCloseTo(3_094_950, 6);
    expect(geoTransform[1]).toBeCloseTo(280 / 3, 9);
    expect(geoTransform[5]).toBeCloseTo(-100, 9);
    expect(raster.bands.map(({ name }) => name)).toEqual(
      Array.from({ length: 24 }, (_, index) => `L0_f${index}`),
    );
    const planes = await raster.readWindow({ x: 0, y: 0, width: 3, height: 2 });
    const file = await openCheckpoint(path("p.safetensors"));
    const values = await file.readFloat32("layer0.patches");
    expect(file.entries.get("layer0.patches")!.shape).toEqual([2, 3, 24]);
    for (const [index, value] of values.entries())
      expect(planes[index % 24]![Math.floor(index / 24)]).toBe(value);
    await file.close();
    await raster.close();
  });
});

const khumbu = "data/khumbu_s2_2024";
const side = 36;

/** Of each patch the share that is lake by a mask. */
async function lakeShares(maskPath: string): Promise<Float64Array> {
  const raster = await openRaster(maskPath);
  const { width, height } = raster.grid;
  const [mask] = await raster.readWindow({ x: 0, y: 0, width, height });
  await raster.close();
  const shares = new Float64Array(side * side);
  mask!.forEach((one, pixel) => {
    const row = Math.floor((Math.floor(pixel / width) * side) / height);
    const col = Math.floor(((pixel % width) * side) / width);
    if (one === 1) shares[row * side + col]! += (side * side) / (width * height);
  });
  return shares;
}

/** The patch most like another one that does not touch it. */
function mostAlike(values: Float32Array, dim: number, patch: number): number {
  const distance = (other: number): number => {
    let sum = 0;
    for (let at = 0; at < dim; at++) sum += (values[patch * dim + at]! - values[other * dim + at]!) ** 2;
    return sum;
  };
  const touches = (other: number): boolean =>
    Math.abs(Math.floor(other / side) - Math.floor(patch / side)) <= 1 &&
    Math.abs((other % side) - (patch % side)) <= 1;
  const others = Array.from({ length: side * side }, (_, index) => index).filter((one) => !touches(one));
  return others.reduce((best, one) => (distance(one) < distance(best) ? one : best));
}

describe.skipIf(!hasShared(khumbu))("a real scene, with the model that comes with glof", () => {
  it("gives lakes features that other lakes have, though lakes are 1 % of the patches", async () => {
    const out = path("khumbu.safetensors");
    const scene = sharedPath(`${khumbu}/khumbu_s2l2a_summer_2024.tif`);
    const look = ["--size", "504", "--pool", "patches", "--out", out, "--pca", path("khumbu.png")];
    const { stdout } = await runGlof("features", scene, "--backend", "wasm", "--json", ...look);
    const facts = JSON.parse(stdout) as { explained: number[] };
    expect(facts).toMatchObject({ patches: [side, side], layers: [5], bands: ["B02", "B03", "B04", "B08"] });
    expect(facts.explained.reduce((sum, share) => sum + share)).toBeGreaterThan(0.8);
    const file = await openCheckpoint(out);
    const values = await file.readFloat32("layer5.patches");
    await file.close();
    const shares = await lakeShares(sharedPath(`${khumbu}/khumbu_lakes_silver_summer_2024.tif`));
    const lakes = [...shares.keys()].filter((patch) => shares[patch]! > 0.6);
    const alike = lakes.filter((patch) => shares[mostAlike(values, 192, patch)]! > 0.3);
    expect(lakes.length).toBeGreaterThan(5);
    expect(alike.length / lakes.length).toBeGreaterThan(0.75);
  });
});

describe("glof features refuses", () => {
  it.each<[string, string, string, string[], RegExp, number]>([
    [
      "an unknown ending",
      "scene.tif",
      "tiny.safetensors",
      ["--out", "f.mat"],
      /\.safetensors, \.npy, \.csv/,
      EXIT.usage,
    ],
    [
      "a window outside",
      "scene.tif",
      "tiny.safetensors",
      ["--window", "50,0,20,20"],
      /inside 60 x 45/,
      EXIT.usage,
    ],
    ["a picture without a band", "picture.png", "tiny.safetensors", [], /without B08/, EXIT.failed],
    [
      "options that a bundle decides",
      "scene.tif",
      "tiny.safetensors",
      ["--use", "B04"],
      /is a bundle/,
      EXIT.usage,
    ],
    ["a model whose heads it cannot know", "picture.png", "narrow.safetensors", [], /--heads/, EXIT.usage],
    [
      "a raster of a PNG",
      "picture.png",
      "plain.safetensors",
      ["--grid", "g.tif"],
      /lies on the Earth/,
      EXIT.failed,
    ],
    [
      "blocks that are not there",
      "picture.png",
      "plain.safetensors",
      ["--layers", "9"],
      /1 to 3 last blocks/,
      EXIT.usage,
    ],
    ["an image that is not there", "none.png", "plain.safetensors", [], /none\.png/, EXIT.failed],
    [
      "a pool of no kind",
      "picture.png",
      "plain.safetensors",
      ["--pool", "max"],
      /cls, mean, concat, patches/,
      EXIT.usage,
    ],
  ])("%s", async (_, image, weights, more, message, code) => {
    const run = await features(image, weights, ...more);
    expect(run.stderr).toMatch(message);
    expect(run.code).toBe(code);
    expect(run.stdout).toBe("");
  });

  it("to replace a file unless told to", async () => {
    const args = ["picture.png", "plain.safetensors", "--out", path("once.csv")] as const;
    await succeed(...args);
    const again = await features(...args);
    expect(again.stderr).toMatch(/expected no file .*once\.csv yet/);
    expect(again.code).toBe(EXIT.usage);
    await succeed(...args, "--overwrite");
  });

  it("takes heads from the command line", async () => {
    await succeed("picture.png", "narrow.safetensors", "--heads", "2");
  });
});
