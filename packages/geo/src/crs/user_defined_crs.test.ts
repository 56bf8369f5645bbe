import { describe, expect, it } from "vitest";
import { beginCog } from "../cog/begin_cog.js";
import { openRaster } from "../raster/open_raster.js";
import { hasGdal, runGdal } from "../test_support/gdal.js";
import { useTemporaryFolder } from "../test_support/temporary_folder.js";
import type { Crs } from "../types.js";
import { crsFromEpsg, WGS84 } from "./crs.js";
import { crsFromGeoKeys } from "./geo_keys.js";
import { projector } from "./projector.js";

const folder = useTemporaryFolder();

/** A proj string, and where PROJ 9.1 (gdaltransform) puts the position 300000, 200000 of it. */
const cases: readonly (readonly [proj4: string, longitude: number, latitude: number])[] = [
  [
    "+proj=tmerc +lat_0=31 +lon_0=87.5 +k=0.9999 +x_0=250000 +y_0=1000 +datum=WGS84 +units=m",
    88.0338384139417,
    32.7936929642068,
  ],
  [
    "+proj=lcc +lat_0=40 +lon_0=87 +lat_1=35 +lat_2=45 +x_0=1000 +y_0=2000 +ellps=GRS80 +towgs84=0,0,0,0,0,0,0 +units=m",
    90.6071370885642,
    41.7347443281977,
  ],
  [
    "+proj=lcc +lat_1=64 +lat_0=64 +lon_0=-19 +k_0=0.99 +x_0=500000 +y_0=0 +ellps=intl +units=m",
    -23.4072444191213,
    65.7489741716196,
  ],
  [
    "+proj=aea +lat_0=10 +lon_0=85 +lat_1=25 +lat_2=47 +x_0=5 +y_0=6 +datum=WGS84 +units=us-ft",
    85.7843492151853,
    10.5845230292319,
  ],
  ["+proj=laea +lat_0=30 +lon_0=85 +x_0=1 +y_0=2 +datum=WGS84 +units=m", 88.1670670143962, 31.7663209471388],
  [
    "+proj=stere +lat_0=90 +lat_ts=71 +lon_0=-39 +x_0=0 +y_0=0 +datum=WGS84 +units=m",
    84.6900675259798,
    86.6824633534283,
  ],
  [
    "+proj=stere +lat_0=-90 +lon_0=10 +k=0.97 +x_0=2000000 +y_0=2000000 +datum=WGS84 +units=m",
    -126.636577041617,
    -67.4323354676257,
  ],
  [
    "+proj=stere +lat_0=20 +lon_0=85 +k=0.99 +x_0=1 +y_0=2 +datum=WGS84 +units=m",
    87.9291472224933,
    21.7996264493941,
  ],
  ["+proj=merc +lon_0=90 +k=0.9 +x_0=3 +y_0=4 +ellps=bessel +units=m", 92.994701713084, 2.00944485],
  ["+proj=merc +lon_0=90 +lat_ts=41 +x_0=3 +y_0=4 +datum=WGS84 +units=m", 93.5656544832374, 2.39239473507355],
  [
    "+proj=eqc +lat_0=0 +lon_0=85 +lat_ts=30 +x_0=1 +y_0=2 +datum=WGS84 +units=m",
    88.1118450537699,
    1.79661260193336,
  ],
  [
    "+proj=sinu +lon_0=20 +x_0=1 +y_0=2 +a=6371007.181 +b=6371007.181 +units=m",
    22.699282680014,
    1.79862319810771,
  ],
  ["+proj=cea +lon_0=5 +lat_ts=30 +x_0=0 +y_0=0 +datum=WGS84 +units=m", 8.10925034336384, 1.56791674631593],
  ["+proj=aeqd +lat_0=50 +lon_0=85 +x_0=0 +y_0=0 +datum=WGS84 +units=m", 89.3429196453746, 51.7188367460765],
  [
    "+proj=sterea +lat_0=46 +lon_0=25 +k=0.99975 +x_0=500000 +y_0=500000 +ellps=krass +towgs84=28,-121,-77,0,0,0,0 +units=m",
    22.5354338106602,
    43.2726617205481,
  ],
  ["+proj=utm +zone=45 +ellps=krass +units=m", 85.2020877114174, 1.80852814208965],
];

