import { isGlofError } from "@glof/core";
import { describe, expect, it } from "vitest";
import { requireBandName, requireBands, toBandName } from "./band_names.js";
import { baseName, parseProductName } from "./product_name.js";
import { BAND_NAMES } from "./types.js";

describe("toBandName", () => {
  it.each([
    ["B02", "B02"],
    ["B2", "B02"],
    ["b2", "B02"],
    [" B8A ", "B8A"],
    ["b8a", "B8A"],
    ["B12", "B12"],
    ["blue", "B02"],
    ["NIR", "B08"],
    ["nir08", "B8A"],
    ["swir16", "B11"],
    ["B4, central wavelength 665 nm", "B04"],
  ])("reads %s as %s", (text, band) => {
    expect(toBandName(text)).toBe(band);
  });

  it.each(["", "B00", "B13", "B002", "B8B", "SCL", "VV", "2", "toString", "blueish", "B02 B03"])(
    "does not take %j for a band",
    (text) => {
      expect(toBandName(text)).toBeUndefined();
    },
  );

  it("knows every band by its own name", () => {
    for (const band of BAND_NAMES) expect(toBandName(band)).toBe(band);
  });

  it("says what was wrong", () => {
    expect(() => requireBandName("B99", "here")).toThrow(/^here: expected .* got "B99".*B8A/);
    try {
      requireBands({ id: "chip", bands: ["B02"] }, ["B08", "B02", "B11"], "here");
      expect.unreachable();
    } catch (error) {
      expect(isGlofError(error, "missing-band") && error.details.missing).toEqual(["B08", "B11"]);
    }
  });
});

describe("parseProductName", () => {
  it("reads level and time of sensing", () => {
    const name = "S2A_MSIL2A_20230821T221941_N0509_R029_T01KAB_20230822T021825.SAFE";
    expect(parseProductName(name)).toEqual({ level: "L2A", acquiredAt: "2023-08-21T22:19:41Z" });
    expect(parseProductName("T45RVL_20231399T000000_B02")).toEqual({
      level: "unknown",
      acquiredAt: undefined,
    });
  });

  it("finds the name in a path or address", () => {
    expect(baseName("/data/scenes/khumbu.tif")).toBe("khumbu");
    expect(baseName("/data/scene/")).toBe("scene");
    expect(baseName("https://host/a/b.TIFF?sig=1/2#x")).toBe("b");
  });
});
