import { describe, expect, it } from "vitest";
import { hasGdal, runGdal } from "../test_support/gdal.js";
import type { Crs, Position } from "../types.js";
import { crsFromEpsg, utmCrsAt, WGS84 } from "./crs.js";
import { projector } from "./projector.js";

describe("crsFromEpsg", () => {
  it("names UTM zones", () => {
    expect(crsFromEpsg(32645)).toEqual({
      epsg: 32645,
      geographic: false,
      proj4: "EPSG:32645",
      name: "WGS 84 / UTM zone 45N",
    });
    expect(crsFromEpsg(32719).name).toBe("WGS 84 / UTM zone 19S");
    expect(crsFromEpsg(4326)).toEqual(WGS84);
  });

  it.each([0, 32600, 32661.5, 99_999])("refuses %d", (epsg) => {
    expect(() => crsFromEpsg(epsg)).toThrow(/EPSG code this package knows/);
  });
});

describe("utmCrsAt", () => {
  it.each([
    [86.9, 27.9, 32645],
    [-73, -50, 32718],
    [180, 10, 32601],
    [-180, 10, 32601],
    [5, 60, 32632],
    [10, 75, 32633],
    [30, 75, 32635],
  ])("puts %d, %d into EPSG:%d", (longitude, latitude, epsg) => {
    expect(utmCrsAt(longitude, latitude).epsg).toBe(epsg);
  });

  it("refuses the poles", () => {
    expect(() => utmCrsAt(0, 85)).toThrow(/polar CRS/);
  });
});

describe("projector", () => {
  it("gives longitude first and comes back", () => {
    const utm = crsFromEpsg(32645);
    const [x, y] = projector(WGS84, utm)([86.9, 27.9]);
    // PROJ 9: echo 86.9 27.9 | proj +proj=utm +zone=45
    expect(x).toBeCloseTo(490_158.683, 2);
    expect(y).toBeCloseTo(3_086_128.958, 2);
    const [longitude, latitude] = projector(utm, WGS84)([x, y]);
    expect(longitude).toBeCloseTo(86.9, 10);
    expect(latitude).toBeCloseTo(27.9, 10);
  });

  it("refuses a CRS it knows nothing of, and positions out of reach", () => {
    const unknown: Crs = { epsg: 9999, geographic: false, proj4: "EPSG:9999", name: "somewhere" };
    expect(() => projector(unknown, WGS84)).toThrow(/somewhere/);
    expect(() => projector(WGS84, crsFromEpsg(32645))([Number.NaN, 0])).toThrow(/position/);
  });

  it("takes a proj string", () => {
    const own: Crs = {
      epsg: undefined,
      geographic: false,
      proj4: "+proj=utm +zone=45 +datum=WGS84",
      name: "own",
    };
    expect(projector(WGS84, own)([87, 28])).toEqual(projector(WGS84, crsFromEpsg(32645))([87, 28]));
  });
});

describe.skipIf(!hasGdal("projections against PROJ"))("PROJ", () => {
  it("agrees within a millimetre on every listed CRS (datum shifts aside)", () => {
    const places: [number, Position][] = [
      [32645, [86.9, 27.9]],
      [32718, [-73.2, -49.5]],
      [25832, [10.5, 46.8]],
      [26907, [-140.2, 60.5]],
      [3857, [86.9, 27.9]],
      [3413, [-45.5, 70.2]],
      [3031, [100.5, -75.2]],
      [3995, [20, 80]],
      [3976, [20, -80]],
      [32661, [20, 86]],
      [32761, [20, -86]],
      [3035, [10.5, 46.8]],
      [3057, [-16.5, 64.1]],
      [5325, [-16.5, 64.1]],
      [8088, [-16.5, 64.1]],
      [2154, [6.9, 45.9]],
      [3005, [-126.5, 55]],
      [3338, [-150, 61]],
      [5070, [-100, 40]],
      [3978, [-110, 60]],
      [6933, [86.9, 27.9]],
      [2056, [8, 46.5]],
      [21781, [8, 46.5]],
    ];
    const theirs = runGdal<[number, number, string][]>(
      `
out = []
for epsg, place in args:
    src = osr.SpatialReference(); src.ImportFromEPSG(4326); src.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    dst = osr.SpatialReference(); dst.ImportFromEPSG(epsg); dst.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    x, y, z = osr.CoordinateTransformation(src, dst).TransformPoint(*place)
    out.append([x, y, dst.GetName()])
print(json.dumps(out))
`,
      places,
    );
    places.forEach(([epsg, place], index) => {
      const crs = crsFromEpsg(epsg);
      const [x, y] = projector(WGS84, crs)(place);
      // Swiss grids: the three-parameter shift differs from PROJ's choice by about a metre at most.
      const tolerance = epsg === 2056 || epsg === 21781 ? 1.5 : 1e-3;
      expect(Math.abs(x - theirs[index]![0]), `${epsg} x`).toBeLessThan(tolerance);
      expect(Math.abs(y - theirs[index]![1]), `${epsg} y`).toBeLessThan(tolerance);
      expect(crs.name).toBe(theirs[index]![2]);
    });
  });
});
