import { isGlofError } from "@glof/core";
import { describe, expect, it } from "vitest";
import { crsFromEpsg, WGS84 } from "../crs/crs.js";
import { arrayRaster } from "../test_support/array_raster.js";
import type { GeoTransform, RasterGrid } from "../types.js";
import { TERRAIN_FEATURES } from "./feature_formulas.js";
import { terrainFeatures } from "./terrain_features.js";
import { terrainRaster } from "./terrain_raster.js";
import { gdaldemNumbers } from "./test_numbers.js";

const utm = (width: number, height: number, pixel: readonly [number, number] = [30, 30]): RasterGrid => ({
  width,
  height,
  geoTransform: [500_000, pixel[0], 0, 3_100_000, 0, -pixel[1]],
  crs: crsFromEpsg(32645),
});

/** A made-up DEM of 6 x 5 pixels with a gap. */
const gdalDem = Float32Array.from({ length: 30 }, (_, index) => {
  const [row, col] = [Math.floor(index / 6), index % 6];
  return index === 15 ? Number.NaN : (37 * col * col + 91 * row + 13 * row * col) % 257;
});

const surface = (grid: RasterGrid, height: (east: number, north: number) => number): Float64Array =>
  Float64Array.from({ length: grid.width * grid.height }, (_, index) => {
    const [col, row] = [index % grid.width, Math.floor(index / grid.width)];
    return height((col + 0.5) * grid.geoTransform[1], (row + 0.5) * grid.geoTransform[5]);
  });

/** A rough DEM without ties. */
const rough = (grid: RasterGrid): Float64Array =>
  surface(
    grid,
    (x, y) => 4000 + 300 * Math.sin(x / 97) * Math.cos(y / 71) + 90 * Math.sin(x / 31 + y / 43) + 0.2 * x,
  );

function expectGdal(values: Float32Array, name: string): void {
  const expected = gdaldemNumbers[name]!;
  expect(values).toHaveLength(expected.length);
  expected.forEach((number, pixel) => {
    const label = `${name} at ${pixel}`;
    if (number === null) expect(values[pixel], label).toBeNaN();
    else
      expect(Math.abs(values[pixel]! - number), label).toBeLessThanOrEqual(
        1e-6 * Math.max(1, Math.abs(number)),
      );
  });
}

describe("terrainFeatures beside gdaldem", () => {
  const wide = utm(6, 5, [30, 20]);
  it("slope, with and without edges, Horn and Zevenbergen-Thorne, pixels not square", () => {
    expectGdal(terrainFeatures(gdalDem, wide, ["slope"], { edges: "nodata" }).slope, "slope");
    expectGdal(terrainFeatures(gdalDem, wide, ["slope"]).slope, "slopeEdges");
    const options = { slopeMethod: "zevenbergen-thorne" } as const;
    expectGdal(terrainFeatures(gdalDem, wide, ["slope"], options).slope, "slopeZt");
  });

  it("aspect, ruggedness, position and roughness", () => {
    const found = terrainFeatures(gdalDem, utm(6, 5));
    for (const name of ["aspect", "tri", "tpi", "roughness"] as const) expectGdal(found[name], name);
    expectGdal(terrainFeatures(gdalDem, utm(6, 5), ["tri"], { ruggedness: "wilson" }).tri, "triWilson");
  });

  it("hillshade", () => {
    const sun = { azimuthDeg: 140, elevationDeg: 30 };
    const { hillshade } = terrainFeatures(gdalDem, wide, ["hillshade"], { sun });
    expectGdal(
      hillshade.map((shade) => Math.round(1 + 254 * shade)),
      "hillshade",
    );
  });
});

