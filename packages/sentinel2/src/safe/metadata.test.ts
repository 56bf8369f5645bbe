import { readFile } from "node:fs/promises";
import { type GlofErrorCode, isGlofError } from "@glof/core";
import { hasShared, sharedPath } from "@glof/test-kit";
import { describe, expect, it } from "vitest";
import { BAND_NAMES } from "../types.js";
import { parseProductMetadata } from "./product_metadata.js";
import { testSafeFiles } from "./test_safe.js";
import { parseTileMetadata } from "./tile_metadata.js";

const root = "data/safe_stac";
const l1c = "S2A_MSIL1C_20210908T042701_N0301_R133_T46RER_20210908T070248.SAFE";
const old = "S2A_MSIL2A_20190212T192651_N0212_R013_T07HFE_20201007T160857.SAFE";
const recent = "S2A_MSIL2A_20230821T221941_N0509_R029_T01KAB_20230822T021825.SAFE";
const read = (path: string): Promise<string> => readFile(sharedPath(`${root}/${path}`), "utf8");

const refusal = (work: () => unknown): { code: GlofErrorCode; message: string } => {
  try {
    work();
  } catch (error) {
    if (isGlofError(error)) return error;
    throw error;
  }
  return expect.unreachable("nothing was refused");
};

describe.skipIf(!hasShared(root))("metadata of real products", () => {
  it("reads Level-1C of baseline 03.01", async () => {
    const product = parseProductMetadata(await read(`${l1c}/MTD_MSIL1C.xml`), l1c);
    expect(product).toMatchObject({
      level: "L1C",
      uri: l1c,
      spacecraft: "Sentinel-2A",
      baseline: "03.01",
      acquiredAt: "2021-09-08T04:27:01.024Z",
      relativeOrbit: 133,
      orbitDirection: "DESCENDING",
      quantification: 10_000,
      offsetsDn: {},
      nodataDn: 0,
      saturatedDn: 65_535,
      cloudPercent: 88.2972,
    });
    expect(product.imageFiles).toHaveLength(14);
    const folder = "GRANULE/L1C_T46RER_A032448_20210908T043714";
    const tile = parseTileMetadata(await read(`${l1c}/${folder}/MTD_TL.xml`), l1c);
    expect(tile.tile).toBe("46RER");
    expect(tile.epsg).toBe(32646);
    expect(tile.sensedAt).toBe("2021-09-08T04:40:48.758475Z");
    expect(tile.grids.get(20)).toMatchObject({
      width: 5490,
      height: 5490,
      geoTransform: [499_980, 20, 0, 3_100_020, 0, -20],
    });
    expect(tile.sun).toMatchObject({ meanZenithDeg: 26.4931642669439, meanAzimuthDeg: 142.987598836457 });
    expect(tile.sun?.grid).toMatchObject({ rows: 23, cols: 23, stepM: [5000, 5000] });
    expect(tile.sun?.grid?.zenithDeg[0]).toBe(Math.fround(27.2006));
    expect(tile.sun?.grid?.zenithDeg[23 + 1]).toBe(Math.fround(27.1361));
  });

  it("reads Level-2A of baseline 02.12, without offsets", async () => {
    const product = parseProductMetadata(await read(`${old}/MTD_MSIL2A.xml`), old);
    expect(product).toMatchObject({
      level: "L2A",
      baseline: "02.12",
      acquiredAt: "2019-02-12T19:26:51.024Z",
      relativeOrbit: 13,
      quantification: 10_000,
      offsetsDn: {},
      saturatedDn: 65_535,
    });
    const folder = "GRANULE/L2A_T07HFE_A019029_20190212T192646";
    const tile = parseTileMetadata(await read(`${old}/${folder}/MTD_TL.xml`), old);
    expect([tile.tile, tile.epsg, tile.sun?.meanAzimuthDeg]).toEqual(["07HFE", 32707, 62.3286549448294]);
    expect(tile.grids.get(10)?.geoTransform).toEqual([600_000, 10, 0, 6_500_020, 0, -10]);
  });

  it("reads Level-2A of baseline 05.09 with an offset for each band", async () => {
    const product = parseProductMetadata(await read(`${recent}/MTD_MSIL2A.xml`), recent);
    expect(product.baseline).toBe("05.09");
    expect(product.offsetsDn).toEqual(Object.fromEntries(BAND_NAMES.map((band) => [band, -1000])));
    expect(product.quantification).toBe(10_000);
    expect(product.cloudPercent).toBeCloseTo(59.050727, 6);
    const folder = "GRANULE/L2A_T01KAB_A042640_20230821T221944";
    const tile = parseTileMetadata(await read(`${recent}/${folder}/MTD_TL.xml`), recent);
    expect([tile.tile, tile.epsg, tile.sun?.meanZenithDeg]).toEqual(["01KAB", 32701, 38.4174390061789]);
  });
});

