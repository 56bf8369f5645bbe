import { spawnSync } from "node:child_process";
import { copyFile, mkdir, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { openCheckpoint, serializeSafetensors, type TensorToWrite } from "@glof/checkpoint";
import { openRaster } from "@glof/geo";
import { MAP_PRODUCTS } from "@glof/mapping";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EXIT } from "../exit_codes.js";
import { useFolder, writeImage, writeTinyBundle } from "../testing/made_up_files.js";
import { type GlofRun, runGlof } from "../testing/run_glof.js";

const { path } = useFolder();
const noise = (pixel: number): number => 0.05 + (pixel % 7) / 20;

beforeAll(async () => {
  await writeTinyBundle(path("tiny.safetensors"));
  await writeImage(path("good.tif"));
});

let runs = 0;
let out = "";
function glofMap(scene: string, ...more: readonly string[]): Promise<GlofRun> {
  out = path(`out ${runs++}`);
  return mapInto(out, scene, ...more);
}

function mapInto(folder: string, scene: string, ...more: readonly string[]): Promise<GlofRun> {
  const model = more.includes("--model") ? [] : ["--model", path("tiny.safetensors")];
  const rest = ["--backend", "cpu", "--jobs", "1", "--quiet", ...model, ...more];
  return runGlof("map", path(scene), "--out", folder, ...rest);
}

/** What is in a folder, hidden files too; `undefined` where there is none. */
const contents = (folder: string) => readdir(folder).catch(() => undefined);

/** A run that fails as it should: says why, and leaves no output folder. */
async function expectRefusal(run: Promise<GlofRun>, message: string, code: number = EXIT.failed) {
  const result = await run;
  expect(result.stderr).toContain(message);
  expect(result.stderr).not.toContain("unexpected error");
  expect(result.code).toBe(code);
  expect(result.stdout).toBe("");
  expect(await contents(out)).toBeUndefined();
}

describe("bad images", () => {
  it("a band that the model needs is missing", async () => {
    await writeImage(path("three.tif"), { bandNames: ["B02", "B03", "B04"] });
    await expectRefusal(
      glofMap("three.tif"),
      "expected bands B02, B03, B04, B08, got B02, B03, B04 in three: B08 is missing",
    );
  });

  it("a file without band names, and names that are no bands", async () => {
    await writeImage(path("unnamed.tif"), { bandNames: ["one", "", "two", "x"] });
    await expectRefusal(glofMap("unnamed.tif"), "--bands");
    await expectRefusal(glofMap("unnamed.tif", "--bands", "B02,B03,B04,B99"), "B99");
    const few = glofMap("unnamed.tif", "--bands", "B02,B03");
    await expectRefusal(few, "expected 4 band names", EXIT.usage);
  });

  it("a picture of 8 bits", async () => {
    await writeImage(path("picture.tif"), { dtype: "uint8", dn: (_, pixel) => pixel % 200 });
    await expectRefusal(
      glofMap("picture.tif"),
      "expected 16-bit digital numbers or floating-point reflectance",
    );
  });

  it("an image that lies nowhere, or askew", async () => {
    await writeImage(path("nowhere.tif"), { epsg: undefined });
    await expectRefusal(glofMap("nowhere.tif"), "expected a coordinate reference system, got none");
    await writeImage(path("askew.tif"), { geoTransform: [483_000, 10, 1, 3_095_000, 1, -10] });
    await expectRefusal(glofMap("askew.tif"), "expected a north-up image");
  });

  it("an image of nothing but no data", async () => {
    await writeImage(path("empty.tif"), { dn: () => 0 });
    await expectRefusal(glofMap("empty.tif"), "expected pixels with data, got none");
  });

  it("no TIFF, half a TIFF, no file at all", async () => {
    await writeFile(path("text.tif"), "I am no image, whatever my name says.");
    await expectRefusal(glofMap("text.tif"), "text.tif");
    await copyFile(path("good.tif"), path("cut.tif"));
    await truncate(path("cut.tif"), (await readFile(path("good.tif"))).length - 2000);
    await expectRefusal(glofMap("cut.tif"), "cut off");
    await copyFile(path("good.tif"), path("header.tif"));
    await truncate(path("header.tif"), 100);
    await expectRefusal(glofMap("header.tif"), "header.tif");
    await expectRefusal(glofMap("absent.tif"), "absent.tif");
    await mkdir(path("nothing here"));
    await expectRefusal(glofMap("nothing here"), "expected files such as B02.tif");
  });

  it("takes NaN and infinities for no data", async () => {
    const odd = new Map([
      [3, Number.NaN],
      [700, Number.POSITIVE_INFINITY],
      [1500, Number.NEGATIVE_INFINITY],
    ]);
    await writeImage(path("odd.tif"), {
      dtype: "float32",
      dn: (band, pixel) => (band === pixel % 4 ? (odd.get(pixel) ?? noise(pixel)) : noise(pixel)),
    });
    expect((await glofMap("odd.tif", "--threshold", "0.0001")).code).toBe(EXIT.ok);
    const mask = await openRaster(`${out}/mask.tif`);
    const [pixels] = await mask.readWindow({ x: 0, y: 0, width: 50, height: 40 });
    await mask.close();
    const noData = [...pixels!.keys()].filter((pixel) => pixels![pixel] === 255);
    expect(noData).toEqual([3, 700, 1500]);
  });

  it("maps what is smaller than a tile, down to one pixel, and what holds no lake", async () => {
    for (const [width, height] of [
      [1, 1],
      [9, 3],
    ] as const) {
      await writeImage(path("small.tif"), { width, height });
      const { code, stdout } = await glofMap("small.tif", "--json", "--threshold", "0.9999");
      expect(code).toBe(EXIT.ok);
      expect(JSON.parse(stdout)).toMatchObject({ lakeCount: 0, lakes: [], validPixels: width * height });
      expect((await contents(out))!.sort()).toEqual([...MAP_PRODUCTS].sort());
    }
  });
});