describe("terrainFeatures", () => {
  it.each([
    [0, 0],
    [0.5, 0],
    [-0.3, 0.2],
    [0, -1],
  ])("is exact to the border on a plane that rises %d east and %d north", (east, north) => {
    const grid = utm(7, 5, [10, 25]);
    const found = terrainFeatures(
      surface(grid, (x, y) => 100 + east * x + north * y),
      grid,
    );
    const slope = Math.hypot(east, north);
    for (let pixel = 0; pixel < 35; pixel++) {
      const corner = [0, 6, 28, 34].includes(pixel);
      // GDAL's rule repeats corner pixels sideways in the first and last row: exact where nothing rises east.
      const [col] = [pixel % 7];
      if ((col === 0 || col === 6) && (pixel < 7 || pixel >= 28) && (east !== 0 || corner)) continue;
      expect(found.slope[pixel]).toBeCloseTo((Math.atan(slope) * 180) / Math.PI, 4);
      expect(found.aspectSin[pixel]).toBeCloseTo(slope === 0 ? 0 : -east / slope, 6);
      expect(found.aspectCos[pixel]).toBeCloseTo(slope === 0 ? 0 : -north / slope, 6);
      if (slope === 0) expect(found.aspect[pixel]).toBeNaN();
      else {
        const azimuth = (Math.atan2(-east, -north) * 180) / Math.PI;
        expect(found.aspect[pixel]).toBeCloseTo((azimuth + 360) % 360, 4);
      }
      expect(found.profileCurvature[pixel]).toBeCloseTo(0, 6);
      expect(found.planformCurvature[pixel]).toBeCloseTo(0, 6);
      expect(found.curvature[pixel]).toBeCloseTo(0, 6);
    }
  });

  it("has the curvatures of quadratic surfaces, with xDEM's signs and factor", () => {
    const grid = utm(9, 9, [10, 20]);
    // Second derivatives: 2a east, 2b north, c mixed. Exact for quadratics, whatever the pixels.
    const [a, b, c] = [0.003, -0.002, 0.0011];
    const found = terrainFeatures(
      surface(grid, (x, y) => a * x * x + b * y * y + c * x * y + 0.4 * x),
      grid,
    );
    const [col, row] = [5, 3];
    const [x, y] = [(col + 0.5) * 10, -(row + 0.5) * 20];
    const [p, q] = [2 * a * x + c * y + 0.4, 2 * b * y + c * x];
    const along = (2 * a * p * p + 2 * b * q * q + 2 * c * p * q) / (p * p + q * q);
    const pixel = row * 9 + col;
    expect(found.profileCurvature[pixel]).toBeCloseTo(100 * along, 6);
    expect(found.curvature[pixel]).toBeCloseTo(-200 * (a + b), 6);
    expect(found.planformCurvature[pixel]).toBeCloseTo(-100 * (2 * a + 2 * b - along), 6);
  });

  it("takes metres per degree of each row's latitude", () => {
    const [latitude, step] = [61, 1 / 3600];
    const grid: RasterGrid = {
      width: 5,
      height: 5,
      geoTransform: [7, step, 0, latitude + 2.5 * step, 0, -step],
      crs: WGS84,
    };
    const slopeOf = (east: number, north: number): number =>
      terrainFeatures(
        Float64Array.from({ length: 25 }, (_, index) => east * (index % 5) - north * Math.floor(index / 5)),
        grid,
        ["slope"],
      ).slope[12]!;
    const inverse = (slopeDeg: number): number => 1 / Math.tan((slopeDeg * Math.PI) / 180);
    // Metres of a degree at 61 N by GeographicLib: 54 110.4 along the parallel, 111 427.5 along the meridian.
    expect(3600 * inverse(slopeOf(1, 0))).toBeCloseTo(54_109.55, -1);
    expect(3600 * inverse(slopeOf(0, 1))).toBeCloseTo(111_427.5, -1);
  });

  it("pads and smooths as DL4GAM", () => {
    const grid = utm(6, 5);
    const demM = rough(grid);
    const inner = terrainFeatures(demM, grid, ["slope"], { edges: "nodata" }).slope;
    const padded = terrainFeatures(demM, grid, ["slope"], { edges: "replicate" }).slope;
    for (let row = 0; row < 5; row++) {
      for (let col = 0; col < 6; col++) {
        const from = Math.min(Math.max(row, 1), 3) * 6 + Math.min(Math.max(col, 1), 4);
        expect(padded[row * 6 + col]).toBe(inner[from]);
      }
    }
    // One raised pixel: its weight in a 3 x 3 Gaussian is (1 / (1 + 2 exp(-1/2)))^2, seen as roughness around it.
    const peak = new Float64Array(49);
    peak[24] = 1;
    const { roughness } = terrainFeatures(peak, utm(7, 7), ["roughness"], { smooth: true });
    const side = Math.exp(-0.5);
    expect(roughness[24]).toBeCloseTo((1 - side * side) / (1 + 2 * side) ** 2, 6);
    expect(roughness[8]).toBeCloseTo((side / (1 + 2 * side)) ** 2, 6);
  });

  it("makes a gap of a gap, and with nodata of its neighbours", () => {
    const grid = utm(5, 5);
    const demM = rough(grid);
    demM[12] = Number.NaN;
    const gaps = (edges: "nodata" | "extrapolate"): number =>
      terrainFeatures(demM, grid, ["slope"], { edges }).slope.filter(Number.isNaN).length;
    expect(gaps("extrapolate")).toBe(1);
    expect(gaps("nodata")).toBe(25);
  });

  it.each([
    [1, 1],
    [1, 4],
    [4, 1],
    [2, 2],
  ])("stands a DEM of %i x %i", (width, height) => {
    const found = terrainFeatures(new Float32Array(width * height).fill(7), utm(width, height), [
      "slope",
      "tri",
    ]);
    expect([...found.slope, ...found.tri].every((value) => value === 0)).toBe(true);
    const replicated = terrainFeatures(new Float32Array(width * height), utm(width, height), ["slope"], {
      edges: "replicate",
    });
    expect(replicated.slope.every(Number.isNaN)).toBe(true);
  });

  it("turns with the DEM: a quarter turn of the heights is a quarter turn of slope and aspect", () => {
    const grid = utm(8, 8);
    const demM = rough(grid);
    const turn = (values: ArrayLike<number>): Float64Array =>
      Float64Array.from({ length: 64 }, (_, index) => values[(index % 8) * 8 + 7 - Math.floor(index / 8)]!);
    const options = { edges: "nodata" } as const;
    const names = ["slope", "aspectSin", "aspectCos", "curvature"] as const;
    const before = terrainFeatures(demM, grid, names, options);
    const after = terrainFeatures(turn(demM), grid, names, options);
    // East came to lie north.
    const close = (a: ArrayLike<number>, b: ArrayLike<number>): void => {
      for (let index = 0; index < a.length; index++) {
        if (Number.isNaN(b[index]!)) expect(a[index]).toBeNaN();
        else expect(a[index]).toBeCloseTo(b[index]!, 5);
      }
    };
    close(after.slope, turn(before.slope));
    close(after.curvature, turn(before.curvature));
    close(after.aspectCos, turn(before.aspectSin));
    close(
      after.aspectSin,
      turn(before.aspectCos).map((value) => -value),
    );
  });

  it("refuses what does not fit", () => {
    const code = (call: () => unknown): string => {
      try {
        call();
      } catch (error) {
        if (isGlofError(error)) return error.code;
        throw error;
      }
      return "nothing";
    };
    const south: GeoTransform = [0, 10, 0, 0, 0, 10];
    expect(code(() => terrainFeatures([1, 2], utm(3, 3)))).toBe("shape-mismatch");
    expect(code(() => terrainFeatures([1], { ...utm(1, 1), geoTransform: south }))).toBe("bad-geotransform");
    expect(code(() => terrainFeatures([1], utm(1, 1), ["steepness" as "slope"]))).toBe("bad-argument");
    expect(
      code(() => terrainFeatures([1], utm(1, 1), [], { sun: { azimuthDeg: 0, elevationDeg: -1 } })),
    ).toBe("bad-argument");
    expect(
      code(() => terrainFeatures([1], { ...utm(1, 1), geoTransform: [0, 1, 0, 99, 0, -1], crs: WGS84 })),
    ).toBe("bad-argument");
  });
});

