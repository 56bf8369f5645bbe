import { seededRng } from "@glof/core";
import { describe, expect, it } from "vitest";
import { crsFromEpsg } from "../crs/crs.js";
import { arrayRaster } from "../test_support/array_raster.js";
import type { RasterGrid } from "../types.js";
import { shadowMask } from "./shadow_mask.js";
import { shadowRaster } from "./shadow_raster.js";
import { azimuthOnGrid, type SunPosition } from "./sun.js";

const grid = (width: number, height: number, pixel: readonly [number, number] = [10, 10]): RasterGrid => ({
  width,
  height,
  geoTransform: [500_000, pixel[0], 0, 3_100_000, 0, -pixel[1]],
  crs: crsFromEpsg(32645),
});

const cast = (demM: ArrayLike<number>, on: RasterGrid, sun: SunPosition): Uint8Array =>
  shadowMask(demM, on, sun, { kind: "cast" });

/** The height by which the ray from a pixel is cleared, found with very many samples of the bilinear surface. */
function clearance(
  demM: ArrayLike<number>,
  on: RasterGrid,
  sun: SunPosition,
  col: number,
  row: number,
): number {
  const { width, height, geoTransform } = on;
  const azimuth = (sun.azimuthDeg * Math.PI) / 180;
  const [dCol, dRow] = [Math.sin(azimuth) / geoTransform[1], Math.cos(azimuth) / geoTransform[5]];
  const rise = Math.tan((sun.elevationDeg * Math.PI) / 180);
  let most = Number.NEGATIVE_INFINITY;
  for (let metres = 0.02; ; metres += 0.02) {
    const [c, r] = [col + dCol * metres, row + dRow * metres];
    if (!(c > -1e-9 && r > -1e-9 && c < width - 1 + 1e-9 && r < height - 1 + 1e-9)) return most;
    const [left, top] = [
      Math.min(Math.max(Math.floor(c), 0), width - 2),
      Math.min(Math.max(Math.floor(r), 0), height - 2),
    ];
    const [x, y] = [c - left, r - top];
    const at = top * width + left;
    const level =
      (demM[at]! * (1 - x) + demM[at + 1]! * x) * (1 - y) +
      (demM[at + width]! * (1 - x) + demM[at + width + 1]! * x) * y;
    most = Math.max(most, level - demM[row * width + col]! - metres * rise);
  }
}

