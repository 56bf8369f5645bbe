import { describe, expect, it } from "vitest";
import { readGml } from "./gml.js";
import { readTestFile } from "./test_files/codestream_parts.js";

/** The GML of a file that GDAL wrote. */
function gmlOf(name: string): string {
  const text = new TextDecoder("latin1").decode(readTestFile(name));
  return text.slice(text.indexOf("<gml"), text.lastIndexOf(">") + 1);
}

const urn = "urn:ogc:def:crs:EPSG::3035";
const upright = [500000, 10, 0, 3000000, 0, -20];
const onItsSide = [3000000, 0, -20, 500000, 10, 0];
const axes = (first: string, second: string) => (text: string) =>
  text
    .replace("<gml:axisName>x<", `<gml:axisName>${first}<`)
    .replace("<gml:axisName>y<", `<gml:axisName>${second}<`);
const named = (name: string) => (text: string) => text.replaceAll(urn, name);

describe("readGml", () => {
  // What GDAL 3.6.2 makes of the same changes.
  it.each([
    ["a URN", named(urn), upright, 3035],
    ["a URN with version", named("urn:ogc:def:crs:EPSG:8.5:3035"), upright, 3035],
    ["an old URN", named("urn:x-ogc:def:crs:EPSG:6.9:3035"), upright, 3035],
    ["a URL", named("http://www.opengis.net/def/crs/EPSG/0/3035"), upright, 3035],
    ["a short name: x first", named("EPSG:3035"), onItsSide, 3035],
    ["a CRS with x first", named("urn:ogc:def:crs:EPSG::32633"), onItsSide, 32633],
    ["a CRS of another list", named("urn:ogc:def:crs:EPSG::31467"), upright, 31467],
    ["axes easting and northing", axes("Easting", "Northing"), onItsSide, 3035],
    ["axes northing and easting", axes("Northing", "Easting"), upright, 3035],
  ] as const)("understands %s", (_, change, transform, epsg) => {
    const found = readGml(change(gmlOf("gml_3035.jp2")));
    expect(found?.geoTransform).toEqual(transform);
    expect(found?.crs?.epsg).toBe(epsg);
  });

  it("understands version 2, coordinates with commas and CRS84", () => {
    const text = gmlOf("gml2_4326.jp2");
    const upright = [86, 0.25, 0, 28, 0, -0.5];
    expect(readGml(text)?.geoTransform).toEqual(upright);
    const commas = text.replace(
      /<gml:pos>(\S+) (\S+)<\/gml:pos>/,
      "<gml:coordinates>$1,$2</gml:coordinates>",
    );
    expect(commas).not.toBe(text);
    expect(readGml(commas)?.geoTransform).toEqual(upright);
    const crs84 = readGml(
      text.replaceAll("http://www.opengis.net/def/crs/EPSG/0/4326", "urn:ogc:def:crs:OGC:1.3:CRS84"),
    );
    expect(crs84?.geoTransform).toEqual([28, 0, -0.5, 86, 0.25, 0]);
    expect(crs84?.crs?.geographic).toBe(true);
  });

  it("gives nothing for what it does not understand", () => {
    const text = gmlOf("gml_3035.jp2");
    expect(readGml("<a/>")).toBeUndefined();
    expect(readGml(text.replace("<gml:pos>", "<gml:pos>about "))).toBeUndefined();
    expect(readGml(text.replaceAll("offsetVector", "offset"))).toBeUndefined();
    expect(readGml(text.replaceAll(urn, "somewhere"))?.crs).toBeUndefined();
  });
});
