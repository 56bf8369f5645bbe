import { seededRng } from "@glof/core";
import { describe, expect, it } from "vitest";
import { planarArea } from "../measure/areas.js";
import { intersectPolygons } from "../measure/clip_polygons.js";
import { polygonizeMask } from "../outline/begin_polygonize.js";
import { hasGdal, runGdal } from "../test_support/gdal.js";
import { drawMask, randomMask } from "../test_support/masks.js";
import type { MultiPolygon, Position, RasterGrid, Ring } from "../types.js";
import { polygonCoverage } from "./polygon_coverage.js";
import { rasterizePolygons } from "./rasterize_polygons.js";

const gridOf = (width: number, height: number): RasterGrid => ({
  width,
  height,
  geoTransform: [0, 1, 0, height, 0, -1],
  crs: undefined,
});

/** A star-shaped ring with a star-shaped hole. */
function star(seed: string): MultiPolygon {
  const rng = seededRng(seed);
  const [x, y, size] = [rng.uniform(2, 14), rng.uniform(2, 12), rng.uniform(1, 9)];
  const corners = 3 + rng.int(14);
  const spokes = Array.from({ length: corners }, (_, index) => ({
    angle: (2 * Math.PI * (index + 0.8 * rng.next())) / corners,
    reach: size * rng.uniform(0.5, 1),
  }));
  const ring = (scale: number): Ring => {
    const open = spokes.map(
      ({ angle, reach }): Position => [
        x + scale * reach * Math.cos(angle),
        y + scale * reach * Math.sin(angle),
      ],
    );
    return [...open, open[0]!];
  };
  return [seed.length % 2 === 0 ? [ring(1)] : [ring(1), [...ring(0.4)].reverse()]];
}

const stars = Array.from({ length: 60 }, (_, index) => star(`star ${index}`));

/** Valid shapes with corners on half pixels, so that edges run through pixel centres. */
const stepped = Array.from({ length: 60 }, (_, seed) => {
  const coarse: RasterGrid = { ...gridOf(8, 8), geoTransform: [0.5 * (seed % 3), 1.5, 0, 12.5, 0, -1.5] };
  return polygonizeMask(randomMask(8, 8, 0.2 + (seed % 6) / 10, seed), { grid: coarse }).map(
    ({ parts }) => parts,
  );
}).filter((shapes) => shapes.length > 0);

const grid = gridOf(16, 14);

describe("coverage", () => {
  it("is each pixel's share by exact clipping", () => {
    for (const geometry of stars.slice(0, 8)) {
      const coverage = polygonCoverage([{ geometry }], grid);
      coverage.forEach((share, index) => {
        const [x, y] = [index % 16, 13 - Math.floor(index / 16)];
        const pixel = [
          [
            [x, y],
            [x + 1, y],
            [x + 1, y + 1],
            [x, y + 1],
            [x, y],
          ],
        ] as const;
        const area = intersectPolygons(geometry, [pixel]).reduce(
          (sum, polygon) => sum + planarArea(polygon),
          0,
        );
        expect(share).toBeCloseTo(area, 6);
      });
    }
  });

  it("sums up to the area of shapes that lie inside, whatever their winding and the grid's size", () => {
    const rng = seededRng("coverage");
    for (const [polygon] of stars) {
      const far = polygon!.map((ring) => ring.map(([x, y]): Position => [10 + 7 * x, 10 + 29 * y]));
      const turned = far.map((ring) => (rng.next() < 0.5 ? [...ring].reverse() : ring));
      const coverage = polygonCoverage([{ geometry: [turned] }], {
        ...gridOf(180, 700),
        geoTransform: [-70, 1, 0, 600, 0, -1],
      });
      const sum = coverage.reduce((total, share) => total + share, 0);
      const inside = intersectPolygons(
        [far],
        [
          [
            [
              [-70, -100],
              [110, -100],
              [110, 600],
              [-70, 600],
              [-70, -100],
            ],
          ],
        ],
      );
      const area = inside.reduce((total, part) => total + planarArea(part), 0);
      expect(Math.abs(sum - area)).toBeLessThan(1e-4 * (1 + area));
    }
  });

  it("is 1 or 0 for outlines of pixels, and adds features up to 1", () => {
    const mask = randomMask(16, 14, 0.5, "coverage");
    const shapes = polygonizeMask(mask, { grid }).map(({ parts }) => ({ geometry: parts }));
    expect(polygonCoverage(shapes, grid)).toEqual(Float32Array.from(mask));
    expect(rasterizePolygons([...shapes, ...shapes], grid, { rule: "coverage" })).toEqual(
      Float32Array.from(mask),
    );
    expect(rasterizePolygons(shapes, grid, { rule: "all-touched" })).toEqual(mask);
  });
});

