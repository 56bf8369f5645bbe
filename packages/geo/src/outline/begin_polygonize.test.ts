import { isGlofError, seededRng } from "@glof/core";
import { describe, expect, it } from "vitest";
import { hasGdal, runGdal } from "../test_support/gdal.js";
import { drawMask, randomMask } from "../test_support/masks.js";
import type { MultiPolygon, RasterGrid, Ring } from "../types.js";
import { beginPolygonize, polygonizeMask } from "./begin_polygonize.js";
import { type Connectivity, labelComponents } from "./label_components.js";

const gridOf = (width: number, height: number): RasterGrid => ({
  width,
  height,
  geoTransform: [0, 1, 0, height, 0, -1],
  crs: undefined,
});

const signedArea = (ring: Ring): number =>
  ring.slice(1).reduce((sum, [x, y], index) => sum + ring[index]![0] * y - x * ring[index]![1], 0) / 2;
const areaOf = (parts: MultiPolygon): number => parts.flat().reduce((sum, ring) => sum + signedArea(ring), 0);

describe("polygonizeMask", () => {
  it("outlines one pixel counter-clockwise, closed, in map units", () => {
    const grid: RasterGrid = { ...gridOf(3, 3), geoTransform: [100, 10, 0, 200, 0, -10] };
    const [outline] = polygonizeMask(drawMask("...", ".#.", "...").mask, { grid });
    expect(outline!.polygon).toHaveLength(1);
    expect(signedArea(outline!.polygon[0]!)).toBe(100);
    expect(new Set(outline!.polygon[0]!.map(String))).toEqual(
      new Set(["110,190", "120,190", "120,180", "110,180"]),
    );
    expect(outline!.polygon[0]).toHaveLength(5);
    expect(outline!.polygon[0]![0]).toEqual(outline!.polygon[0]![4]);
    expect(outline).toMatchObject({
      id: 1,
      pixelCount: 1,
      validCount: 1,
      touchesEdge: false,
      meanProb: undefined,
    });
  });

  it("keeps only corners as vertices", () => {
    const { mask, width, height } = drawMask("####", "####", "#..#", "####");
    const [outline] = polygonizeMask(mask, { grid: gridOf(width, height) });
    expect(outline!.polygon.map((ring) => ring.length)).toEqual([5, 5]);
    expect(outline!.polygon.map(signedArea)).toEqual([16, -2]);
  });

  it("turns rings the right way on a mirrored grid too", () => {
    const grid: RasterGrid = { ...gridOf(3, 3), geoTransform: [0, 1, 0, 0, 0, 1] };
    const [outline] = polygonizeMask(drawMask("###", "#.#", "###").mask, { grid });
    expect(outline!.polygon.map(signedArea)).toEqual([9, -1]);
  });

  it("makes two lakes of two corners with 4, one with 8", () => {
    const { mask, width, height } = drawMask("#..", ".#.", "..#");
    const grid = gridOf(width, height);
    expect(polygonizeMask(mask, { grid }).map(({ pixelCount }) => pixelCount)).toEqual([1, 1, 1]);
    const [joined, ...others] = polygonizeMask(mask, { grid, connectivity: 8 });
    expect(others).toEqual([]);
    expect(joined).toMatchObject({ pixelCount: 3, touchesEdge: true });
    expect(joined!.parts).toHaveLength(3);
  });

  it("gives a hole that touches the shore at a corner a ring of its own", () => {
    const { mask, width, height } = drawMask("##.#", "#.##", "####");
    const [outline] = polygonizeMask(mask, { grid: gridOf(width, height) });
    expect(outline!.polygon.map(signedArea)).toEqual([11, -1]);
    for (const ring of outline!.polygon) expect(new Set(ring.map(String)).size).toBe(ring.length - 1);
  });

  it("is empty for an empty mask and one rectangle for a full one", () => {
    expect(polygonizeMask(new Uint8Array(12), { grid: gridOf(4, 3) })).toEqual([]);
    const [full] = polygonizeMask(new Uint8Array(12).fill(1), { grid: gridOf(4, 3) });
    expect(full!.polygon.map((ring) => ring.length)).toEqual([5]);
  });

  it("counts only ones: no-data pixels of 255 are outside", () => {
    expect(
      polygonizeMask(Uint8Array.of(255, 1, 0, 2), { grid: gridOf(4, 1) }).map((o) => o.pixelCount),
    ).toEqual([1]);
  });

  it("drops small regions when asked, and numbers the rest", () => {
    const { mask, width, height } = drawMask("#.##", "....", "##.#");
    const outlines = polygonizeMask(mask, { grid: gridOf(width, height), minPixels: 2 });
    expect(outlines.map(({ id, pixelCount }) => [id, pixelCount])).toEqual([
      [1, 2],
      [2, 2],
    ]);
  });
});

