import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { crsFromEpsg, WGS84 } from "../../crs/crs.js";
import { useTemporaryFolder } from "../../test_support/temporary_folder.js";
import type { Feature } from "../../types.js";
import { formatCsv, toWkt, writeCsv } from "../write_csv.js";
import { formatGeoJson } from "../write_geojson.js";
import { formatQml, LAKES_BY_AREA, LAKES_BY_PROBABILITY, writeQml } from "./qml.js";

const folder = useTemporaryFolder();
const lake: Feature = {
  geometry: [
    [
      [
        [500_000, 3_000_000],
        [500_100, 3_000_000],
        [500_100, 3_000_100],
        [500_000, 3_000_100],
        [500_000, 3_000_000],
      ],
    ],
  ],
  properties: { name: 'Imja, "Tsho"', area: 12.5, edge: true, note: null, empty: "" },
};
const utm = crsFromEpsg(32645);

describe("CSV", () => {
  it("is RFC 4180 with the centre of each shape", async () => {
    const features = [lake, { geometry: [], properties: { area: 1, more: "a\nb" } }];
    await writeCsv(folder.at("lakes.csv"), features, { crs: utm, precision: 4 });
    expect(await readFile(folder.at("lakes.csv"), "utf8")).toBe(
      'name,area,edge,note,empty,more,lon,lat\r\n"Imja, ""Tsho""",12.5,true,,"",,87.0005,27.1229\r\n,1,,,,"a\nb",,\r\n',
    );
    const [header, row] = formatCsv([lake], { crs: utm, wkt: true }).split("\r\n");
    expect(header).toBe("name,area,edge,note,empty,lon,lat,wkt");
    expect(row).toContain('"POLYGON ((500000 3000000, 500100 3000000,');
  });

  it("keeps columns that are called lon already, and writes no rows of none", () => {
    expect(formatCsv([{ geometry: [], properties: { lon: 3 } }], { crs: WGS84 })).toBe("lon,lat\r\n3,\r\n");
    expect(formatCsv([], { crs: WGS84 })).toBe("lon,lat\r\n");
    expect(toWkt([])).toBe("MULTIPOLYGON EMPTY");
    expect(toWkt([...lake.geometry, ...lake.geometry])).toMatch(
      /^MULTIPOLYGON \(\(\(500000 3000000, .*\)\), \(\(/,
    );
  });
});

describe("QML", () => {
  it("names the column, its classes and their colours", async () => {
    await writeQml(folder.at("lakes.qml"), LAKES_BY_PROBABILITY);
    const text = await readFile(folder.at("lakes.qml"), "utf8");
    expect(text).toContain('attr="mean_probability"');
    expect(text.match(/<range /g)).toHaveLength(5);
    expect(text).toContain('name="color" value="8,81,156,204"');
    expect(formatQml({ ...LAKES_BY_AREA, attribute: 'a"<b' })).toContain('attr="a&quot;&lt;b"');
  });

  it("refuses odd colours and classes", () => {
    expect(() => formatQml({ attribute: "a", classes: [] })).toThrow(/rising/);
    expect(() => formatQml({ attribute: "a", classes: [{ lower: 0, upper: 1, fill: "red" }] })).toThrow(
      /#4292c6/,
    );
    const falling = [...LAKES_BY_AREA.classes].reverse();
    expect(() => formatQml({ attribute: "a", classes: falling })).toThrow(/rising/);
  });
});

describe("GeoJSON at the antimeridian", () => {
  it("is cut there", () => {
    const zone1 = crsFromEpsg(32601);
    const [x, y] = [350_000, 7_330_000];
    const ring = [
      [x, y],
      [x + 40_000, y],
      [x + 40_000, y + 9000],
      [x, y + 9000],
      [x, y],
    ] as const;
    const text = formatGeoJson([{ geometry: [[ring]], properties: {} }], { crs: zone1 });
    const { type, coordinates } = JSON.parse(text).features[0].geometry;
    expect(type).toBe("MultiPolygon");
    expect(coordinates).toHaveLength(2);
    expect(coordinates.flat(2).every(([longitude]: number[]) => Math.abs(longitude!) <= 180)).toBe(true);
    expect(() => formatGeoJson([], { crs: WGS84, precision: -1 })).toThrow(/precision/);
  });
});
