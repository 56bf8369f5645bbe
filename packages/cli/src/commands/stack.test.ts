import { readdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename } from "node:path";
import { crsFromEpsg, openRaster, writeGeoJson } from "@glof/geo";
import { beforeAll, describe, expect, it } from "vitest";
import { EXIT } from "../exit_codes.js";
import { useFolder, writeImage } from "../testing/made_up_files.js";
import { filesOf, writeMadeUpItem, writeMadeUpSafe, zipOf } from "../testing/made_up_safe.js";
import { runGlof } from "../testing/run_glof.js";

const { path } = useFolder();
let safe = "";

beforeAll(async () => {
  safe = await writeMadeUpSafe(path());
  await writeFile(path("product.zip"), zipOf(await filesOf(safe)));
  await writeMadeUpItem(path("item.json"), basename(safe));
  await writeImage(path("stack.tif"));
});

async function pixelsOf(file: string) {
  const raster = await openRaster(file);
  const { width, height } = raster.grid;
  const pixels = await raster.readWindow({ x: 0, y: 0, width, height });
  await raster.close();
  return { bands: raster.bands, grid: raster.grid, pixels };
}

describe("glof stack", () => {
  it.each(["SAFE folder", "zip", "folder of bands", "STAC item"])("through the door: %s", async (door) => {
    const images = "GRANULE/L2A_T45RVL_A042640_20230821T045944/IMG_DATA";
    const source = { "SAFE folder": safe, zip: path("product.zip"), "STAC item": path("item.json") }[door];
    const out = path(`${door}.tif`);
    const args = ["--bands", "B03,B11", "--out", out];
    const { code, stderr } = await runGlof("stack", source ?? `${safe}/${images}`, ...args);
    expect(stderr).toContain(`B03 B11, 60 x 60 pixels, 100.0 % with data, in ${out}`);
    expect(code).toBe(EXIT.ok);
    const { bands, pixels, grid } = await pixelsOf(out);
    expect(grid).toMatchObject({ geoTransform: [500_000, 10, 0, 3_100_000, 0, -10], crs: { epsg: 32645 } });
    // Names of loose bands tell no baseline, and so no offset.
    const offset = door === "folder of bands" ? 0 : -0.1;
    expect(bands).toMatchObject([
      { name: "B03", nodata: 0, scale: 1e-4, offset },
      { name: "B11", nodata: 0, scale: 1e-4, offset },
    ]);
    expect([...pixels[0]!.slice(0, 3)]).toEqual([1500, 1501, 1502]);
  });

  it("selects bands of a GeoTIFF, at other pixels, as reflectance, as JSON", async () => {
    const out = path("refl.tif");
    const run = await runGlof(
      "stack",
      path("stack.tif"),
      "-o",
      out,
      "--bands",
      "B08,B02",
      "--as",
      "reflectance",
      "--json",
    );
    expect(JSON.parse(run.stdout)).toEqual({
      out,
      bands: ["B08", "B02"],
      width: 50,
      height: 40,
      dataFraction: 1,
    });
    const { bands, pixels } = await pixelsOf(out);
    expect(bands.map(({ name, dtype }) => [name, dtype])).toEqual([
      ["B08", "float32"],
      ["B02", "float32"],
    ]);
    const source = await pixelsOf(path("stack.tif"));
    expect(pixels[0]![7]).toBe(Math.fround(source.pixels[3]![7]! / 10_000));
    const coarse = await runGlof(
      "stack",
      safe,
      "-o",
      path("coarse.tif"),
      "--resolution",
      "20",
      "--resampling",
      "nearest",
    );
    expect(coarse.stderr).toContain("B02 B03 B04 B08 B11, 30 x 30 pixels");
    const unnamed = await runGlof("stack", path("stack.tif"), "-o", path("n.tif"), "--names", "B11,-,-,B12");
    expect(unnamed.stderr).toContain("B11 B12, 50 x 40");
  });

  it("cuts by --aoi and --bbox", async () => {
    const area = {
      geometry: [
        [
          [
            [483_102, 3_094_902],
            [483_148, 3_094_902],
            [483_148, 3_094_948],
            [483_102, 3_094_902],
          ],
        ],
      ],
      properties: {},
    } as const;
    await writeGeoJson(path("aoi.geojson"), [area], { crs: crsFromEpsg(32645) });
    const run = (...more: readonly string[]) =>
      runGlof("stack", path("stack.tif"), "--force", "-o", path("cut.tif"), ...more);
    expect((await run("--aoi", path("aoi.geojson"))).stderr).toMatch(/5 x 5 pixels, [3-6]\d\.0 % with data/);
    expect((await run("--bbox", "86.8273,27.978,86.83,27.99")).stderr).toMatch(
      / \d\d x \d\d pixels, 100.0 %/,
    );
    const elsewhere = await run("--bbox", "0,0,1,1");
    expect(elsewhere.stderr).toContain("expected areas that touch stack");
    expect(elsewhere.code).toBe(EXIT.usage);
  });

  it("keeps an earlier file unless told to replace it", async () => {
    await writeFile(path("earlier.tif"), "precious");
    const refused = await runGlof("stack", path("stack.tif"), "--out", path("earlier.tif"));
    expect(refused.stderr).toContain("Pass --force to replace it");
    expect(refused.code).toBe(EXIT.usage);
  });

  it("refuses wrong command lines and wrong scenes, leaving nothing", async () => {
    const [half, mixed] = [path("half"), path("mixed")];
    const halfSafe = await writeMadeUpSafe(half, { without: ["MTD_TL.xml"] });
    const bare = await writeMadeUpSafe(path("bare"), { without: ["MTD_MSIL2A.xml"] });
    await writeImage(`${mixed}/B02.tif`, { bandNames: ["B02"] });
    await writeImage(`${mixed}/B03.tif`, { bandNames: ["B03"], epsg: 32646 });
    await writeImage(`${path("odd")}/B02.tif`, { bandNames: ["B02"] });
    await writeImage(`${path("odd")}/B03.tif`, {
      bandNames: ["B03"],
      geoTransform: [483_000, 15, 0, 3_095_000, 0, -15],
    });
    const entries = await filesOf(safe);
    const [first, ...others] = entries;
    await writeFile(path("climbing.zip"), zipOf(new Map([["../evil.txt", first![1]], ...others])));
    await writeFile(path("other.zip"), zipOf(new Map([["readme.txt", Buffer.from("hello")]])));
    await writeFile(path("cut.zip"), zipOf(entries).subarray(0, 5000));
    await writeMadeUpItem(path("no assets.json"), basename(safe), { assets: {} });
    const before = await readdir(path());
    const cases: readonly (readonly [code: number, message: string, scene: string, ...more: string[]])[] = [
      [EXIT.usage, "B99 is no band", safe, "--bands", "B02,B99"],
      [EXIT.usage, "named twice", safe, "--bands", "B02,b2"],
      [EXIT.usage, "west,south,east,north", safe, "--bbox", "1,2,3"],
      [EXIT.usage, "Allowed choices are 10, 20, 60", safe, "--resolution", "30"],
      [EXIT.usage, "unknown option", safe, "--nonsense"],
      [EXIT.failed, "B12", safe, "--bands", "B12"],
      [EXIT.failed, "MTD_TL.xml", halfSafe],
      [EXIT.failed, "MTD_MSIL1C.xml or MTD_MSIL2A.xml", bare],
      [EXIT.failed, "UTM zone 45N beside WGS 84 / UTM zone 46N", mixed],
      [EXIT.failed, "B03", path("odd")],
      [EXIT.failed, "../evil.txt", path("climbing.zip")],
      [EXIT.failed, "other.zip", path("other.zip")],
      [EXIT.failed, "cut.zip", path("cut.zip")],
      [EXIT.failed, "expected assets such as B02", path("no assets.json")],
      [EXIT.failed, "absent", path("absent.tif")],
    ];
    for (const [code, message, scene, ...more] of cases) {
      const run = await runGlof("stack", scene, "--out", path("never.tif"), ...more);
      expect(run.stderr).toContain(message);
      expect(run.stderr).not.toContain("unexpected error");
      expect(run.code).toBe(code);
    }
    expect(await readdir(path())).toEqual(before);
  });

  it("a redirect to a file is refused, and so is a vast image of nothing", async () => {
    const server = createServer((_, response) =>
      response.writeHead(302, { location: "file:///etc/passwd" }).end(),
    );
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    const { port } = server.address() as AddressInfo;
    const redirected = await runGlof("stack", `http://127.0.0.1:${port}/x.tif`, "--out", path("never.tif"));
    server.close();
    expect(redirected.stderr).toContain("file:");
    expect(redirected.code).toBe(EXIT.usage);
    await writeFile(path("vast.tif"), vastTiff());
    const vast = await runGlof("stack", path("vast.tif"), "--out", path("never.tif"), "--names", "B03");
    expect(vast.stderr).toContain("vast.tif");
    expect(vast.stderr).not.toContain("unexpected error");
    expect(vast.code).toBe(EXIT.failed);
    expect(await readdir(path())).not.toContain("never.tif");
  });
});

/** 100 000 x 100 000 pixels declared in one strip, in a file of a thousand bytes. */
function vastTiff(): Buffer {
  const tags: readonly (readonly [tag: number, type: 3 | 4, value: number])[] = [
    [256, 4, 100_000],
    [257, 4, 100_000],
    [258, 3, 16],
    [259, 3, 1],
    [262, 3, 1],
    [273, 4, 500],
    [277, 3, 1],
    [278, 4, 100_000],
    [279, 4, 500],
  ];
  const file = Buffer.alloc(1000);
  file.write("II*\0", "latin1");
  file.writeUInt32LE(8, 4);
  file.writeUInt16LE(tags.length, 8);
  tags.forEach(([tag, type, value], index) => {
    const at = 10 + 12 * index;
    file.writeUInt16LE(tag, at);
    file.writeUInt16LE(type, at + 2);
    file.writeUInt32LE(1, at + 4);
    file.writeUInt32LE(value, at + 8);
  });
  return file;
}