describe("rules", () => {
  const diamond = [
    [
      [
        [2, 0.5],
        [3.5, 2],
        [2, 3.5],
        [0.5, 2],
        [2, 0.5],
      ],
    ],
  ] as const;

  it("center, all-touched and coverage differ at the shore", () => {
    const shape = [{ geometry: diamond }];
    expect(rasterizePolygons(shape, gridOf(4, 4))).toEqual(drawMask("....", ".##.", ".##.", "....").mask);
    expect(rasterizePolygons(shape, gridOf(4, 4), { rule: "all-touched" })).toEqual(
      drawMask(".##.", "####", "####", ".##.").mask,
    );
    const coverage = rasterizePolygons(shape, gridOf(4, 4), { rule: "coverage" });
    expect([...coverage.subarray(0, 4)]).toEqual([0, 0.125, 0.125, 0]);
    expect(coverage.reduce((sum, share) => sum + share, 0)).toBe(4.5);
    expect(() => rasterizePolygons(shape, gridOf(4, 4), { rule: "most" as "center" })).toThrow(/got most/);
  });
});

describe.skipIf(!hasGdal("rasterized polygons against gdal_rasterize"))("gdal_rasterize", () => {
  const script = `
import numpy as np
out = []
for shapes, touched in args:
    target = gdal.GetDriverByName("MEM").Create("", 16, 14, 1)
    target.SetGeoTransform([0, 1, 0, 14, 0, -1])
    source = ogr.GetDriverByName("Memory").CreateDataSource("")
    layer = source.CreateLayer("x", osr.SpatialReference())
    for shape in shapes:
        f = ogr.Feature(layer.GetLayerDefn())
        f.SetGeometry(ogr.CreateGeometryFromJson(json.dumps(dict(type="MultiPolygon", coordinates=shape))))
        layer.CreateFeature(f)
    gdal.RasterizeLayer(target, [1], layer, burn_values=[1], options=["ALL_TOUCHED=TRUE"] if touched else [])
    out.append(target.ReadAsArray().ravel().tolist())
print(json.dumps(out))`;

  it("gives the same by centres, where edges run through them too, and the same where anything is touched", () => {
    const centres = [...stars.map((shape) => [shape]), ...stepped];
    const touched = stars.map((shape) => [shape]);
    const theirs = runGdal<number[][]>(script, [
      ...centres.map((shapes) => [shapes, false]),
      ...touched.map((shapes) => [shapes, true]),
    ]);
    const toFeatures = (shapes: readonly MultiPolygon[]) => shapes.map((geometry) => ({ geometry }));
    centres.forEach((shapes, index) => {
      expect([...rasterizePolygons(toFeatures(shapes), grid)], `case ${index}`).toEqual(theirs[index]);
    });
    touched.forEach((shapes, index) => {
      const ours = rasterizePolygons(toFeatures(shapes), grid, { rule: "all-touched" });
      expect([...ours], `touched ${index}`).toEqual(theirs[centres.length + index]);
    });
  });
});
