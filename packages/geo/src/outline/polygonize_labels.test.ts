import { seededRng } from "@glof/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { signedArea } from "../measure/areas.js";
import { hasGdal, runGdal } from "../test_support/gdal.js";
import type { MultiPolygon, RasterGrid, Ring } from "../types.js";
import { rasterizePolygons } from "../vector/rasterize_polygons.js";
import { beginPolygonize, polygonizeMask } from "./begin_polygonize.js";
import type { Connectivity } from "./label_components.js";
import { beginPolygonizeLabels, polygonizeLabels } from "./polygonize_labels.js";

const gridOf = (width: number, height: number): RasterGrid => ({
  width,
  height,
  geoTransform: [0, 1, 0, height, 0, -1],
  crs: undefined,
});

/** Regions of equal values by flooding, one pixel at a time: the plainest way to find them. */
function floodRegions(values: ArrayLike<number>, width: number, height: number, connectivity: Connectivity) {
  const seen = new Uint8Array(width * height);
  const regions: { value: number; pixels: Set<number> }[] = [];
  for (let first = 0; first < seen.length; first++) {
    if (seen[first] === 1) continue;
    const pixels = new Set<number>([first]);
    seen[first] = 1;
    for (const at of pixels) {
      for (let dy = -1; dy <= 1; dy++) {
        for (let dx = -1; dx <= 1; dx++) {
          const [x, y] = [(at % width) + dx, Math.floor(at / width) + dy];
          if (x < 0 || y < 0 || x >= width || y >= height) continue;
          if (connectivity === 4 && dx !== 0 && dy !== 0) continue;
          const next = y * width + x;
          if (seen[next] === 1 || values[next] !== values[first]) continue;
          seen[next] = 1;
          pixels.add(next);
        }
      }
    }
    regions.push({ value: values[first]!, pixels });
  }
  return regions;
}

/** Unit edges between a region and what is not of it, as "x,y,x,y", each from its smaller end. */
function unitEdges(pixels: ReadonlySet<number>, width: number, height: number): Set<string> {
  const edges = new Set<string>();
  const toggle = (edge: string): void => {
    if (!edges.delete(edge)) edges.add(edge);
  };
  for (const at of pixels) {
    const [x, y] = [at % width, height - 1 - Math.floor(at / width)];
    toggle(`${x},${y},${x + 1},${y}`);
    toggle(`${x},${y + 1},${x + 1},${y + 1}`);
    toggle(`${x},${y},${x},${y + 1}`);
    toggle(`${x + 1},${y},${x + 1},${y + 1}`);
  }
  return edges;
}

/** The same of rings; fails where an edge is passed twice. */
function ringEdges(rings: readonly Ring[]): Set<string> {
  const edges = new Set<string>();
  for (const ring of rings) {
    for (let index = 1; index < ring.length; index++) {
      const [a, b] = [ring[index - 1]!, ring[index]!];
      const steps = Math.abs(b[0] - a[0]) + Math.abs(b[1] - a[1]);
      const [dx, dy] = [Math.sign(b[0] - a[0]), Math.sign(b[1] - a[1])];
      expect(dx === 0 || dy === 0).toBe(true);
      for (let step = 0; step < steps; step++) {
        const [p, q] = [
          [a[0] + step * dx, a[1] + step * dy],
          [a[0] + (step + 1) * dx, a[1] + (step + 1) * dy],
        ];
        const [low, high] = dx + dy > 0 ? [p, q] : [q, p];
        const edge = `${low},${high}`;
        expect(edges.has(edge)).toBe(false);
        edges.add(edge);
      }
    }
  }
  return edges;
}

/** No ring passes a point twice; shores run counter-clockwise, holes clockwise. */
function expectSimple(parts: MultiPolygon): void {
  for (const polygon of parts) {
    polygon.forEach((ring, index) => {
      expect(new Set(ring.map(String)).size).toBe(ring.length - 1);
      expect(Math.sign(signedArea(ring))).toBe(index === 0 ? 1 : -1);
    });
  }
}

const rasters = fc
  .tuple(fc.integer({ min: 1, max: 14 }), fc.integer({ min: 1, max: 14 }), fc.integer({ min: 2, max: 5 }))
  .chain(([width, height, kinds]) =>
    fc.record({
      width: fc.constant(width),
      height: fc.constant(height),
      values: fc.uint8Array({ minLength: width * height, maxLength: width * height, max: kinds - 1 }),
    }),
  );

