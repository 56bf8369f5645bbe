import { crsFromEpsg, openRaster, shadowMask } from "@glof/geo";
import { describe, expect, it } from "vitest";
import { testTiff } from "../test_tiff.js";
import { sceneShadow, sceneSun } from "./scene_sun.js";

const scene = {
  id: "scene",
  grid: {
    width: 20,
    height: 16,
    geoTransform: [500_000, 10, 0, 3_100_000, 0, -10],
    crs: crsFromEpsg(32645),
  },
  product: { sun: { meanZenithDeg: 60, meanAzimuthDeg: 90 } },
} as const;

describe("sceneSun", () => {
  it("is the metadata's, from the grid's north", () => {
    // The zone's middle meridian is the scene's western border: convergence of a thousandth of a degree.
    const { azimuthDeg, elevationDeg } = sceneSun(scene);
    expect(elevationDeg).toBe(30);
    expect(Math.abs(azimuthDeg - 90)).toBeLessThan(0.01);
    const west = {
      ...scene,
      grid: { ...scene.grid, geoTransform: [300_000, 10, 0, 3_100_000, 0, -10] as const },
    };
    expect(sceneSun(west).azimuthDeg).toBeCloseTo(90 + 0.954, 1);
    expect(() => sceneSun({ ...scene, product: {} })).toThrow(/expected sun angles/);
    const night = { sun: { meanZenithDeg: 91, meanAzimuthDeg: 0 } };
    expect(() => sceneSun({ ...scene, product: night })).toThrow(/zenith angle of 91/);
  });
});

describe("sceneShadow", () => {
  const openWall = () => {
    // 60 x 40 pixels of 10 m, the scene 10 in from the left and top; a wall of 200 m in column 45, 15 pixels east of it.
    const heights = Float32Array.from({ length: 2400 }, (_, at) => (at % 60 === 45 ? 200 : 0));
    const tiff = testTiff({
      width: 60,
      height: 40,
      bands: [heights],
      type: "float32",
      origin: [499_900, 3_100_100],
    });
    return openRaster(tiff).then((raster) => ({ raster, heights }));
  };

  it("sees relief beyond the scene", async () => {
    const { raster, heights } = await openWall();
    const sun = { azimuthDeg: 90, elevationDeg: 30 };
    const whole = shadowMask(heights, raster.grid, sun);
    const shadow = sceneShadow(scene, raster, { sun, reach: 300 });
    const [mask] = await shadow.readWindow({ x: 2, y: 3, width: 18, height: 5 });
    for (let at = 0; at < 90; at++) {
      const [col, row] = [12 + (at % 18), 13 + Math.floor(at / 18)];
      expect(mask![at], `${col}, ${row}`).toBe(whole[row * 60 + col]);
    }
    // 200 / tan(30) = 346 m: from column 11 of the DEM on.
    expect([...mask!.subarray(0, 3)]).toEqual([1, 1, 1]);
    const near = sceneShadow(scene, raster, { sun, reach: 0 });
    expect((await near.readWindow({ x: 0, y: 0, width: 20, height: 1 }))[0]!.includes(1)).toBe(false);
    expect(shadow.grid).toBe(scene.grid);
    await raster.close();
  });
});
