import { createRequire } from "node:module";
import { seededRng } from "@glof/core";
import { describe, expect, it, vi } from "vitest";
import { crsFromEpsg } from "../../crs/crs.js";
import { hasGdal, runGdal } from "../../test_support/gdal.js";
import { useTemporaryFolder } from "../../test_support/temporary_folder.js";
import type { Feature, Position } from "../../types.js";
import { levelSizes } from "./packed_index.js";
import { parseFlatGeobuf, readFlatGeobuf } from "./read_flatgeobuf.js";
import { formatFlatGeobuf, writeFlatGeobuf } from "./write_flatgeobuf.js";

const folder = useTemporaryFolder();
const utm = crsFromEpsg(32645);

function squareRing(x: number, y: number, side: number): Position[] {
  return [
    [x, y],
    [x + side, y],
    [x + side, y + side],
    [x, y + side],
    [x, y],
  ];
}

function randomFeatures(count: number): Feature[] {
  const rng = seededRng(`fgb ${count}`);
  return Array.from({ length: count }, (_, index): Feature => {
    const [x, y, side] = [rng.uniform(4e5, 5e5), rng.uniform(3e6, 3.1e6), rng.uniform(50, 900)];
    const hole = squareRing(x + 10, y + 10, side / 2).reverse();
    const lake = index % 3 === 0 ? [squareRing(x, y, side), hole] : [squareRing(x, y, side)];
    return {
      geometry: index % 5 === 0 ? [lake, [squareRing(x + 2000, y, side)]] : [lake],
      properties: {
        index,
        area: side * side,
        name: index % 2 === 0 ? `Vötn ${index}` : null,
        big: side > 400,
      },
    };
  });
}

const byIndex = (features: readonly Feature[]): Feature[] =>
  [...features].sort((a, b) => Number(a.properties.index) - Number(b.properties.index));

describe("FlatGeobuf", () => {
  it.each([0, 1, 2, 16, 17, 300])("comes back with %i features", async (count) => {
    const features = randomFeatures(count);
    await writeFlatGeobuf(folder.at("lakes.fgb"), { layer: "vötn", crs: utm, features });
    const { layer, crs, features: read } = await readFlatGeobuf(folder.at("lakes.fgb"));
    expect({ layer, crs, features: byIndex(read) }).toEqual({ layer: "vötn", crs: utm, features });
    const plain = parseFlatGeobuf(
      formatFlatGeobuf({ layer: "a", crs: undefined, features }, { index: false }),
    );
    expect(plain).toEqual({ layer: "a", crs: undefined, features });
  });

  it("keeps features without a shape, then without an index", () => {
    const features = [...randomFeatures(2), { geometry: [], properties: { index: 2, note: "gone" } }];
    const { features: read } = parseFlatGeobuf(formatFlatGeobuf({ layer: "a", crs: utm, features }));
    expect(read.map(({ geometry }) => geometry.length)).toEqual([2, 1, 0]);
    expect(read[2]!.properties).toEqual({ index: 2, area: null, name: null, big: null, note: "gone" });
  });

  it("refuses other files, files cut short and wild counts", () => {
    const bytes = formatFlatGeobuf({ layer: "a", crs: utm, features: randomFeatures(20) });
    expect(() => parseFlatGeobuf(new Uint8Array(40))).toThrow(/version 3/);
    for (const length of [8, 11, 100, bytes.length - 3]) {
      expect(() => parseFlatGeobuf(bytes.subarray(0, length))).toThrow(/whole FlatGeobuf/);
    }
    expect(() =>
      formatFlatGeobuf({ layer: "a", crs: { ...utm, epsg: undefined, name: "own" }, features: [] }),
    ).toThrow(/own/);
  });

  it("counts the index's levels as the format does", () => {
    expect([1, 2, 16, 17, 257].map((count) => levelSizes(count, 16))).toEqual([
      [1, 1],
      [1, 2],
      [1, 16],
      [1, 2, 17],
      [1, 2, 17, 257],
    ]);
  });
});

