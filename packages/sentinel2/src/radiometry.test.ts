import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Logger, seededRng, silentLogger } from "@glof/core";
import { describe, expect, it } from "vitest";
import { type OffsetFacts, offsetRule } from "./offset_rules.js";
import { openScene } from "./open_scene.js";
import type { OpenSceneOptions } from "./scene_door.js";
import { testTiff } from "./test_tiff.js";

describe("offsetRule", () => {
  it.each<[string, OffsetFacts, number, string]>([
    ["nothing known", {}, 0, "default"],
    ["an early baseline", { baseline: "03.01" }, 0, "processing baseline 03.01"],
    ["the first with an offset", { baseline: "04.00" }, -1000, "processing baseline 04.00"],
    ["a late one", { baseline: "05.11" }, -1000, "processing baseline 05.11"],
    ["a user's own", { baseline: "99.99" }, 0, "processing baseline 99.99"],
    ["no number", { baseline: "new" }, 0, "processing baseline new"],
    ["metadata over baseline", { baseline: "03.01", statedDn: -500 }, -500, "the product's metadata"],
    ["an offset of 0 in metadata", { baseline: "05.09", statedDn: 0 }, 0, "the product's metadata"],
    ["applied by the archive", { baseline: "05.09", statedDn: -1000, offsetApplied: true }, 0, "the archive"],
    ["not applied by the archive", { baseline: "05.09", offsetApplied: false }, -1000, "processing baseline"],
    ["harmonised by its name", { baseline: "05.09", names: ["COPERNICUS/S2_SR_HARMONIZED"] }, 0, "the name"],
    ["harmonised by the caller", { statedDn: -1000, harmonised: true }, 0, "the caller: harmonised"],
    [
      "not harmonised by the caller",
      { statedDn: -1000, harmonised: false, offsetApplied: true, names: ["x_harmonised"] },
      -1000,
      "the product's metadata",
    ],
    ["the caller's number", { offsetDn: -3, harmonised: true, statedDn: -1000 }, -3, "the caller"],
  ])("%s", (_, facts, offsetDn, from) => {
    const rule = offsetRule(facts);
    expect(rule.offsetDn).toBe(offsetDn);
    expect(rule.from).toContain(from);
  });
});

describe("offsets of files that state none", () => {
  const product = "S2A_MSIL2A_20230821T221941_N0509_R029_T01KAB_20230822T021825";
  const offsetOf = async (name: string, options: OpenSceneOptions = {}, scale?: number): Promise<number> => {
    const tiff = { width: 2, height: 1, bands: [[1200, 1500]], names: ["B03"], ...(scale && { scale }) };
    const scene = await openScene(testTiff(tiff), { name, checkValues: false, ...options });
    return scene.radiometry.B03!.offsetDn;
  };

  it("follow the baseline in an ESA product name, unless tagged, floating, harmonised or told", async () => {
    expect(await offsetOf(`${product}.tif`)).toBe(-1000);
    expect(await offsetOf(`${product.replace("N0509", "N0301")}.tif`)).toBe(0);
    expect(await offsetOf("T01KAB_20230821T221941.tif")).toBe(0);
    expect(await offsetOf(`${product}_HARMONIZED.tif`)).toBe(0);
    expect(await offsetOf(`${product}.tif`, { harmonised: true })).toBe(0);
    expect(await offsetOf(`${product}.tif`, { offsetDn: -5 })).toBe(-5);
    expect(await offsetOf(`${product}.tif`, {}, 0.0001)).toBe(0);
    const float = testTiff({ width: 1, height: 1, bands: [[0.2]], names: ["B03"], type: "float32" });
    expect((await openScene(float, { name: product })).radiometry.B03?.offsetDn).toBe(0);
  });

  it("follow the name of the folder of loose bands", async () => {
    const parent = await mkdtemp(join(tmpdir(), "glof-offset-"));
    const folder = join(parent, `${product}_bands`);
    try {
      const { mkdir } = await import("node:fs/promises");
      await mkdir(join(folder, "R20m"), { recursive: true });
      const tiff = testTiff({ width: 2, height: 1, bands: [[1200, 1500]], pixelM: 20 });
      await writeFile(join(folder, "R20m", "T01KAB_20230821T221941_B11_20m.tif"), new Uint8Array(tiff));
      const scene = await openScene(folder);
      expect([scene.bands, scene.radiometry.B11?.offsetDn]).toEqual([["B11"], -1000]);
      await scene.close();
    } finally {
      await rm(parent, { recursive: true });
    }
  });
});

describe("warnings of offsets", () => {
  /** A mountain scene in reflectance: dark water, rock, snow, some hundredths of noise. */
  const rng = seededRng(3);
  const ground = Array.from({ length: 4096 }, (_, index) => {
    const base = index % 50 === 0 ? 0.01 : index % 7 === 0 ? 0.8 : 0.15;
    return base + 0.02 * (rng.next() - 0.5);
  });
  const warningsOf = async (shiftDn: number, options: OpenSceneOptions): Promise<string> => {
    const dn = Uint16Array.from(ground, (refl) => Math.max(1, Math.round(refl * 10_000 + shiftDn)));
    const warnings: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (message) => warnings.push(message) };
    const source = testTiff({ width: 64, height: 64, bands: [dn, dn], names: ["B03", "B08"] });
    await openScene(source, { logger, ...options });
    return warnings.join("\n");
  };

  it("come when it is missing or applied twice, and not when it is right", async () => {
    expect(await warningsOf(1000, { offsetDn: -1000 })).toBe("");
    expect(await warningsOf(0, {})).toBe("");
    expect(await warningsOf(1000, {})).toMatch(/no band is darker than 0\.1 anywhere.*-1000/);
    const twice = await warningsOf(0, { offsetDn: -1000 });
    expect(twice).toMatch(/2\.0 % of B03 is negative, down to -0\.1.*harmonised/);
  });
});
