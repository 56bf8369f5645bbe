import {
  crsFromEpsg,
  type Feature,
  formatFlatGeobuf,
  formatGeoJson,
  formatGeoPackage,
  geodesicArea,
  type Position,
  parseGeoJson,
  parseShapefile,
  parseVectors,
  type VectorLayer,
} from "../../../packages/geo/src/index.js";
import { zippedShapefile } from "../../../packages/geo/src/test_support/zipped_shapefile.js";
import { unzip } from "../../../packages/geo/src/vector/shapefile/unzip.js";
import { testZip } from "../../../packages/sentinel2/src/safe/test_zip.js";
import { type FuzzTarget, type InputFiles, oneFile, onlyBytes, onlyText } from "../fuzz_target.js";
import { sharedFiles } from "../seed_files.js";

const utm = crsFromEpsg(32645);

/** A ring of `corners` positions around a point, in metres. */
const ring = (x: number, y: number, radius: number, corners: number): Position[] =>
  Array.from({ length: corners + 1 }, (_, corner) => {
    const angle = (2 * Math.PI * (corner % corners)) / corners;
    return [x + radius * Math.cos(angle), y + radius * Math.sin(angle)] as const;
  });

const lakes: readonly Feature[] = [
  {
    geometry: [[ring(483_000, 3_095_000, 500, 8), ring(483_000, 3_095_000, 100, 4).reverse()]],
    properties: { id: 1, name: "Imja Tsho", areaM2: 1.25e6, frozen: false },
  },
  {
    geometry: [[ring(484_000, 3_096_000, 50, 5)], [ring(484_500, 3_096_000, 60, 6)]],
    properties: { id: 2, name: null },
  },
];
const layer: VectorLayer = { layer: "lakes", crs: utm, features: lakes };

/** Reads all layers, brings them to degrees and measures them, as mapping does with areas of interest. */
async function useVectors(bytes: Uint8Array, name: string): Promise<void> {
  const layers = await parseVectors(bytes, name);
  for (const { crs } of layers) if (crs === undefined) return;
  for (const { features } of await parseVectors(bytes, name, { crs: crsFromEpsg(4326) })) {
    for (const { geometry } of features.slice(0, 50))
      for (const polygon of geometry.slice(0, 50)) geodesicArea(polygon);
  }
}

const run =
  (name: string) =>
  async (files: InputFiles): Promise<void> =>
    useVectors(onlyBytes(files), name);

async function shapefileSeeds(): Promise<InputFiles[]> {
  const files = await unzip(zippedShapefile(), "vatn.zip", () => true);
  return [new Map([...files].map(([name, content]) => [name.replace(/^.*\//, ""), content]))];
}

async function archiveSeeds(): Promise<InputFiles[]> {
  const json = new TextEncoder().encode(formatGeoJson(lakes, { crs: utm }));
  const both = new Map([
    ["lakes.geojson", json],
    ["lakes.fgb", formatFlatGeobuf(layer)],
  ]);
  return [zippedShapefile(), testZip(both), testZip(both, { packed: true })].map((zip) =>
    oneFile("vectors.zip", zip),
  );
}

/** Readers of outlines. */
export const vectorTargets: Readonly<Record<string, FuzzTarget>> = {
  geojson: {
    about: "GeoJSON, also with the old CRS member",
    seeds: async () => [
      oneFile("a.geojson", formatGeoJson(lakes, { crs: utm })),
      oneFile(
        "b.geojson",
        JSON.stringify({
          ...JSON.parse(formatGeoJson(lakes, { crs: utm })),
          crs: { type: "name", properties: { name: "urn:ogc:def:crs:EPSG::32645" } },
        }),
      ),
      oneFile(
        "c.geojson",
        JSON.stringify({
          type: "Polygon",
          coordinates: [
            [
              [1, 2],
              [3, 2],
              [3, 4],
              [1, 2],
            ],
          ],
        }),
      ),
      ...sharedFiles("data/sen1floods11_spain", /\.geojson$/),
    ],
    run: async (files) => {
      parseGeoJson(onlyText(files));
      await useVectors(onlyBytes(files), "a.geojson");
    },
  },
  geopackage: {
    about: "GeoPackage (SQLite)",
    seeds: async () => [
      oneFile("a.gpkg", await formatGeoPackage([layer], { lastChange: new Date(0) })),
      oneFile("b.gpkg", await formatGeoPackage([{ ...layer, crs: undefined }], { lastChange: new Date(0) })),
      ...sharedFiles("data/iceland_lakes_1985_2026", /glacial_lakes_19\d\d\.gpkg$/, 150_000).slice(0, 3),
    ],
    run: run("a.gpkg"),
  },
  shapefile: {
    about: "the files of a shapefile",
    seeds: shapefileSeeds,
    run: async (files) => {
      const part = (ending: string): Uint8Array | undefined =>
        [...files].find(([name]) => name.endsWith(ending))?.[1];
      parseShapefile({
        shp: part(".shp") ?? new Uint8Array(0),
        dbf: part(".dbf"),
        prj: part(".prj"),
        cpg: part(".cpg"),
      });
    },
  },
  flatgeobuf: {
    about: "FlatGeobuf with and without its index",
    seeds: async () => [
      oneFile("a.fgb", formatFlatGeobuf(layer)),
      oneFile("b.fgb", formatFlatGeobuf(layer, { index: false })),
    ],
    run: run("a.fgb"),
  },
  "vector-zip": {
    about: "zipped shapefiles, GeoJSON and FlatGeobuf",
    seeds: archiveSeeds,
    run: run("vectors.zip"),
  },
};