const crsOf = (proj4: string): Crs => ({
  epsg: undefined,
  geographic: proj4.includes("longlat"),
  proj4,
  name: "Lake grid",
});

async function throughFile(proj4: string, name: string): Promise<Crs | undefined> {
  const grid = { width: 16, height: 16, geoTransform: [0, 10, 0, 160, 0, -10], crs: crsOf(proj4) } as const;
  const cog = await beginCog(folder.at(name), {
    grid,
    dtype: "uint8",
    bandNames: ["a"],
    overviews: "nearest",
  });
  await cog.writeRows([new Uint8Array(256)], 16);
  await cog.close();
  const raster = await openRaster(folder.at(name));
  await raster.close();
  return raster.grid.crs;
}

/** Parameters of a proj string, numbers as numbers. */
const parameters = (proj4: string): Record<string, number | string> =>
  Object.fromEntries(
    proj4
      .split(" ")
      .filter((part) => part !== "+no_defs")
      .map((part) => {
        const [name, value = ""] = part.slice(1).split("=");
        return [
          name!,
          value === "" || Number.isNaN(Number(value)) ? value : Number(Number(value).toFixed(9)),
        ];
      }),
  );

describe("user-defined CRSs", () => {
  it.each(cases)("writes and reads %s, and puts it where PROJ does", async (proj4, longitude, latitude) => {
    const crs = (await throughFile(proj4, "user.tif"))!;
    expect(crs).toMatchObject({ epsg: undefined, geographic: false, name: "Lake grid" });
    expect(parameters(crs.proj4)).toEqual(parameters(proj4));
    const [x, y] = projector(crs, WGS84)([300_000, 200_000]);
    expect(x).toBeCloseTo(longitude, 7);
    expect(y).toBeCloseTo(latitude, 7);
  });

  it("reads units, meridians and origins in other keys", () => {
    const base = { GTModelTypeGeoKey: 1, GeographicTypeGeoKey: 4326, ProjectedCSTypeGeoKey: 32767 };
    const feet = {
      ...base,
      ProjCoordTransGeoKey: 11,
      ProjLinearUnitsGeoKey: 9002,
      ProjFalseOriginLatGeoKey: 23,
      ProjFalseOriginLongGeoKey: -96,
      ProjStdParallel1GeoKey: 29.5,
      ProjStdParallel2GeoKey: 45.5,
      ProjFalseOriginEastingGeoKey: 1000,
    };
    expect(crsFromGeoKeys(feet)?.proj4).toBe(
      "+proj=aea +lat_0=23 +lon_0=-96 +lat_1=29.5 +lat_2=45.5 +x_0=304.8 +y_0=0 +datum=WGS84 +units=ft +no_defs",
    );
    const grads = {
      ...base,
      GeographicTypeGeoKey: 32767,
      GeogEllipsoidGeoKey: 7022,
      GeogPrimeMeridianLongGeoKey: 2.5969213,
      GeogAngularUnitsGeoKey: 9105,
      ProjCoordTransGeoKey: 1,
      ProjLinearUnitsGeoKey: 32767,
      ProjLinearUnitSizeGeoKey: 2,
      ProjNatOriginLatGeoKey: [50],
      ProjFalseEastingGeoKey: 300,
    };
    expect(crsFromGeoKeys(grads)?.proj4).toBe(
      "+proj=tmerc +lat_0=45 +lon_0=0 +k=1 +x_0=600 +y_0=0 +ellps=intl +pm=2.33722917 +to_meter=2 +no_defs",
    );
    const geographic = {
      GTModelTypeGeoKey: 2,
      GeographicTypeGeoKey: 32767,
      GeogSemiMajorAxisGeoKey: 6378140,
      GeogInvFlatteningGeoKey: 298.2569,
    };
    expect(crsFromGeoKeys(geographic)).toMatchObject({
      geographic: true,
      proj4: "+proj=longlat +a=6378140 +rf=298.2569 +no_defs",
    });
  });

  it.each([
    ["a projection of its own", { ProjCoordTransGeoKey: 3, GeographicTypeGeoKey: 4326 }],
    ["no datum", { ProjCoordTransGeoKey: 1 }],
    [
      "a unit of no size",
      { ProjCoordTransGeoKey: 1, GeographicTypeGeoKey: 4326, ProjLinearUnitsGeoKey: 32767 },
    ],
  ])("leaves %s to the projector, which refuses it", (_, keys) => {
    const crs = crsFromGeoKeys({ GTModelTypeGeoKey: 1, ProjectedCSTypeGeoKey: 32767, ...keys })!;
    expect(crs.proj4).toBe("");
    expect(() => projector(crs, WGS84)).toThrow(expect.objectContaining({ code: "unsupported-feature" }));
  });

  it("writes WGS 84 / UTM as a proj string by its EPSG code", async () => {
    expect(await throughFile("+proj=utm +zone=7 +south +datum=WGS84", "utm.tif")).toEqual(crsFromEpsg(32707));
    expect((await throughFile("+proj=utm +zone=7 +south +ellps=intl", "utm.tif"))?.proj4).toBe(
      "+proj=utm +zone=7 +south +ellps=intl +units=m +no_defs",
    );
  });

  it.each([
    "",
    "EPSG:9999",
    "+proj=omerc +lat_0=4 +lonc=115 +alpha=53 +datum=WGS84",
    "+proj=tmerc +lat_0=0 +lon_0=9 +datum=potsdam",
    "+proj=tmerc +lat_0=0 +lon_0=9 +ellps=GRS80 +nadgrids=x.gsb",
    "+proj=tmerc +lat_0=0 +lon_0=9 +ellps=unheard",
    "+proj=tmerc +lat_0=0 +lon_0=9 +datum=WGS84 +units=chain",
    "+proj=lcc +lat_0=40 +lat_1=41 +lon_0=9 +datum=WGS84",
    "+proj=tmerc +lat_0=north +lon_0=9 +datum=WGS84",
  ])("refuses to write %j", async (proj4) => {
    await expect(throughFile(proj4, "no.tif")).rejects.toMatchObject({ code: "unsupported-feature" });
  });
});