describe("cast shadow", () => {
  it.each([
    [0, 12],
    [90, 20],
    [180, 33.3],
    [270, 60],
  ])("of a wall reaches height / tan(elevation), sun at %d, %d up", (azimuthDeg, elevationDeg) => {
    const [wall, side] = [87, 61];
    const on = grid(side, side);
    const alongRows = azimuthDeg % 180 === 0;
    const demM = Float32Array.from({ length: side * side }, (_, index) =>
      (alongRows ? Math.floor(index / side) : index % side) === 30 ? wall : 0,
    );
    const mask = cast(demM, on, { azimuthDeg, elevationDeg });
    const lengthM = wall / Math.tan((elevationDeg * Math.PI) / 180);
    const away = azimuthDeg === 0 || azimuthDeg === 270 ? 1 : -1;
    for (let distance = -30; distance <= 30; distance++) {
      const line = 30 + away * distance;
      const pixel = alongRows ? line * side + 7 : 7 * side + line;
      expect(mask[pixel], `${distance} pixels behind the wall`).toBe(
        distance > 0 && distance * 10 < lengthM ? 1 : 0,
      );
    }
  });

  it("of a slanted wall reaches as far along the ray, over pixels that are not square", () => {
    const on = grid(80, 60, [10, 20]);
    // A wall along a column, sun from the south-east: the ray meets it after dx / sin(azimuth).
    const sun = { azimuthDeg: 130, elevationDeg: 25 };
    const demM = Float32Array.from({ length: 4800 }, (_, index) => (index % 80 === 60 ? 100 : 0));
    const mask = cast(demM, on, sun);
    for (let col = 0; col < 60; col++) {
      const along = ((60 - col) * 10) / Math.sin((130 * Math.PI) / 180);
      const ray = along * Math.tan((25 * Math.PI) / 180);
      if (Math.abs(ray - 100) > 1e-6) expect(mask[10 * 80 + col], `column ${col}`).toBe(ray < 100 ? 1 : 0);
    }
  });

  it("of a cone is the triangle behind its tip", () => {
    const side = 121;
    const on = grid(side, side);
    const [height, radius] = [400, 200];
    const demM = Float64Array.from({ length: side * side }, (_, index) => {
      const [x, y] = [((index % side) - 60) * 10, (Math.floor(index / side) - 60) * 10];
      return Math.max(0, height * (1 - Math.hypot(x, y) / radius));
    });
    const sun = { azimuthDeg: 270, elevationDeg: 45 };
    const mask = cast(demM, on, sun);
    // On the ground east of the cone: shade between the tangents from the tip's shadow (height / tan = 400 m off).
    const halfAngle = Math.asin(radius / 400);
    let compared = 0;
    for (let row = 0; row < side; row++) {
      for (let col = 60; col < side; col++) {
        const [x, y] = [(col - 60) * 10, (row - 60) * 10];
        if (Math.hypot(x, y) < radius + 15) continue;
        const margin = (400 - x) * Math.sin(halfAngle) - Math.abs(y) * Math.cos(halfAngle);
        // Between pixels the cone's surface is a little lower than the true one.
        if (Math.abs(margin) < 8) continue;
        expect(mask[row * side + col], `${x}, ${y}`).toBe(x > 0 && margin > 0 ? 1 : 0);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(5000);
  });

  it("is that of the bilinear surface, against a dense sampling of rays on random relief", () => {
    const rng = seededRng(8);
    let compared = 0;
    let shaded = 0;
    for (let trial = 0; trial < 12; trial++) {
      const on = grid(19, 14, trial % 2 ? [10, 10] : [10, 25]);
      const demM = Float32Array.from({ length: 19 * 14 }, () => rng.uniform(0, 60));
      const sun = { azimuthDeg: rng.uniform(0, 360), elevationDeg: rng.uniform(10, 60) };
      const mask = cast(demM, on, sun);
      for (let pixel = 0; pixel < mask.length; pixel += 3) {
        const above = clearance(demM, on, sun, pixel % 19, Math.floor(pixel / 19));
        if (Math.abs(above) < 0.05) continue;
        expect(mask[pixel], `trial ${trial}, pixel ${pixel}, ${above} m`).toBe(above > 0 ? 1 : 0);
        compared++;
        shaded += mask[pixel]!;
      }
    }
    expect(compared).toBeGreaterThan(800);
    expect(shaded).toBeGreaterThan(100);
    expect(compared - shaded).toBeGreaterThan(100);
  });

  it("finds a ridge between two crossings", () => {
    // A saddle: opposite corners high. The ray runs from corner to corner of the cell through 3 x 3 pixels.
    const demM = [10, 0, 0, 0, 10, 0, 0, 0, 0].map((value) => value * 10);
    const on = grid(3, 3);
    // From the lower left pixel straight to the upper right one the surface rises to 100 in the middle only.
    expect(cast(demM, on, { azimuthDeg: 45, elevationDeg: 60 })[6]).toBe(1);
    const saddle = [0, 80, 80, 0];
    // Along the diagonal from 0 to 0 of [0 80; 80 0] the bilinear surface peaks at 40 after 7.07 m, crossing no line.
    expect(cast(saddle, grid(2, 2), { azimuthDeg: 315, elevationDeg: 70 })[3]).toBe(1);
    expect(cast(saddle, grid(2, 2), { azimuthDeg: 315, elevationDeg: 85 })[3]).toBe(0);
  });

  it("is the same far away as near: passing over low blocks loses nothing", () => {
    const side = 200;
    const rng = seededRng(1);
    const demM = Float32Array.from({ length: side * side }, () => rng.uniform(0, 3));
    for (let row = 0; row < side; row += 17) demM[row * side + 190 - (row % 40)] = 700;
    for (const azimuthDeg of [90, 77, 118, 20, 200, 315]) {
      const sun = { azimuthDeg, elevationDeg: 21 };
      const mask = cast(demM, grid(side, side), sun);
      for (let pixel = 11; pixel < mask.length; pixel += 1777) {
        const above = clearance(demM, grid(side, side), sun, pixel % side, Math.floor(pixel / side));
        if (Math.abs(above) > 0.05) expect(mask[pixel], `${azimuthDeg}: ${pixel}`).toBe(above > 0 ? 1 : 0);
      }
    }
  });

  it("passes gaps, marks them, and is not there at noon at the zenith", () => {
    const demM = [0, Number.NaN, 90, 0, 0, 90];
    expect([...cast(demM, grid(3, 2), { azimuthDeg: 90, elevationDeg: 45 })]).toEqual([1, 255, 0, 1, 1, 0]);
    expect([...cast(demM, grid(3, 2), { azimuthDeg: 90, elevationDeg: 90 })]).toEqual([0, 255, 0, 0, 0, 0]);
  });
});

describe("self shadow", () => {
  it("is where a slope turned away is steeper than the sun is high", () => {
    const on = grid(9, 5);
    const falling = Float64Array.from(
      { length: 45 },
      (_, index) => -(index % 9) * 10 * Math.tan(Math.PI / 6),
    );
    const inner = (elevationDeg: number): number =>
      shadowMask(falling, on, { azimuthDeg: 270, elevationDeg }, { kind: "self" })[22]!;
    expect([inner(29.9), inner(30.1)]).toEqual([1, 0]);
    const both = shadowMask(falling, on, { azimuthDeg: 270, elevationDeg: 29.9 });
    expect(both[22]).toBe(1);
    expect(() => shadowMask(falling, on, { azimuthDeg: 0, elevationDeg: 0 })).toThrow(/90 less the zenith/);
    expect(() =>
      shadowMask(falling, on, { azimuthDeg: 0, elevationDeg: 9 }, { kind: "all" as "self" }),
    ).toThrow(/kind self, cast or both/);
  });
});

describe("shadowRaster", () => {
  it("gives windows the numbers of the whole", async () => {
    const on = grid(70, 50);
    const rng = seededRng(5);
    const demM = Float32Array.from({ length: 3500 }, (_, index) =>
      index % 137 === 0 ? 160 : rng.uniform(0, 25),
    );
    demM[777] = -1;
    for (const sun of [
      { azimuthDeg: 130, elevationDeg: 18 },
      { azimuthDeg: 300, elevationDeg: 40 },
    ]) {
      const whole = shadowMask(
        demM.map((value) => (value === -1 ? Number.NaN : value)),
        on,
        sun,
      );
      const raster = shadowRaster(arrayRaster(on, "float32", [demM], -1), { sun });
      for (const [x, y] of [
        [0, 0],
        [30, 20],
        [52, 37],
        [0, 37],
      ] as const) {
        const [part] = await raster.readWindow({ x, y, width: 18, height: 13 });
        for (let row = 0; row < 13; row++) {
          const start = (y + row) * 70 + x;
          expect([...part!.subarray(row * 18, row * 18 + 18)]).toEqual([
            ...whole.subarray(start, start + 18),
          ]);
        }
      }
    }
  });

  it("stops when told", async () => {
    const raster = shadowRaster(arrayRaster(grid(4, 4), "float32", [new Float32Array(16)]), {
      sun: { azimuthDeg: 90, elevationDeg: 30 },
    });
    const read = raster.readWindow({ x: 0, y: 0, width: 2, height: 2 }, { signal: AbortSignal.abort() });
    await expect(read).rejects.toMatchObject({ code: "aborted" });
  });
});

describe("azimuthOnGrid", () => {
  it("turns by the convergence of meridians", () => {
    // Zone 45 has its middle at 87 E; at 86 E, 28 N: convergence atan(tan(-1) sin(28)).
    const on: RasterGrid = {
      width: 2,
      height: 2,
      geoTransform: [401_690, 10, 0, 3_097_600, 0, -10],
      crs: crsFromEpsg(32645),
    };
    expect(azimuthOnGrid(150, on)).toBeCloseTo(150 + 0.4695, 2);
    expect(azimuthOnGrid(150, { ...on, crs: undefined })).toBe(150);
  });
});