describe("the flatgeobuf package", () => {
  it("reads our files, whole and by place", async () => {
    // It reports each step of a search.
    vi.spyOn(console, "debug").mockImplementation(() => undefined);
    const { deserialize } = (await import(
      createRequire(import.meta.url).resolve("flatgeobuf/lib/mjs/geojson.js")
    )) as {
      deserialize: (
        bytes: Uint8Array,
        options?: unknown,
      ) => AsyncIterable<{ properties: Feature["properties"] }>;
    };
    const features = randomFeatures(300);
    const bytes = formatFlatGeobuf({ layer: "lakes", crs: utm, features });
    const indices = async (rect?: object): Promise<number[]> => {
      const found: number[] = [];
      for await (const { properties } of deserialize(bytes, { rect })) found.push(Number(properties.index));
      return found.sort((a, b) => a - b);
    };
    expect(await indices()).toEqual(features.map((_, index) => index));
    const [minX, maxX, minY, maxY] = [420_000, 450_000, 3_020_000, 3_050_000];
    const meets = features.filter(({ geometry }) => {
      const xs = geometry.flat(2).map(([x]) => x);
      const ys = geometry.flat(2).map(([, y]) => y);
      return (
        Math.max(...xs) >= minX &&
        Math.min(...xs) <= maxX &&
        Math.max(...ys) >= minY &&
        Math.min(...ys) <= maxY
      );
    });
    expect(meets.length).toBeGreaterThan(10);
    expect(await indices({ minX, maxX, minY, maxY })).toEqual(
      meets.map(({ properties }) => properties.index),
    );
  });
});

describe.skipIf(!hasGdal("FlatGeobuf against OGR"))("OGR", () => {
  it("reads ours and writes what we read", async () => {
    const features = randomFeatures(300);
    await writeFlatGeobuf(folder.at("ours.fgb"), { layer: "lakes", crs: utm, features });
    const summary = runGdal<Record<string, unknown>>(
      `
gdal.UseExceptions()
ours, theirs = args
ds = ogr.Open(ours)
layer = ds.GetLayer(0)
d = layer.GetLayerDefn()
rows = {f["index"]: dict(f.items(), area_=f.GetGeometryRef().GetArea(), valid=f.GetGeometryRef().IsValid()) for f in layer}
layer.SetSpatialFilterRect(420000, 3020000, 450000, 3050000)
box = (420000, 450000, 3020000, 3050000)
found = sorted(f["index"] for f in layer)
layer.SetSpatialFilter(None)
brute = sorted(f["index"] for f in layer for e in [f.GetGeometryRef().GetEnvelope()] if e[0] <= box[1] and e[1] >= box[0] and e[2] <= box[3] and e[3] >= box[2])
gdal.VectorTranslate(theirs, ours, format="FlatGeobuf")
print(json.dumps(dict(name=layer.GetName(), epsg=layer.GetSpatialRef().GetAuthorityCode(None), rows=[rows[i] for i in sorted(rows)],
  extent=layer.GetExtent(), fast=layer.TestCapability("FastSpatialFilter"), same=set(found) <= set(brute) and len(found) > 10,
  types=[d.GetFieldDefn(i).GetFieldTypeName(d.GetFieldDefn(i).GetType()) for i in range(d.GetFieldCount())])))
`,
      [folder.at("ours.fgb"), folder.at("theirs.fgb")],
    );
    expect(summary).toMatchObject({
      name: "lakes",
      epsg: "32645",
      fast: true,
      same: true,
      types: ["Integer64", "Real", "String", "Integer"],
    });
    const rows = summary.rows as Record<string, unknown>[];
    expect(rows.map(({ name, area }) => [name, area])).toEqual(
      features.map(({ properties }) => [properties.name, properties.area]),
    );
    const theirs = await readFlatGeobuf(folder.at("theirs.fgb"));
    expect(theirs.crs).toEqual(utm);
    expect(byIndex(theirs.features)).toEqual(features);
  });
});
