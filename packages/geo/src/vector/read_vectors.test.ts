import { writeFile } from "node:fs/promises";
import { type GlofError, isGlofError } from "@glof/core";
import { hasShared, sharedPath } from "@glof/test-kit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crsFromEpsg, WGS84 } from "../crs/crs.js";
import { geodesicArea, planarArea, signedArea } from "../measure/areas.js";
import { useTemporaryFolder } from "../test_support/temporary_folder.js";
import { zippedShapefile } from "../test_support/zipped_shapefile.js";
import type { Feature } from "../types.js";
import { formatFlatGeobuf } from "./flatgeobuf/write_flatgeobuf.js";
import { formatGeoPackage, writeGeoPackage } from "./geopackage/write_geopackage.js";
import { parseVectors, readVectors } from "./read_vectors.js";
import { parseShapefile } from "./shapefile/parse_shapefile.js";
import { parsePrj } from "./shapefile/read_prj.js";
import { unzip } from "./shapefile/unzip.js";
import { writeGeoJson } from "./write_geojson.js";

const folder = useTemporaryFolder();
const utm = crsFromEpsg(32627);
const square: Feature = {
  geometry: [
    [
      [
        [6e5, 7.1e6],
        [6.01e5, 7.1e6],
        [6.01e5, 7.101e6],
        [6e5, 7.101e6],
        [6e5, 7.1e6],
      ],
    ],
  ],
  properties: { name: "a" },
};

describe("shapefiles", () => {
  it("come zipped: CRS, encoding, types, holes and islands", async () => {
    const [layer, ...others] = await parseVectors(zippedShapefile(), "vatn.zip");
    expect(others).toEqual([]);
    expect(layer).toMatchObject({ layer: "vatn", crs: utm });
    expect(layer!.features.map(({ properties }) => properties)).toEqual([
      { name: "Jökulsárlón", area: 12.5, n: 7, day: "2024-08-01", ok: 1 },
      { name: null, area: null, n: null, day: null, ok: null },
      { name: "empty", area: 0.001, n: -3, day: "1985-07-09", ok: 0 },
    ]);
    // ogrinfo: POLYGON with a hole of 4; three parts, the first with a hole of 36; none.
    const areas = layer!.features.map(({ geometry }) => geometry.map((rings) => rings.map(signedArea)));
    expect(areas).toEqual([[[100, -4]], [[100, -36], [4], [50]], []]);
  });

  it("come as files side by side, and alone without attributes", async () => {
    const parts = await unzip(zippedShapefile(), "vatn.zip", () => true);
    const write = (ending: string): Promise<void> =>
      writeFile(folder.at(`lakes.${ending.toUpperCase()}`), parts.get(`data/vatn.${ending}`)!);
    await Promise.all(["shp", "dbf", "prj", "cpg"].map(write));
    const [layer] = await readVectors(folder.at("lakes.SHP"));
    expect(layer).toMatchObject({ layer: "lakes", crs: utm });
    expect(layer!.features[0]!.properties.name).toBe("Jökulsárlón");
    const alone = parseShapefile({ shp: parts.get("data/vatn.shp")! });
    expect(alone.crs).toBeUndefined();
    expect(alone.features.map(({ properties }) => properties)).toEqual([{}, {}, {}]);
  });

  it.each([
    ['GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]]]', 4326],
    ['PROJCS["WGS_1984_UTM_Zone_45N",GEOGCS["GCS_WGS_1984"]]', 32645],
    ['PROJCS["ETRS_1989_UTM_Zone_32N",GEOGCS["GCS_ETRS_1989"]]', 25832],
    ['PROJCS["NSIDC north",GEOGCS["WGS 84",AUTHORITY["EPSG","4326"]],AUTHORITY["EPSG","3413"]]', 3413],
    ['PROJCS["CH1903+_LV95",GEOGCS["GCS_CH1903+"]]', 2056],
    ['PROJCS["Own",GEOGCS["WGS 84",AUTHORITY["EPSG","4326"]],UNIT["metre",1]]', undefined],
  ])("name their CRS: %s", (text, epsg) => {
    expect(parsePrj(text)?.epsg).toBe(epsg);
  });
});