describe.each([4, 8] as Connectivity[])("polygonizing, %i-connected", (connectivity) => {
  it("equals flooding: regions, edges, areas, valid rings, pixels", () => {
    fc.assert(
      fc.property(rasters, ({ width, height, values }) => {
        const grid = gridOf(width, height);
        const outlines = polygonizeLabels(values, { grid, connectivity, background: [] });
        const regions = floodRegions(values, width, height, connectivity);
        expect(outlines.map(({ value, pixelCount }) => [value, pixelCount])).toEqual(
          regions.map(({ value, pixels }) => [value, pixels.size]),
        );
        outlines.forEach(({ parts }, index) => {
          const { pixels } = regions[index]!;
          expect(ringEdges(parts.flat())).toEqual(unitEdges(pixels, width, height));
          expect(parts.flat().reduce((sum, ring) => sum + signedArea(ring), 0)).toBe(pixels.size);
          expectSimple(parts);
          const mask = rasterizePolygons([{ geometry: parts }], grid);
          expect([...mask.keys()].filter((at) => mask[at] === 1)).toEqual([...pixels].sort((a, b) => a - b));
        });
        const ofOnes = polygonizeMask(values, { grid, connectivity });
        expect(ofOnes.map(({ parts }) => parts)).toEqual(
          outlines.filter(({ value }) => value === 1).map(({ parts }) => parts),
        );
      }),
      { numRuns: 150, seed: 7 },
    );
  });

  it("gives the same whatever the strips", () => {
    fc.assert(
      fc.property(
        rasters,
        fc.infiniteStream(fc.integer({ min: 1, max: 5 })),
        ({ width, height, values }, heights) => {
          const grid = gridOf(width, height);
          const [labels, mask] = [
            beginPolygonizeLabels({ grid, connectivity }),
            beginPolygonize({ grid, connectivity }),
          ];
          for (let y = 0; y < height; ) {
            const rows = Math.min(heights.next().value, height - y);
            const strip = values.subarray(y * width, (y + rows) * width);
            labels.addRows(strip, rows);
            mask.addRows(strip, undefined, undefined, rows);
            y += rows;
          }
          expect(labels.finish()).toEqual(polygonizeLabels(values, { grid, connectivity }));
          expect(mask.finish()).toEqual(polygonizeMask(values, { grid, connectivity }));
        },
      ),
      { numRuns: 60, seed: 8 },
    );
  });
});

describe("polygonizeLabels", () => {
  it("leaves background, NaN and small regions out, and keeps fractions apart", () => {
    const values = Float32Array.of(0, 0.5, 0.5, Number.NaN, -1, 2);
    const grid = gridOf(6, 1);
    const found = (options: object) =>
      polygonizeLabels(values, { grid, ...options }).map(({ value }) => value);
    expect(found({})).toEqual([0.5, -1, 2]);
    expect(found({ background: [-1, 2] })).toEqual([0, 0.5]);
    expect(found({ minPixels: 2 })).toEqual([0.5]);
  });

  it("refuses wrong sizes and missing rows", () => {
    const polygonizer = beginPolygonizeLabels({ grid: gridOf(2, 2) });
    expect(() => polygonizer.addRows(new Uint8Array(3), 1)).toThrow(/2 x 1 pixels/);
    expect(() => polygonizer.addRows(new Uint8Array(6), 3)).toThrow(/1 to 2 more rows/);
    expect(() => polygonizer.finish()).toThrow(/2 rows before finish/);
  });
});

describe.skipIf(!hasGdal("labels against gdal_polygonize"))("gdal_polygonize", () => {
  it("finds the same regions, values and edges on random rasters, and OGR calls ours valid", () => {
    const rng = seededRng("labels");
    const cases = Array.from({ length: 80 }, (_, index) => {
      const [width, height, kinds] = [1 + rng.int(20), 1 + rng.int(20), 2 + rng.int(4)];
      const values = Array.from({ length: width * height }, () => rng.int(kinds));
      const connectivity: Connectivity = index % 2 === 0 ? 4 : 8;
      const ours = polygonizeLabels(Uint8Array.from(values), {
        grid: gridOf(width, height),
        connectivity,
        background: [],
      });
      return { width, height, values, connectivity, parts: ours.map(({ parts }) => parts), ours };
    });
    const theirs = runGdal<[number, number, boolean][][]>(
      `
import numpy as np
out = []
for case in args:
    w, h = case["width"], case["height"]
    raster = gdal.GetDriverByName("MEM").Create("", w, h, 1, gdal.GDT_Byte)
    raster.SetGeoTransform([0, 1, 0, h, 0, -1])
    raster.GetRasterBand(1).WriteArray(np.array(case["values"], "uint8").reshape(h, w))
    source = ogr.GetDriverByName("Memory").CreateDataSource("")
    layer = source.CreateLayer("x")
    layer.CreateField(ogr.FieldDefn("v", ogr.OFTInteger))
    gdal.Polygonize(raster.GetRasterBand(1), None, layer, 0, ["8CONNECTED=8"] if case["connectivity"] == 8 else [])
    # GDAL's 8-connected rings may cross at a corner, which no overlay takes: compare their boundaries' segments.
    def edges(g):
        s = set()
        for i in range(g.GetGeometryCount()):
            sub = g.GetGeometryRef(i)
            if sub.GetGeometryCount() > 0: s ^= edges(sub); continue
            pts = sub.GetPoints()
            for a, b in zip(pts, pts[1:]):
                n = int(abs(b[0]-a[0]) + abs(b[1]-a[1]))
                for k in range(n):
                    p = (a[0]+(b[0]-a[0])*k/n, a[1]+(b[1]-a[1])*k/n); q = (a[0]+(b[0]-a[0])*(k+1)/n, a[1]+(b[1]-a[1])*(k+1)/n)
                    s ^= {(min(p, q), max(p, q))}
        return s
    theirs = {frozenset(edges(f.GetGeometryRef())): f["v"] for f in layer}
    rows = []
    for parts in case["parts"]:
        own = ogr.CreateGeometryFromJson(json.dumps(dict(type="MultiPolygon", coordinates=parts)))
        rows.append([theirs.get(frozenset(edges(own)), -1), len(theirs), own.IsValid()])
    out.append(rows)
print(json.dumps(out))
`,
      cases.map(({ ours: _, ...rest }) => rest),
    );
    cases.forEach(({ ours }, index) => {
      expect(theirs[index]).toEqual(ours.map(({ value }) => [value, ours.length, true]));
    });
  });
});