describe("bad areas of interest", () => {
  it("points, text, elsewhere, absent", async () => {
    const write = (content: unknown) => writeFile(path("aoi.geojson"), JSON.stringify(content));
    const aoi = ["--aoi", path("aoi.geojson")];
    await write({ type: "Point", coordinates: [86, 27] });
    await expectRefusal(glofMap("good.tif", ...aoi), "expected polygons");
    await write("north of here");
    await expectRefusal(glofMap("good.tif", ...aoi), "expected GeoJSON");
    const ring = [
      [10, 46],
      [11, 46],
      [11, 47],
      [10, 46],
    ];
    await write({ type: "Polygon", coordinates: [ring] });
    await expectRefusal(
      glofMap("good.tif", ...aoi),
      "expected areas of interest that touch good",
      EXIT.usage,
    );
    await expectRefusal(glofMap("good.tif", "--aoi", path("no.geojson")), "no.geojson");
  });
});

describe("bad bundles", () => {
  const withModel = (name: string) => glofMap("good.tif", "--model", path(name));

  /** Writes the tiny bundle again with other texts in its header. */
  async function rewrite(name: string, change: (text: Record<string, string>) => Record<string, string>) {
    const bundle = await openCheckpoint(path("tiny.safetensors"));
    const tensors: Record<string, TensorToWrite> = {};
    for (const [tensor, { shape }] of bundle.entries) {
      tensors[tensor] = { shape, values: await bundle.readFloat32(tensor) };
    }
    const metadata = change({ ...bundle.metadata });
    await bundle.close();
    await writeFile(path(name), serializeSafetensors(tensors, { dtype: "F16", metadata }));
  }

  it("of other bands than the image has", async () => {
    await writeTinyBundle(path("swir.safetensors"), ["B03", "B08", "B11", "B12"]);
    await expectRefusal(withModel("swir.safetensors"), "B11, B12");
  });

  it("of another version of the format", async () => {
    await rewrite("future.safetensors", (text) => ({ ...text, formatVersion: "99" }));
    await expectRefusal(
      withModel("future.safetensors"),
      "expected bundle format version 1, got 99. Update glof",
    );
  });

  it("cut off, changed, without a config, no bundle, absent", async () => {
    const bytes = await readFile(path("tiny.safetensors"));
    await writeFile(path("cut.safetensors"), bytes.subarray(0, bytes.length - 500));
    await expectRefusal(withModel("cut.safetensors"), "cut.safetensors");
    const changed = Buffer.from(bytes);
    changed[bytes.length - 100]! ^= 0x11;
    await writeFile(path("changed.safetensors"), changed);
    await expectRefusal(withModel("changed.safetensors"), "The file was changed or damaged");
    await rewrite("weights.safetensors", () => ({}));
    await expectRefusal(withModel("weights.safetensors"), "expected a bundle of format glof-lake-segmenter");
    await expectRefusal(withModel("good.tif"), "good.tif");
    await expectRefusal(withModel("absent.safetensors"), "absent.safetensors");
  });
});

describe("bad output folders", () => {
  it("with an earlier result: kept, unless --overwrite", async () => {
    const folder = path("earlier");
    await mkdir(folder);
    await writeFile(`${folder}/mask.tif`, "precious");
    const refused = await mapInto(folder, "good.tif");
    expect(refused.stderr).toContain(
      "expected no earlier result here, got mask.tif. Choose another folder, or overwrite.",
    );
    expect(refused.code).toBe(EXIT.usage);
    expect(await contents(folder)).toEqual(["mask.tif"]);
    expect(await readFile(`${folder}/mask.tif`, "utf8")).toBe("precious");
    expect((await mapInto(folder, "good.tif", "--overwrite")).code).toBe(EXIT.ok);
    expect((await contents(folder))!.sort()).toEqual([...MAP_PRODUCTS].sort());
  });

  it("under a file", async () => {
    out = path("good.tif", "out");
    await expectRefusal(mapInto(out, "good.tif"), out);
  });
});

const mounts: string[] = [];
afterAll(() => {
  for (const folder of mounts) spawnSync("umount", [folder]);
});

/** Mounts a small disk in memory, where this process may; says so where it may not. */
async function smallDisk(name: string, options: string): Promise<string | undefined> {
  const folder = path(name);
  await mkdir(folder);
  const done = spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder], { encoding: "utf8" });
  if (done.status === 0) {
    mounts.push(folder);
    return folder;
  }
  process.stderr.write(
    `skipped: ${name} (no mounting here: ${(done.stderr ?? String(done.error)).trim()})\n`,
  );
  return undefined;
}

describe("bad disks", () => {
  it.each([
    ["full at once", "size=8k"],
    ["full while the rasters are written", "size=24k"],
    ["full at the end", "size=96k"],
  ])("a disk %s: says so and leaves nothing", async (name, size) => {
    const disk = await smallDisk(name, size);
    if (disk === undefined) return;
    const { code, stderr } = await mapInto(`${disk}/out`, "good.tif");
    expect(stderr).toContain("the disk is full. Free some space or choose another folder.");
    expect(code).toBe(EXIT.failed);
    expect(await contents(disk)).toEqual([]);
  });

  it("a disk that may not be written", async () => {
    const disk = await smallDisk("read-only disk", "ro");
    if (disk === undefined) return;
    const { code, stderr } = await mapInto(`${disk}/out`, "good.tif");
    expect(stderr).toContain("no permission. Choose a folder you may write to.");
    expect(code).toBe(EXIT.failed);
    expect(await contents(disk)).toEqual([]);
  });
});
