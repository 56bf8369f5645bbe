import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lonLatBox, openRaster, projector, WGS84 } from "@glof/geo";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openScene } from "../open_scene.js";
import { writeTestSafe } from "../safe/test_safe.js";
import { testTiff } from "../test_tiff.js";
import type { Scene } from "../types.js";
import { partInside, partStrips } from "./scene_part.js";
import { writeStack } from "./write_stack.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "glof-stack-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const side = 24;
const b03 = Array.from({ length: side * side }, (_, pixel) => 1 + pixel * 97);
b03[5] = 0;
b03[6] = 65_535;
const b11 = Array.from({ length: (side * side) / 4 }, (_, pixel) => 1100 + pixel);

async function safeScene(bands?: readonly string[]): Promise<Scene> {
  const path = await writeTestSafe(folder, {
    side,
    offsetsDn: { B03: -1000, B11: -1000 },
    images: { "R10m/B03_10m": { bands: [b03] }, "R20m/B11_20m": { bands: [b11] } },
  });
  return openScene(path, { validity: false, ...(bands && { bands }) });
}

async function readAll(path: string) {
  const raster = await openRaster(path);
  const { width, height } = raster.grid;
  const pixels = await raster.readWindow({ x: 0, y: 0, width, height });
  await raster.close();
  return { raster, pixels };
}

describe("writeStack", () => {
  it("keeps numbers, the saturated one too, and tells bands and radiometry", async () => {
    const scene = await safeScene();
    const path = join(folder, "dn.tif");
    const done: number[] = [];
    const summary = await writeStack(path, scene, { onProgress: (event) => done.push(event.done) });
    await scene.close();
    expect(summary).toEqual({ bands: ["B03", "B11"], width: side, height: side, dataFraction: 575 / 576 });
    expect(done.at(-1)).toBe(side);
    const { raster, pixels } = await readAll(path);
    expect(raster.bands).toMatchObject([
      { name: "B03", dtype: "uint16", nodata: 0, scale: 1e-4, offset: -0.1 },
      { name: "B11", dtype: "uint16", nodata: 0, scale: 1e-4, offset: -0.1 },
    ]);
    expect([...pixels[0]!]).toEqual(b03);
    // The corner of a bilinear band is its corner; its centre lies between four.
    expect(pixels[1]![0]).toBe(1100);
    expect(pixels[1]![side + 1]).toBe(Math.round(1100 + 0.25 * (1 + 12)));
  });

  it("is a scene with the same reflectance", async () => {
    const scene = await safeScene(["B11", "B03"]);
    const path = join(folder, "again.tif");
    await writeStack(path, scene, { bands: ["B11", "B03"] });
    const again = await openScene(path);
    expect(again.bands).toEqual(["B11", "B03"]);
    expect(again.radiometry.B03).toEqual({ quantification: 10_000, offsetDn: -1000 });
    const window = { x: 8, y: 8, width: 4, height: 4 };
    const [before, after] = await Promise.all(
      [scene, again].map((one) => one.readReflectance(window, ["B03"])),
    );
    expect(after!.bandsRefl).toEqual(before!.bandsRefl);
    await scene.close();
    await again.close();
  });

  it("writes reflectance with NaN where there is none", async () => {
    const scene = await safeScene();
    const path = join(folder, "refl.tif");
    await writeStack(path, scene, { as: "reflectance", bands: ["B03"] });
    await scene.close();
    const { raster, pixels } = await readAll(path);
    expect(raster.bands).toMatchObject([
      { name: "B03", dtype: "float32", nodata: Number.NaN, scale: 1, offset: 0 },
    ]);
    expect([...pixels[0]!.slice(4, 8)]).toEqual([
      Math.fround((1 + 4 * 97 - 1000) / 10_000),
      Number.NaN,
      Number.NaN,
      Math.fround((1 + 7 * 97 - 1000) / 10_000),
    ]);
  });

  it("takes floating-point reflectance to numbers that hold what is below 0", async () => {
    const values = [0.5, -0.02, 7, -0.3];
    const bytes = testTiff({ width: 2, height: 2, bands: [values], type: "float32", names: ["B03"] });
    const scene = await openScene(bytes, { name: "float", checkValues: false });
    const path = join(folder, "float.tif");
    await writeStack(path, scene);
    const { raster, pixels } = await readAll(path);
    expect([...pixels[0]!]).toEqual([6000, 800, 65_535, 1]);
    expect(raster.bands[0]).toMatchObject({ scale: 1e-4, offset: -0.1 });
  });

  it("cuts to areas, and keeps the whole box when asked to", async () => {
    const scene = await safeScene(["B03"]);
    const toLonLat = projector(scene.grid.crs!, WGS84);
    const corner = (col: number, row: number) => toLonLat([500_000 + col * 10, 3_100_000 - row * 10]);
    const triangle = [corner(2.6, 2.6), corner(9.4, 2.6), corner(2.6, 9.4), corner(2.6, 2.6)];
    const areas = [{ geometry: [[triangle]] }];
    const cut = join(folder, "cut.tif");
    await writeStack(cut, scene, { part: partInside(scene, areas) });
    const { raster, pixels } = await readAll(cut);
    expect(raster.grid).toMatchObject({
      width: 8,
      height: 8,
      geoTransform: [500_020, 10, 0, 3_099_980, 0, -10],
    });
    const own = (col: number, row: number) => pixels[0]![row * 8 + col];
    expect([own(0, 0), own(1, 1), own(7, 7)]).toEqual([0, b03[3 * side + 3], 0]);
    const box = partInside(scene, areas, { box: true });
    await writeStack(cut, scene, { part: box });
    expect((await readAll(cut)).pixels[0]![63]).toBe(b03[9 * side + 9]);
    expect(() => partInside(scene, [lonLatBox(0, 0, 1, 1)])).toThrow("expected areas that touch");
    await scene.close();
  });

  it("leaves nothing when it fails, is cancelled, or finds no data", async () => {
    const scene = await safeScene(["B03"]);
    const before = await readdir(folder);
    const path = join(folder, "never.tif");
    const signal = AbortSignal.abort();
    await expect(writeStack(path, scene, { signal })).rejects.toMatchObject({ code: "aborted" });
    await expect(writeStack(path, scene, { bands: ["B12"] })).rejects.toMatchObject({ code: "missing-band" });
    const part = { window: { x: 5, y: 0, width: 1, height: 1 } };
    await expect(writeStack(path, scene, { part })).rejects.toMatchObject({ code: "no-valid-pixels" });
    const breaking: Scene = {
      ...scene,
      readReflectance: async () => {
        throw new Error("broken");
      },
    };
    await expect(writeStack(path, breaking)).rejects.toThrow("broken");
    expect(await readdir(folder)).toEqual(before);
    await scene.close();
  });
});

describe("partStrips", () => {
  it("keeps to rows of blocks", () => {
    const window = { x: 3, y: 100, width: 5, height: 2000 };
    const rows = (blockRows: number) =>
      partStrips({ blockRows }, { window }).map(({ y, height }) => [y, height]);
    expect(rows(1024)).toEqual([
      [100, 924],
      [1024, 1024],
      [2048, 52],
    ]);
    expect(rows(10_980)).toEqual(rows(1024));
    expect(rows(1)[0]).toEqual([100, 156]);
  });
});