describe("parseProductMetadata", () => {
  const xmlOf = (safe: Parameters<typeof testSafeFiles>[0], path: string): string =>
    new TextDecoder().decode(testSafeFiles(safe).files.get(path));
  const xml = xmlOf({ images: {}, offsetsDn: { B02: -1000, B8A: -900 } }, "MTD_MSIL2A.xml");

  it("gives each band its own offset, by the number that the file uses for it", () => {
    expect(parseProductMetadata(xml, "x").offsetsDn).toEqual({ B02: -1000, B8A: -900 });
    const numbered = xml.replace(
      "<Special_Values>",
      '<Spectral_Information bandId="8" physicalBand="B9"/><Special_Values>',
    );
    expect(parseProductMetadata(numbered, "x").offsetsDn).toEqual({ B02: -1000, B09: -900 });
    const l1cXml = xmlOf({ level: "L1C", images: {}, offsetsDn: { B10: -1000 } }, "MTD_MSIL1C.xml");
    expect(parseProductMetadata(l1cXml, "x")).toMatchObject({ level: "L1C", offsetsDn: { B10: -1000 } });
  });

  it.each<[string, string, GlofErrorCode]>([
    ["no XML", "hello", "corrupt-file"],
    ["nothing", "", "corrupt-file"],
    ["other XML", "<a><b/></a>", "corrupt-file"],
    ["half of it", xml.slice(0, 900), "corrupt-file"],
    ["no quantification", xml.replace(/<BOA_Q.*E>/, ""), "corrupt-file"],
    ["a quantification of 0", xml.replace(">10000<", ">0<"), "corrupt-file"],
    ["a quantification in words", xml.replace(">10000<", ">many<"), "corrupt-file"],
    ["an offset of no band", xml.replace('band_id="8"', 'band_id="77"'), "corrupt-file"],
    ["an offset in words", xml.replace(">-900<", ">some<"), "corrupt-file"],
    [
      "a document type",
      `<!DOCTYPE a [<!ENTITY b "bb">]>${xml.slice(xml.indexOf("<n1"))}`,
      "unsupported-feature",
    ],
    ["too much nesting", `${"<a>".repeat(500)}x${"</a>".repeat(500)}`, "corrupt-file"],
    ["too much of it", `<a>${" ".repeat(17 * 2 ** 20)}</a>`, "limit-exceeded"],
  ])("refuses %s", (_, text, code) => {
    const error = refusal(() => parseProductMetadata(text, "product.xml"));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(/^product\.xml: expected .+, got.+\. \w+/s);
  });

  it("does not let names of elements reach into objects", () => {
    const evil = xml.replace(
      "<Special_Values>",
      "<__proto__><polluted>1</polluted></__proto__><Special_Values>",
    );
    try {
      parseProductMetadata(evil, "x");
    } catch (error) {
      expect(isGlofError(error, "corrupt-file")).toBe(true);
    }
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe("parseTileMetadata", () => {
  const { files } = testSafeFiles({ images: {} });
  const [, content] = [...files].find(([path]) => path.endsWith("MTD_TL.xml"))!;
  const xml = new TextDecoder().decode(content);

  it("keeps NaN in grids of angles and does without what is not there", () => {
    const { sun } = parseTileMetadata(xml, "x");
    expect([...sun!.grid!.zenithDeg]).toEqual([30, 31, 32, Number.NaN]);
    expect([...sun!.grid!.azimuthDeg]).toEqual([140, 141, 142, 143]);
    expect(
      parseTileMetadata(xml.replace(/<Tile_Angles>[\s\S]*<\/Tile_Angles>/, ""), "x").sun,
    ).toBeUndefined();
    const ragged = parseTileMetadata(xml.replace("30 31", "30"), "x");
    expect(ragged.sun).toEqual({ meanZenithDeg: 31.5, meanAzimuthDeg: 141.5 });
  });

  it("refuses a tile without a place", () => {
    expect(refusal(() => parseTileMetadata(xml.replace("EPSG:32645", "LOCAL"), "x")).code).toBe(
      "corrupt-file",
    );
    expect(refusal(() => parseTileMetadata("<a/>", "x")).message).toContain("HORIZONTAL_CS_CODE");
  });
});