describe.skipIf(!hasGdal("user-defined CRSs against GDAL"))("GDAL", () => {
  it("reads what is written, and is read", async () => {
    for (const [index, [proj4]] of cases.entries()) await throughFile(proj4, `ours${index}.tif`);
    const jobs = cases.map(([proj4], index) => [
      proj4,
      folder.at(`ours${index}.tif`),
      folder.at(`gdal${index}.tif`),
    ]);
    const read = runGdal<string[]>(
      `
out = []
for proj4, ours, theirs in args:
    out.append(gdal.Open(ours).GetSpatialRef().ExportToProj4())
    srs = osr.SpatialReference(); srs.ImportFromProj4(proj4)
    ds = gdal.GetDriverByName("GTiff").Create(theirs, 4, 4)
    ds.SetGeoTransform([0, 1, 0, 4, 0, -1]); ds.SetSpatialRef(srs)
    ds = None
print(json.dumps(out))`,
      jobs,
    );
    // PROJ writes a sphere as its radius.
    const asOurs = (proj4: string): string => proj4.replace(/\+R=(\S+)/, "+a=$1 +b=$1");
    expect(read.map(asOurs).map(parameters)).toEqual(cases.map(([proj4]) => parameters(proj4)));
    for (const [proj4, , theirs] of jobs) {
      const raster = await openRaster(theirs!);
      expect(parameters(raster.grid.crs!.proj4)).toEqual(parameters(proj4!));
      await raster.close();
    }
  });
});
