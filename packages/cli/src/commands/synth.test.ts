import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { openRaster, readGeoJson } from "@glof/geo";
import { describe, expect, it } from "vitest";
import { EXIT } from "../exit_codes.js";
import { useFolder } from "../testing/made_up_files.js";
import { runGlof } from "../testing/run_glof.js";

const { path } = useFolder();
const files = ["lakes.geojson", "scene.tif", "truth.tif"];
const small = ["--size", "64", "--pixel-size", "30"];

describe("glof synth", () => {
  it("makes a scene with truth, the same for the same seed", async () => {
    const seed = ["--seed", "3", "--season", "summer", ...small];
    const { code, stderr } = await runGlof("synth", "--out", path("a"), ...seed);
    expect(stderr).toContain(`1 scene in ${path("a")}`);
    expect(code).toBe(EXIT.ok);
    expect((await readdir(path("a"))).sort()).toEqual(files);
    const scene = await openRaster(path("a", "scene.tif"));
    expect(scene.grid).toMatchObject({ width: 64, height: 64 });
    await scene.close();
    await runGlof("synth", "--out", path("b"), ...seed, "-q");
    for (const name of ["scene.tif", "truth.tif"]) {
      expect(await readFile(path("b", name))).toEqual(await readFile(path("a", name)));
    }
    await readGeoJson(path("a", "lakes.geojson"));
  });

  it("makes several in numbered folders, and refuses where one is there already, before it makes any", async () => {
    const several = ["synth", "--out", path("many"), "--count", "2", ...small, "-q"];
    expect((await runGlof(...several)).code).toBe(EXIT.ok);
    expect(await readdir(path("many"))).toEqual(["0000", "0001"]);
    await rm(path("many", "0000"), { recursive: true });
    await writeFile(path("many", "0001", "truth.tif"), "precious");
    const again = await runGlof(...several);
    expect(again.stderr).toContain("expected no earlier result here, got scene.tif");
    expect(again.code).toBe(EXIT.usage);
    expect(await readdir(path("many"))).toEqual(["0001"]);
    expect((await runGlof(...several, "--overwrite")).code).toBe(EXIT.ok);
    expect((await readFile(path("many", "0001", "truth.tif"))).length).toBeGreaterThan(100);
    expect((await readdir(path("many", "0000"))).sort()).toEqual(files);
  });

  it("refuses numbers that make no scene, and leaves nothing", async () => {
    const { code, stderr } = await runGlof("synth", "--out", path("c"), "--size", "3");
    expect(stderr).toContain("16");
    expect(code).toBe(EXIT.usage);
    expect((await runGlof("synth", "--out", path("c"), "--count", "0.5")).code).toBe(EXIT.usage);
    await expect(readdir(path("c"))).rejects.toThrow("ENOENT");
  });
});