describe("readVectors", () => {
  it("tells formats by their first bytes, picks a layer, and reprojects when asked", async () => {
    await writeGeoPackage(folder.at("two.dat"), [
      { layer: "a", crs: utm, features: [square] },
      { layer: "b", crs: undefined, features: [square] },
    ]);
    const layers = await readVectors(folder.at("two.dat"));
    expect(layers.map(({ layer, crs }) => [layer, crs?.epsg])).toEqual([
      ["a", 32627],
      ["b", undefined],
    ]);
    const [lonLat] = await readVectors(folder.at("two.dat"), { layer: "a", crs: WGS84 });
    expect(geodesicArea(lonLat!.features[0]!.geometry[0]!)).toBeCloseTo(1_000_551, -1);
    await writeGeoJson(folder.at("one.json"), [square], { crs: utm, name: "one" });
    const [back] = await readVectors(folder.at("one.json"), { crs: utm });
    expect(back).toMatchObject({ layer: "one", crs: utm });
    expect(planarArea(back!.features[0]!.geometry[0]!)).toBeCloseTo(1e6, -2);
    const fgb = formatFlatGeobuf({ layer: "f", crs: utm, features: [square] });
    expect(await parseVectors(fgb)).toEqual([{ layer: "f", crs: utm, features: [square] }]);
  });

  it("refuses what it cannot do", async () => {
    const gpkg = await formatGeoPackage([{ layer: "b", crs: undefined, features: [square] }]);
    const refusal = (work: Promise<unknown>): Promise<unknown> =>
      work.then(
        () => "none",
        (error: GlofError) => error.code,
      );
    expect(await refusal(parseVectors(gpkg, "x", { layer: "a" }))).toBe("bad-argument");
    expect(await refusal(parseVectors(gpkg, "x", { crs: WGS84 }))).toBe("missing-crs");
    expect(await refusal(parseVectors(new TextEncoder().encode("hello")))).toBe("unsupported-format");
    expect(await refusal(parseVectors(new Uint8Array()))).toBe("unsupported-format");
    expect(await refusal(readVectors(folder.at("absent.gpkg")))).toBe("not-found");
    expect(await refusal(readVectors(folder.at("x"), { signal: AbortSignal.abort() }))).toBe("aborted");
  });
});

describe("damaged files", () => {
  it("among them an archive whose packed bytes make no sense", async () => {
    const bytes = zippedShapefile();
    bytes[Math.floor(0.2735655737704918 * bytes.length)] = 0;
    await expect(parseVectors(bytes)).rejects.toMatchObject({ code: "corrupt-file" });
  });

  it("end in a GlofError or in features, whatever the bytes", { timeout: 60_000 }, async () => {
    const features = [square, { geometry: [], properties: { name: null, n: 3 } }];
    const layer = { layer: "a", crs: utm, features };
    const parts = await unzip(zippedShapefile(), "vatn.zip", () => true);
    const geojson = `{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"a":1},"geometry":{"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[1,1],[0,0]]]]}}]}`;
    const seeds: readonly Uint8Array[] = [
      zippedShapefile(),
      await formatGeoPackage([layer]),
      formatFlatGeobuf({ ...layer, features: [square, square] }),
      parts.get("data/vatn.shp")!,
      new TextEncoder().encode(geojson),
    ];
    const damage = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255)), {
      maxLength: 8,
    });
    const property = fc.asyncProperty(
      fc.nat(seeds.length - 1),
      damage,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.boolean(),
      async (which, changes, cut, isCut) => {
        const bytes = seeds[which]!.slice(0, isCut ? Math.floor(cut * seeds[which]!.length) : undefined);
        for (const [place, value] of changes) bytes[Math.floor(place * bytes.length)] = value;
        await onlyGlofErrors(() => parseVectors(bytes));
        if (which === 3) {
          const table = parts.get("data/vatn.dbf")!.slice();
          for (const [place, value] of changes) table[Math.floor(place * table.length)] = value;
          await onlyGlofErrors(async () =>
            parseShapefile({ shp: seeds[3]!, dbf: table, cpg: bytes, prj: bytes }),
          );
        }
      },
    );
    await fc.assert(property, { numRuns: 1200, seed: 20_261_121 });
  });
});

async function onlyGlofErrors(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isGlofError(error)) throw error;
  }
}

const everest = "data/everest_exploradores_glaciohack";
describe.skipIf(!hasShared(everest))("real outlines", () => {
  it("of the Randolph Glacier Inventory have GDAL's count and area", async () => {
    const [layer] = await readVectors(sharedPath(`${everest}/15_rgi60_glacier_outlines.gpkg`));
    expect(layer!.crs).toEqual(WGS84);
    expect(layer!.features).toHaveLength(86);
    const areas = layer!.features.map(
      ({ geometry }) => geometry.reduce((sum, p) => sum + geodesicArea(p), 0) / 1e6,
    );
    const own = layer!.features.map(({ properties }) => Number(properties.Area));
    areas.forEach((area, index) => {
      expect(Math.abs(area - own[index]!)).toBeLessThan(0.02 * own[index]! + 0.001);
    });
  });
});