describe("random masks", () => {
  const cases = Array.from({ length: 60 }, (_, seed) => {
    const rng = seededRng(`polygonize ${seed}`);
    return { seed, width: 1 + rng.int(24), height: 1 + rng.int(24), density: rng.uniform(0.1, 0.9) };
  });

  it.each([4, 8] as Connectivity[])(
    "have one outline per region of the same area, %i-connected",
    (connectivity) => {
      for (const { seed, width, height, density } of cases) {
        const mask = randomMask(width, height, density, seed);
        const { count, pixelCounts } = labelComponents(mask, width, height, { connectivity });
        const outlines = polygonizeMask(mask, { grid: gridOf(width, height), connectivity });
        expect(outlines.map(({ pixelCount }) => pixelCount)).toEqual([...pixelCounts.subarray(1)]);
        expect(outlines).toHaveLength(count);
        for (const { parts, pixelCount } of outlines) {
          expect(areaOf(parts)).toBe(pixelCount);
          for (const polygon of parts) {
            expect(polygon.map((ring) => Math.sign(signedArea(ring)))).toEqual(
              polygon.map((_, at) => (at === 0 ? 1 : -1)),
            );
            for (const ring of polygon) expect(new Set(ring.map(String)).size).toBe(ring.length - 1);
          }
        }
      }
    },
  );

  it("give the same whatever the strips", () => {
    for (const { seed, width, height, density } of cases) {
      const mask = randomMask(width, height, density, seed);
      const prob = Float32Array.from(mask, (_, index) => (index % 16) / 16);
      const valid = randomMask(width, height, 0.8, `valid ${seed}`);
      const grid = gridOf(width, height);
      const [whole, strips] = [beginPolygonize({ grid }), beginPolygonize({ grid })];
      whole.addRows(mask, prob, valid, height);
      for (let y = 0; y < height; y += 3) {
        const rows = Math.min(3, height - y);
        const part = <T extends Uint8Array | Float32Array>(all: T) =>
          all.subarray(y * width, (y + rows) * width) as T;
        strips.addRows(part(mask), part(prob), part(valid), rows);
      }
      expect(strips.finish()).toEqual(whole.finish());
    }
  });

  it("sum what a count by labels sums", () => {
    for (const { seed, width, height, density } of cases) {
      const mask = randomMask(width, height, density, seed);
      const prob = Float32Array.from(mask, (_, index) => (index % 5 === 0 ? Number.NaN : (index % 16) / 16));
      const valid = randomMask(width, height, 0.8, `valid ${seed}`);
      const { labels } = labelComponents(mask, width, height);
      const polygonizer = beginPolygonize({ grid: gridOf(width, height) });
      polygonizer.addRows(mask, prob, valid, height);
      for (const outline of polygonizer.finish()) {
        const own = [...labels.keys()].filter((index) => labels[index] === outline.id);
        const counted = own.filter((index) => valid[index] === 1 && !Number.isNaN(prob[index]));
        expect(outline.probSum).toBe(counted.reduce((sum, index) => sum + prob[index]!, 0));
        expect(outline.validCount).toBe(own.filter((index) => valid[index] === 1).length);
        const places = own.map((index) => [index % width, Math.floor(index / width)] as const);
        expect(outline.touchesEdge).toBe(
          places.some(([x, y]) => x === 0 || y === 0 || x === width - 1 || y === height - 1),
        );
        const isGap = (x: number, y: number) =>
          x >= 0 &&
          y >= 0 &&
          x < width &&
          y < height &&
          valid[y * width + x] === 0 &&
          mask[y * width + x] === 0;
        const sides = places.flatMap(([x, y]) => [
          isGap(x - 1, y),
          isGap(x + 1, y),
          isGap(x, y - 1),
          isGap(x, y + 1),
        ]);
        expect(outline.noDataNeighbours).toBe(sides.filter(Boolean).length);
        expect(outline.touchesNoData).toBe(sides.includes(true) || own.some((index) => valid[index] === 0));
      }
    }
  });
});