describe("terrainRaster", () => {
  it.each([
    { edges: "extrapolate" },
    { edges: "nodata" },
    { edges: "replicate", smooth: true },
    { smooth: true },
  ] as const)("gives windows the numbers of the whole, %j", async (options) => {
    const grid = utm(13, 11, [30, 20]);
    const demM = Float32Array.from(rough(grid));
    demM[50] = -9999;
    const raster = terrainRaster(arrayRaster(grid, "float32", [demM], -9999), options);
    const withGap = demM.map((value) => (value === -9999 ? Number.NaN : value));
    const whole = terrainFeatures(withGap, grid, TERRAIN_FEATURES, options);
    expect(raster.bands.map((band) => band.name)).toEqual(TERRAIN_FEATURES);
    for (const [x, y, width, height] of [
      [0, 0, 13, 11],
      [0, 0, 1, 1],
      [12, 10, 1, 1],
      [4, 3, 5, 2],
      [0, 8, 13, 3],
    ] as const) {
      const read = await raster.readWindow({ x, y, width, height });
      TERRAIN_FEATURES.forEach((name, band) => {
        for (let row = 0; row < height; row++) {
          for (let col = 0; col < width; col++) {
            expect(read[band]![row * width + col]).toBe(whole[name][(y + row) * 13 + x + col]);
          }
        }
      });
    }
    const [tri] = await raster.readWindow({ x: 2, y: 2, width: 1, height: 1 }, { bands: [7] });
    expect(tri![0]).toBe(whole.tri[28]);
  });
});
