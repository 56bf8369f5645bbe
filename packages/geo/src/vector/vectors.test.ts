import { readdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { seededRng } from "@glof/core";
import { describe, expect, it } from "vitest";
import { crsFromEpsg, WGS84 } from "../crs/crs.js";
import { projector } from "../crs/projector.js";
import { planarArea, signedArea } from "../measure/areas.js";
import { polygonizeMask } from "../outline/begin_polygonize.js";
import { hasGdal, runGdal } from "../test_support/gdal.js";
import { drawMask, randomMask } from "../test_support/masks.js";
import { useTemporaryFolder } from "../test_support/temporary_folder.js";
import type { Feature, RasterGrid } from "../types.js";
import { parseGeoPackage, readGeoPackage } from "./geopackage/read_geopackage.js";
import type { VectorLayer } from "./geopackage/vector_layer.js";
import { formatGeoPackage, writeGeoPackage } from "./geopackage/write_geopackage.js";
import { rasterizePolygons } from "./rasterize_polygons.js";
import { parseGeoJson, readGeoJson } from "./read_geojson.js";
import { formatGeoJson, writeGeoJson } from "./write_geojson.js";

const folder = useTemporaryFolder();
const utm = crsFromEpsg(32645);
const grid: RasterGrid = { width: 9, height: 5, geoTransform: [483_000, 10, 0, 3_095_000, 0, -10], crs: utm };
const { mask } = drawMask("###...##.", "#.#...#..", "####.....", ".........", ".......##");
const outlines = polygonizeMask(mask, { grid });
const features: Feature[] = outlines.map(({ id, polygon, pixelCount }) => ({
  geometry: [polygon],
  properties: {
    lake_id: `L"${id}"`,
    area_m2: 100.5 * pixelCount,
    pixels: pixelCount,
    edge: id === 1,
    note: null,
  },
}));

describe("GeoJSON", () => {
  it("is WGS 84, wound by the right-hand rule, with 7 digits and no crs member", () => {
    const clockwise: Feature = {
      geometry: [features[0]!.geometry[0]!.map((ring) => [...ring].reverse())],
      properties: {},
    };
    const json = JSON.parse(formatGeoJson([clockwise], { crs: utm, name: "lakes" }));
    expect(Object.keys(json)).toEqual(["type", "name", "features"]);
    const { type, coordinates } = json.features[0].geometry;
    expect(type).toBe("Polygon");
    expect(coordinates.map((ring: [number, number][]) => Math.sign(signedArea(ring)))).toEqual([1, -1]);
    for (const value of coordinates.flat(2)) expect(Math.round(value * 1e7) / 1e7).toBe(value);
    const [longitude, latitude] = projector(utm, WGS84)(features[0]!.geometry[0]![0]![0]!);
    expect(coordinates[0][0][0]).toBeCloseTo(longitude, 3);
    expect(coordinates[0][0][1]).toBeCloseTo(latitude, 3);
  });

  it("comes back from a file, attributes and all", async () => {
    await writeGeoJson(folder.at("lakes.geojson"), features, { crs: utm, name: "lakes" });
    const table = await readGeoJson(folder.at("lakes.geojson"));
    expect(table).toMatchObject({ name: "lakes", crs: WGS84 });
    expect(table.features.map(({ properties }) => properties)).toEqual(
      features.map(({ properties }) => properties),
    );
    const toUtm = projector(WGS84, utm);
    table.features.forEach(({ geometry }, index) => {
      const area = planarArea(geometry[0]!.map((ring) => ring.map(toUtm)));
      // Seven digits are a centimetre: a part in a thousand of a pixel side.
      expect(area / planarArea(features[index]!.geometry[0]!)).toBeCloseTo(1, 2);
    });
  });

  it("holds no features, no geometry and several polygons", () => {
    expect(JSON.parse(formatGeoJson([], { crs: WGS84 }))).toEqual({
      type: "FeatureCollection",
      features: [],
    });
    const two: Feature = { geometry: [outlines[1]!.polygon, outlines[2]!.polygon], properties: {} };
    const text = formatGeoJson([{ geometry: [], properties: {} }, two], { crs: utm });
    expect(parseGeoJson(text).features.map(({ geometry }) => geometry.length)).toEqual([0, 2]);
  });

  it("reads bare geometries, single features, open rings, nested values and the old crs member", () => {
    const ring = [
      [0, 0],
      [0, 2],
      [2, 2],
    ];
    expect(
      parseGeoJson(JSON.stringify({ type: "Polygon", coordinates: [ring] })).features[0]!.geometry[0]![0],
    ).toHaveLength(4);
    const feature = {
      type: "Feature",
      properties: { a: [1] },
      geometry: { type: "Polygon", coordinates: [ring] },
    };
    expect(parseGeoJson(JSON.stringify(feature)).features[0]!.properties).toEqual({ a: "[1]" });
    const projected = {
      type: "FeatureCollection",
      crs: { type: "name", properties: { name: "urn:ogc:def:crs:EPSG::32645" } },
      features: [{ ...feature, geometry: { type: "Polygon", coordinates: [features[1]!.geometry[0]![0]!] } }],
    };
    const [longitude] = parseGeoJson(JSON.stringify(projected)).features[0]!.geometry[0]![0]![0]!;
    expect(longitude).toBeGreaterThan(86.8);
    expect(longitude).toBeLessThan(86.9);
  });

  it.each([
    ["not json", "corrupt-file"],
    ["[]", "corrupt-file"],
    ['{"type":"FeatureCollection"}', "corrupt-file"],
    ['{"type":"Point","coordinates":[0,0]}', "unsupported-feature"],
    ['{"type":"Polygon","coordinates":[[["a",0],[1,1],[2,2]]]}', "corrupt-file"],
    ['{"type":"Polygon","coordinates":[[[0,0]]]}', "corrupt-file"],
    ['{"type":"Polygon","coordinates":[],"crs":{"properties":{"name":"mars"}}}', "unsupported-feature"],
  ])("refuses %s", (text, code) => {
    expect(() => parseGeoJson(text)).toThrow(expect.objectContaining({ code }));
  });
});

describe("GeoPackage", () => {
  it("comes back layer by layer, types and all", async () => {
    const layers = [
      { layer: "lakes", crs: utm, features },
      { layer: 'odd "name"', crs: undefined, features: [{ geometry: [], properties: { select: 1.5 } }] },
    ];
    await writeGeoPackage(folder.at("gpkg/lakes.gpkg"), layers);
    expect(await readGeoPackage(folder.at("gpkg/lakes.gpkg"))).toEqual(layers);
    expect(await readdir(dirname(folder.at("gpkg/lakes.gpkg")))).toEqual(["lakes.gpkg"]);
  });

  it("is the same byte by byte at a given time", async () => {
    const layers = [{ layer: "lakes", crs: utm, features }];
    const options = { lastChange: new Date(0) };
    expect(await formatGeoPackage(layers, options)).toEqual(await formatGeoPackage(layers, options));
  });

  it("writes outlines as they come, and many layers", async () => {
    const expected = Array.from({ length: 40 }, (_, index) => ({
      layer: `${"a name of some length ".repeat(4)}${index}`,
      crs: index % 2 === 0 ? utm : undefined,
      features: index % 3 === 0 ? [] : features.slice(0, 1),
    }));
    const columns = {
      lake_id: "TEXT",
      area_m2: "REAL",
      pixels: "INTEGER",
      edge: "BOOLEAN",
      note: "TEXT",
    } as const;
    const streamed = expected.map((layer) => ({ ...layer, columns, features: layer.features.values() }));
    expect(await parseGeoPackage(await formatGeoPackage(streamed))).toEqual(expected);
    const untyped = { layer: "a", crs: utm, features: features.values() } as unknown as VectorLayer;
    await expect(formatGeoPackage([untyped])).rejects.toMatchObject({ code: "bad-argument" });
    const aborted = formatGeoPackage([{ layer: "a", crs: utm, features }], { signal: AbortSignal.abort() });
    await expect(aborted).rejects.toMatchObject({ code: "aborted" });
  });

  it("refuses bad names and files that are none", async () => {
    const layer = { crs: utm, features: [] };
    for (const name of ["", "gpkg_x"]) {
      await expect(formatGeoPackage([{ layer: name, ...layer }])).rejects.toMatchObject({
        code: "bad-argument",
      });
    }
    const twice = { layer: "a", crs: utm, features: [{ geometry: [], properties: { a: 1, A: 2 } }] };
    await expect(formatGeoPackage([twice])).rejects.toMatchObject({ code: "bad-argument" });
    await writeFile(folder.at("none.gpkg"), "nothing");
    await expect(readGeoPackage(folder.at("none.gpkg"))).rejects.toMatchObject({
      code: "unsupported-format",
    });
    await expect(readGeoPackage(folder.at("absent.gpkg"))).rejects.toMatchObject({ code: "not-found" });
    const whole = await formatGeoPackage([{ layer: "lakes", crs: utm, features }]);
    await expect(parseGeoPackage(whole.subarray(0, 5000))).rejects.toMatchObject({ code: "corrupt-file" });
  });
});

describe.skipIf(!hasGdal("vector files against OGR"))("OGR", () => {
  it("reads both formats: CRS, columns, areas, validity", async () => {
    await writeGeoJson(folder.at("ogr.geojson"), features, { crs: utm, name: "lakes" });
    await writeGeoPackage(folder.at("ogr.gpkg"), [{ layer: "lakes", crs: utm, features }]);
    const [json, gpkg] = runGdal<Record<string, unknown>[]>(
      `
out = []
for path in args:
    ds = ogr.Open(path)
    layer = ds.GetLayer(0)
    d = layer.GetLayerDefn()
    rows = [dict(f.items(), area=f.GetGeometryRef().GetArea(), valid=f.GetGeometryRef().IsValid()) for f in layer]
    out.append(dict(name=layer.GetName(), epsg=layer.GetSpatialRef().GetAuthorityCode(None), rows=rows,
      extent=layer.GetExtent(), types=[d.GetFieldDefn(i).GetFieldTypeName(d.GetFieldDefn(i).GetType()) for i in range(d.GetFieldCount())]))
print(json.dumps(out))
`,
      [folder.at("ogr.geojson"), folder.at("ogr.gpkg")],
    );
    expect(json).toMatchObject({ name: "lakes", epsg: "4326", rows: features.map(() => ({ valid: true })) });
    expect(gpkg).toMatchObject({
      name: "lakes",
      epsg: "32645",
      types: ["String", "Real", "Integer64", "Integer", "String"],
      extent: [483_000, 483_090, 3_094_950, 3_095_000],
      rows: outlines.map(({ id, pixelCount }) => ({
        lake_id: `L"${id}"`,
        area_m2: 100.5 * pixelCount,
        pixels: pixelCount,
        note: null,
        area: 100 * pixelCount,
        valid: true,
      })),
    });
  });

  it("finds the GeoPackage in order by its own validator's tables", async () => {
    await writeGeoPackage(folder.at("tables.gpkg"), [{ layer: "lakes", crs: utm, features }]);
    const bytes = await readFile(folder.at("tables.gpkg"));
    expect(bytes.subarray(68, 72).toString("latin1")).toBe("GPKG");
    expect(bytes.readUInt32BE(60)).toBe(10300);
  });
});

describe("rasterizePolygons", () => {
  it("gives back the mask that outlines were traced from", () => {
    for (let seed = 0; seed < 40; seed++) {
      const rng = seededRng(`rasterize ${seed}`);
      const [width, height] = [1 + rng.int(30), 1 + rng.int(30)];
      const own: RasterGrid = {
        width,
        height,
        geoTransform: [86.9, 1e-4 / 3, 0, 27.9, 0, -1e-4 / 3],
        crs: WGS84,
      };
      const random = randomMask(width, height, rng.uniform(0.1, 0.9), seed);
      const connectivity = seed % 2 === 0 ? 4 : 8;
      const shapes = polygonizeMask(random, { grid: own, connectivity }).map(({ parts }) => ({
        geometry: parts,
      }));
      expect(rasterizePolygons(shapes, own)).toEqual(random);
    }
  });

  it("follows pixel centres, clips at the raster's edge, and adds features up", () => {
    const triangle = {
      geometry: [
        [
          [
            [-1, 4],
            [5, 4],
            [5, -2],
            [-1, 4],
          ],
        ],
      ] as const,
    };
    const own: RasterGrid = { width: 4, height: 4, geoTransform: [0, 1, 0, 4, 0, -1], crs: undefined };
    const expected = drawMask("####", ".###", "..##", "...#").mask;
    // The slanted edge passes exactly through centres: they belong to the side to its left, as GDAL has it.
    expect(rasterizePolygons([triangle], own)).toEqual(expected);
    expect(rasterizePolygons([triangle, triangle], own)).toEqual(expected);
    expect(rasterizePolygons([], own)).toEqual(new Uint8Array(16));
  });

  it("fills rotated grids too", () => {
    const turned: RasterGrid = { width: 3, height: 3, geoTransform: [0, 0, 1, 0, 1, 0], crs: undefined };
    const lower = {
      geometry: [
        [
          [
            [0, 0],
            [3, 0],
            [3, 1],
            [0, 1],
            [0, 0],
          ],
        ],
      ] as const,
    };
    expect(rasterizePolygons([lower], turned)).toEqual(drawMask("#..", "#..", "#..").mask);
  });
});