describe.skipIf(!hasGdal("outlines against gdal_polygonize"))("GDAL", () => {
  it("calls every outline valid and makes the same ones", () => {
    const cases = [4, 8].flatMap((connectivity) =>
      Array.from({ length: 40 }, (_, seed) => {
        const rng = seededRng(`gdal ${seed}`);
        const [width, height] = [2 + rng.int(40), 2 + rng.int(40)];
        const mask = randomMask(width, height, rng.uniform(0.2, 0.8), seed);
        const outlines = polygonizeMask(mask, {
          grid: gridOf(width, height),
          connectivity: connectivity as Connectivity,
        });
        return { width, height, connectivity, mask: [...mask], outlines: outlines.map(({ parts }) => parts) };
      }),
    );
    const report = runGdal<{ invalid: number; different: number; outlines: number }>(
      `
import numpy as np
ogr.UseExceptions()
gdal.PushErrorHandler('CPLQuietErrorHandler')
invalid = different = total = 0
for case in args:
    w, h = case['width'], case['height']
    src = gdal.GetDriverByName('MEM').Create('', w, h, 1)
    src.SetGeoTransform([0, 1, 0, h, 0, -1])
    src.GetRasterBand(1).WriteArray(np.array(case['mask'], 'u1').reshape(h, w))
    out = ogr.GetDriverByName('Memory').CreateDataSource('')
    layer = out.CreateLayer('x')
    options = ['8CONNECTED=8'] if case['connectivity'] == 8 else []
    gdal.Polygonize(src.GetRasterBand(1), src.GetRasterBand(1), layer, -1, options)
    theirs = [f.GetGeometryRef().Clone() for f in layer]
    ours = [ogr.CreateGeometryFromJson(json.dumps(dict(type='MultiPolygon', coordinates=parts))) for parts in case['outlines']]
    total += len(ours)
    invalid += sum(not g.IsValid() for g in ours)
    if len(ours) != len(theirs): different += 1
    # Pinched rings of older GDALs are invalid: mend them before comparing.
    key = lambda g: (g.GetEnvelope(), g.Area())
    ours.sort(key=key); theirs = sorted((g if g.IsValid() else g.MakeValid() for g in theirs), key=key)
    for a in ours:
        same = [b for b in theirs if key(b) == key(a)]
        if not any(a.SymDifference(b).Area() == 0 for b in same): different += 1
print(json.dumps(dict(invalid=invalid, different=different, outlines=total)))
`,
      cases,
    );
    expect(report).toMatchObject({ invalid: 0, different: 0 });
    expect(report.outlines).toBeGreaterThan(2000);
  });
});

describe("misuse", () => {
  const polygonizer = () => beginPolygonize({ grid: gridOf(4, 2) });
  it("refuses arrays of other sizes, too many and too few rows", () => {
    const call = (fn: () => unknown) => {
      try {
        fn();
      } catch (error) {
        return isGlofError(error) ? error.code : "not a GlofError";
      }
      return "no error";
    };
    expect(call(() => polygonizer().addRows(new Uint8Array(5), undefined, undefined, 1))).toBe(
      "shape-mismatch",
    );
    expect(call(() => polygonizer().addRows(new Uint8Array(4), new Float32Array(3), undefined, 1))).toBe(
      "shape-mismatch",
    );
    expect(call(() => polygonizer().addRows(new Uint8Array(12), undefined, undefined, 3))).toBe(
      "bad-argument",
    );
    expect(call(() => polygonizer().finish())).toBe("bad-argument");
  });
});
